// What is written down of a steady load, phase by phase, so that a phase in which somebody misbehaves can be held against one
// in which nobody does.
package main

import (
	"slices"
	"sync"
	"time"
)

// phaseResult is everything of one phase. Samples are given one by one: percentiles of several phases cannot be put together.
type phaseResult struct {
	Seconds    float64   `json:"seconds"`
	RequestsUs []float64 `json:"requestsUs"`
	OpensUs    []float64 `json:"opensUs"`
	Bytes      uint64    `json:"bytes"`

	// What went wrong: no answer or a wrong one within opDeadline.
	FailedRequests int `json:"failedRequests"`
	FailedOpens    int `json:"failedOpens"`
	// Transfers by how they ended: all bytes and their hash, too few, or others than were sent.
	WholeTransfers int `json:"wholeTransfers"`
	CutTransfers   int `json:"cutTransfers"`
	WrongHashes    int `json:"wrongHashes"`
	// Of work that began since the phase before, when nothing was measured.
	FailedBetween int            `json:"failedBetween"`
	Errors        map[string]int `json:"errors,omitempty"`

	// How late the generator itself began, 99th percentile: what it adds by itself is of this size.
	LateP99Us float64 `json:"lateP99Us"`
}

// phase is one that runs. Work that began in it is waited for and counted in it, whenever it ends.
type phase struct {
	pending sync.WaitGroup
	lock    sync.Mutex
	result  phaseResult
	lates   []float64
}

// recorder knows which phase it is; nil between phases, where only failures are counted.
type recorder struct {
	lock          sync.Mutex
	current       *phase
	bytes         uint64
	failedBetween int
	errors        map[string]int
}

// begin says that a piece of work begins. What it gives has to be told how that ended, once.
func (r *recorder) begin() *piece {
	r.lock.Lock()
	defer r.lock.Unlock()
	if r.current != nil {
		r.current.pending.Add(1)
	}
	return &piece{r, r.current}
}

func (r *recorder) delivered(bytes int) {
	r.lock.Lock()
	defer r.lock.Unlock()
	if r.current != nil {
		r.bytes += uint64(bytes)
	}
}

func (r *recorder) start() *phase {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.current, r.bytes = &phase{}, 0
	return r.current
}

// stop ends the phase and waits for what began in it.
func (r *recorder) stop(p *phase, seconds float64) phaseResult {
	r.lock.Lock()
	r.current = nil
	r.lock.Unlock()
	p.pending.Wait()
	r.lock.Lock()
	defer r.lock.Unlock()
	result := p.result
	result.Seconds, result.Bytes = seconds, r.bytes
	result.FailedBetween, result.Errors = r.failedBetween, r.errors
	r.failedBetween, r.errors = 0, nil
	if len(p.lates) > 0 {
		slices.Sort(p.lates)
		result.LateP99Us = p.lates[len(p.lates)*99/100]
	}
	return result
}

func (r *recorder) failed(err error, between bool) {
	r.lock.Lock()
	defer r.lock.Unlock()
	if between {
		r.failedBetween++
	}
	if r.errors == nil {
		r.errors = map[string]int{}
	}
	r.errors[plain(err).Error()]++
}

type piece struct {
	recorder *recorder
	phase    *phase
}

// ended tells the outcome: an error, or nil and what to write down.
func (p *piece) ended(err error, write func(result *phaseResult)) {
	if err != nil {
		p.recorder.failed(err, p.phase == nil)
	}
	if p.phase == nil {
		return
	}
	p.phase.lock.Lock()
	write(&p.phase.result)
	p.phase.lock.Unlock()
	p.phase.pending.Done()
}

func (p *piece) late(by time.Duration) {
	if p.phase == nil {
		return
	}
	p.phase.lock.Lock()
	p.phase.lates = append(p.phase.lates, float64(by.Nanoseconds())/1000)
	p.phase.lock.Unlock()
}
