// Transfers of the steady load: random bytes at a pace, compared by their hash where they arrive.
package main

import (
	crypto "crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"time"
)

const chunkBytes = 32 << 10

type contents struct {
	bytes int
	hash  [sha256.Size]byte
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
