// Times of small things: round trips on a kept stream, opens with their first echo, IDENTIFY.
package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"sync"
	"time"
)

const messageBytes = 64

type latencyResult struct {
	Samples   int     `json:"samples"`
	P50Us     float64 `json:"p50Us"`
	P99Us     float64 `json:"p99Us"`
	PerSecond float64 `json:"perSecond"`
	Failed    int     `json:"failed"`
	// All that was done, with what was not measured or failed: to divide the daemons' CPU time by.
	Done  int    `json:"done"`
	Error string `json:"error,omitempty"`
}

// summarize sorts the samples; the percentile is the smallest sample that this share of all does not exceed.
func summarize(samples []time.Duration, elapsed time.Duration, unmeasured, failed int, failure error) (*latencyResult, error) {
	if len(samples) == 0 {
		return nil, failure
	}
	slices.Sort(samples)
	at := func(share float64) float64 {
		return float64(samples[min(len(samples)-1, int(share*float64(len(samples))))].Nanoseconds()) / 1000
	}
	result := &latencyResult{
		Samples: len(samples), P50Us: at(0.5), P99Us: at(0.99),
		PerSecond: float64(len(samples)) / elapsed.Seconds(), Failed: failed, Done: unmeasured + len(samples) + failed,
	}
	if failure != nil {
		result.Error = plain(failure).Error()
	}
	return result, nil
}

// exchange sends 64 bytes nobody else sends and reads them back.
func exchange(stream *peerConn, number uint64) error {
	var message, answer [messageBytes]byte
	binary.LittleEndian.PutUint64(message[:], number)
	if _, err := stream.Write(message[:]); err != nil {
		return err
	}
	if _, err := io.ReadFull(stream, answer[:]); err != nil {
		return err
	}
	if !bytes.Equal(message[:], answer[:]) {
		return errors.New("an echo of something else")
	}
	return nil
}

// repeat times `once` until there are `count` samples or the time is over, after a fifth of them unmeasured.
func repeat(count int, limit time.Duration, once func(n int) error) (*latencyResult, error) {
	for n := range count / 5 {
		if err := once(n); err != nil {
			return nil, err
		}
	}
	var samples []time.Duration
	start := time.Now()
	for n := 0; n < count && time.Since(start) < limit; n++ {
		began := time.Now()
		if err := once(count + n); err != nil {
			return nil, err
		}
		samples = append(samples, time.Since(began))
	}
	return summarize(samples, time.Since(start), count/5, 0, errors.New("no sample in time"))
}

func withoutError(result *latencyResult, err error) (*latencyResult, error) {
	if result != nil {
		result.Error = ""
	}
	return result, err
}

func roundTrip(a, b, dir string, count int, limit time.Duration, deadline time.Time) (*latencyResult, error) {
	l, err := newLink(a, b, dir, 1, deadline)
	if err != nil {
		return nil, err
	}
	defer l.listener.Close()
	go l.serve(echo)
	stream, _, err := l.open(l.protocols[0], deadline)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	return withoutError(repeat(count, limit, func(n int) error { return exchange(stream, uint64(n)) }))
}

// opens times connecting to the control socket, STREAM_OPEN and the first echo, with so many under way at a time. One that
// fails is counted, not fatal: the daemon may have a limit, or cross its streams.
func opens(a, b, dir string, count, parallel int, limit time.Duration, deadline time.Time) (*latencyResult, error) {
	l, err := newLink(a, b, dir, 1, deadline)
	if err != nil {
		return nil, err
	}
	defer l.listener.Close()
	go l.serve(echo)

	once := func(n int) error {
		// An echo that never comes must not stop the whole run.
		stream, _, err := l.open(l.protocols[0], time.Now().Add(3*time.Second))
		if err != nil {
			return err
		}
		defer stream.Close()
		return exchange(stream, uint64(n))
	}
	for n := range count / 5 {
		// What fails here fails again below, where it counts.
		_ = once(n)
	}

	var lock sync.Mutex
	var wait sync.WaitGroup
	var samples []time.Duration
	var failure error
	next, failed := 0, 0
	start := time.Now()
	take := func() (int, bool) {
		lock.Lock()
		defer lock.Unlock()
		next++
		return next, next <= count && time.Since(start) < limit
	}
	for range parallel {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for {
				n, more := take()
				if !more {
					return
				}
				began := time.Now()
				err := once(count + n)
				took := time.Since(began)
				lock.Lock()
				if err != nil {
					failed, failure = failed+1, err
				} else {
					samples = append(samples, took)
				}
				lock.Unlock()
			}
		}()
	}
	wait.Wait()
	return summarize(samples, time.Since(start), count/5, failed, failure)
}

// identify asks over and over, on one connection or on a fresh one each time.
func identify(a string, kept bool, count int, limit time.Duration, deadline time.Time) (*latencyResult, error) {
	if !kept {
		return withoutError(repeat(count, limit, func(int) error {
			_, err := callOnce(a, identifyRequest(), 4, deadline)
			return err
		}))
	}
	conn, err := dial(a, deadline)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return withoutError(repeat(count, limit, func(int) error {
		_, err := conn.call(identifyRequest(), 4)
		return err
	}))
}
