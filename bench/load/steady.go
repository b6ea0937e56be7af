// The load of many tenants that behave: each asks, opens streams to its neighbour and sends it bytes, at a pace.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// What has no answer by then has failed. Far above any latency that could still pass.
	opDeadline = 5 * time.Second
	// Opens of one tenant that may wait for their echo at a time; the next one fails at once.
	maxOpening = 64
)

type pace struct {
	requests, opens, bytes float64
}

type steadyLoad struct {
	recorder
	pace     pace
	deadline time.Time
	lock     sync.Mutex
	// By its number: where the sink says what it got.
	sinks map[uint64]chan contents
	next  uint64
}

// steady runs until stdin ends. It says a line when all tenants are connected. Each line `measure MILLISECONDS` is one phase,
// answered by a line with its result.
func steady(sockets []string, dir string, pace pace, deadline time.Time) error {
	s := &steadyLoad{pace: pace, deadline: deadline, sinks: map[uint64]chan contents{}}
	var bulks []*link
	for n, socket := range sockets {
		to := sockets[(n+1)%len(sockets)]
		echoes, err := newLink(socket, to, dir, 1, deadline)
		if err != nil {
			return err
		}
		go echoes.serve(echo)
		bulk, err := newLink(socket, to, dir, 1, deadline)
		if err != nil {
			return err
		}
		go bulk.serve(s.sink)
		bulks = append(bulks, bulk)
		go s.ask(socket)
		go s.open(echoes)
	}
	say := json.NewEncoder(os.Stdout)
	if err := say.Encode(idleResult{Opened: len(sockets)}); err != nil {
		return err
	}
	orders := bufio.NewScanner(os.Stdin)
	for orders.Scan() {
		milliseconds, err := strconv.Atoi(strings.TrimPrefix(orders.Text(), "measure "))
		if err != nil {
			return err
		}
		if err := say.Encode(s.measure(bulks, time.Duration(milliseconds)*time.Millisecond)); err != nil {
			return err
		}
	}
	return orders.Err()
}

func (s *steadyLoad) measure(bulks []*link, length time.Duration) phaseResult {
	began := time.Now()
	p := s.start()
	for _, bulk := range bulks {
		go s.transfer(bulk, length)
	}
	time.Sleep(length)
	return s.stop(p, time.Since(began).Seconds())
}

// interval is drawn anew each time, around the pace: tenants that keep step would only meet each other.
func interval(perSecond float64) time.Duration {
	return time.Duration((0.5 + rand.Float64()) / perSecond * float64(time.Second))
}

// ask sends IDENTIFY on one connection. A request that was due while the one before it had no answer is counted from when it
// was due: otherwise a daemon that stalls would be asked less, and look better.
func (s *steadyLoad) ask(socket string) {
	var conn *peerConn
	due := time.Now().Add(interval(s.pace.requests))
	for ; ; due = due.Add(interval(s.pace.requests)) {
		began := due
		ahead := time.Until(due) > 0
		if ahead {
			time.Sleep(time.Until(due))
			began = time.Now()
		}
		p := s.begin()
		if ahead {
			p.late(began.Sub(due))
		}
		err := func() (err error) {
			limit := time.Now().Add(opDeadline)
			if conn == nil {
				if conn, err = dial(socket, limit); err != nil {
					return err
				}
			}
			if err = conn.SetDeadline(limit); err != nil {
				return err
			}
			_, err = conn.call(identifyRequest(), 4)
			return err
		}()
		took := float64(time.Since(began).Nanoseconds()) / 1000
		if err != nil {
			if conn != nil {
				conn.Close()
				conn = nil
			}
			due = time.Now()
		}
		p.ended(wrap("IDENTIFY", err), func(to *phaseResult) {
			if err != nil {
				to.FailedRequests++
			} else {
				to.RequestsUs = append(to.RequestsUs, took)
			}
		})
	}
}

// open opens streams, each with one echo. One that is slow does not keep the next ones waiting.
func (s *steadyLoad) open(l *link) {
	slots := make(chan struct{}, maxOpening)
	due := time.Now()
	for n := uint64(0); ; n++ {
		due = due.Add(interval(s.pace.opens))
		time.Sleep(time.Until(due))
		p := s.begin()
		count := func(err error, took float64) {
			p.ended(wrap("open", err), func(to *phaseResult) {
				if err != nil {
					to.FailedOpens++
				} else {
					to.OpensUs = append(to.OpensUs, took)
				}
			})
		}
		select {
		case slots <- struct{}{}:
		default:
			count(errors.New("too many wait already"), 0)
			continue
		}
		go func() {
			began := time.Now()
			err := l.once(n, began.Add(opDeadline))
			count(err, float64(time.Since(began).Nanoseconds())/1000)
			<-slots
		}()
	}
}

// once opens a stream, sees one echo and closes.
func (l *link) once(n uint64, deadline time.Time) error {
	stream, _, err := l.open(l.protocols[0], deadline)
	if err != nil {
		return err
	}
	defer stream.Close()
	return exchange(stream, n)
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, plain(err))
}
