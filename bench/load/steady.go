// The load of many tenants that behave: each asks, opens streams to its neighbour and sends it bytes, at a pace.
package main

import (
	"bufio"
	crypto "crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	chunkBytes = 32 << 10
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

type contents struct {
	bytes int
	hash  [sha256.Size]byte
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
	cpu, began := cpuSeconds(), time.Now()
	p := s.start()
	for _, bulk := range bulks {
		go s.transfer(bulk, length)
	}
	time.Sleep(length)
	seconds, used := time.Since(began).Seconds(), cpuSeconds()-cpu
	result := s.stop(p, seconds)
	result.CPUSeconds = used
	return result
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

// transfer sends random bytes at the pace for this long, and compares what arrived by its hash.
func (s *steadyLoad) transfer(l *link, length time.Duration) {
	p := s.begin()
	sent, got, err := s.send(l, length)
	if err == nil && got.bytes < sent.bytes {
		err = errors.New("cut short")
	}
	p.ended(wrap("transfer", err), func(to *phaseResult) {
		switch {
		case err != nil:
			to.CutTransfers++
		case sent != got:
			to.WrongHashes++
		default:
			to.WholeTransfers++
		}
	})
}

func (s *steadyLoad) send(l *link, length time.Duration) (sent, got contents, err error) {
	arrived := make(chan contents, 1)
	s.lock.Lock()
	s.next++
	number := s.next
	s.sinks[number] = arrived
	s.lock.Unlock()

	began := time.Now()
	limit := began.Add(length + 2*opDeadline)
	stream, _, err := l.open(l.protocols[0], limit)
	if err != nil {
		return sent, got, err
	}
	defer stream.Close()
	if _, err := stream.Write(binary.LittleEndian.AppendUint64(nil, number)); err != nil {
		return sent, got, err
	}
	hash := sha256.New()
	chunk := make([]byte, chunkBytes)
	for total := int(s.pace.bytes * length.Seconds()); sent.bytes < total; sent.bytes += len(chunk) {
		chunk = chunk[:min(chunkBytes, total-sent.bytes)]
		_, _ = crypto.Read(chunk)
		hash.Write(chunk)
		// Each block somewhere within its time: senders that keep step would only meet each other.
		due := (float64(sent.bytes) + rand.Float64()*float64(len(chunk))) / s.pace.bytes
		time.Sleep(time.Until(began.Add(time.Duration(due * float64(time.Second)))))
		if _, err := stream.Write(chunk); err != nil {
			return sent, got, err
		}
	}
	if err := stream.CloseWrite(); err != nil {
		return sent, got, err
	}
	hash.Sum(sent.hash[:0])
	select {
	case got = <-arrived:
		return sent, got, nil
	case <-time.After(time.Until(limit)):
		return sent, got, errors.New("did not arrive to its end in time")
	}
}

// sink takes a transfer to its end. A stream that is reset ends like any other here; its length tells.
func (s *steadyLoad) sink(stream *peerConn) {
	var number [8]byte
	if _, err := io.ReadFull(stream, number[:]); err != nil {
		return
	}
	var got contents
	hash := sha256.New()
	buffer := make([]byte, chunkBytes)
	for {
		n, err := stream.Read(buffer)
		hash.Write(buffer[:n])
		got.bytes += n
		s.delivered(n)
		if err != nil {
			break
		}
	}
	hash.Sum(got.hash[:0])
	s.lock.Lock()
	defer s.lock.Unlock()
	s.sinks[binary.LittleEndian.Uint64(number[:])] <- got
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, plain(err))
}
