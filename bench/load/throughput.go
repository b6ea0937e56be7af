// Bytes one way: sources at A, sinks at B, every byte counted and one stamp checked in each block.
package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

const (
	// A block begins with a stamp: which stream, which block. A sink that finds another one got bytes that are missing,
	// doubled or somebody else's.
	blockBytes = 64 << 10
	stampBytes = 16

	// Four blocks a write: few system calls, and a buffer that stays in the processor's cache.
	bufferBytes = 4 * blockBytes
)

type throughputResult struct {
	Seconds    float64 `json:"seconds"`
	Sent       uint64  `json:"sent"`
	Received   uint64  `json:"received"`
	Damaged    uint64  `json:"damagedBlocks"`
	CutShort   int     `json:"streamsCutShort"`
	Transport  string  `json:"transport"`
	CPUSeconds float64 `json:"generatorCpuSeconds"`
	Error      string  `json:"error,omitempty"`
}

type sinkReport struct {
	received uint64
	damaged  uint64
	lastByte time.Time
	err      error
}

// source writes `total` bytes of stamped blocks and then ends its side.
func source(to io.Writer, end func() error, stream uint64, total uint64) (sent uint64, err error) {
	buffer := make([]byte, bufferBytes)
	for sent < total {
		for block := uint64(0); block < bufferBytes/blockBytes; block++ {
			stamp := buffer[block*blockBytes:]
			binary.LittleEndian.PutUint64(stamp, stream)
			binary.LittleEndian.PutUint64(stamp[8:], sent/blockBytes+block)
		}
		n, err := to.Write(buffer[:min(bufferBytes, total-sent)])
		sent += uint64(n)
		if err != nil {
			return sent, err
		}
	}
	return sent, end()
}

// sink reads to the end; the first stamp says which stream this is, and all later ones have to agree.
func sink(from io.Reader) (report sinkReport) {
	buffer := make([]byte, bufferBytes)
	var stamp [stampBytes]byte
	var stream uint64
	for {
		n, err := from.Read(buffer)
		for at := 0; at < n; {
			inBlock := int(report.received % blockBytes)
			step := min(blockBytes-inBlock, n-at)
			if inBlock < stampBytes {
				step = copy(stamp[inBlock:], buffer[at:n])
				if inBlock+step == stampBytes {
					block := report.received / blockBytes
					if block == 0 {
						stream = binary.LittleEndian.Uint64(stamp[:])
					}
					if binary.LittleEndian.Uint64(stamp[:]) != stream || binary.LittleEndian.Uint64(stamp[8:]) != block {
						report.damaged++
					}
				}
			}
			at += step
			report.received += uint64(step)
		}
		if n > 0 {
			report.lastByte = time.Now()
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				report.err = err
			}
			return report
		}
	}
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

// drive runs a source on every stream at once and waits for every sink.
func drive(streams []*net.UnixConn, perStream uint64, reports <-chan sinkReport, result *throughputResult) {
	before, start := cpuSeconds(), time.Now()
	var wait sync.WaitGroup
	var lock sync.Mutex
	for n, stream := range streams {
		wait.Add(1)
		go func() {
			defer wait.Done()
			sent, err := source(stream, stream.CloseWrite, uint64(n)+1, perStream)
			lock.Lock()
			defer lock.Unlock()
			result.Sent += sent
			if err != nil {
				result.Error = fmt.Sprintf("source: %v", plain(err))
			}
		}()
	}
	last := start
	for range streams {
		report := <-reports
		result.Received += report.received
		result.Damaged += report.damaged
		if report.received < perStream {
			result.CutShort++
		}
		if report.lastByte.After(last) {
			last = report.lastByte
		}
		if report.err != nil {
			result.Error = fmt.Sprintf("sink: %v", plain(report.err))
		}
	}
	wait.Wait()
	result.Seconds = last.Sub(start).Seconds()
	result.CPUSeconds = cpuSeconds() - before
}

// throughput moves `perStream` bytes on each of `count` streams from A to B.
func throughput(a, b, dir string, count int, perStream uint64, deadline time.Time) (*throughputResult, error) {
	l, err := newLink(a, b, dir, 1, deadline)
	if err != nil {
		return nil, err
	}
	defer l.listener.Close()
	reports := make(chan sinkReport, count)
	go l.serve(func(stream *peerConn) { reports <- sink(stream) })

	result := &throughputResult{}
	var streams []*net.UnixConn
	for range count {
		stream, transport, err := l.open(l.protocols[0], deadline)
		if err != nil {
			return nil, err
		}
		defer stream.Close()
		result.Transport = transport
		streams = append(streams, stream.UnixConn)
	}
	// A stream that never reaches its sink would otherwise be waited for without end.
	timer := time.AfterFunc(time.Until(deadline), func() {
		for range count {
			reports <- sinkReport{err: errors.New("a stream did not arrive or end in time")}
		}
	})
	defer timer.Stop()
	drive(streams, perStream, reports, result)
	return result, nil
}

// ceiling is the same with no daemon between: what the generator itself can do on this machine.
func ceiling(count int, perStream uint64, deadline time.Time) (*throughputResult, error) {
	result := &throughputResult{Transport: "none"}
	reports := make(chan sinkReport, count)
	var streams []*net.UnixConn
	for range count {
		near, far, err := socketPair(deadline)
		if err != nil {
			return nil, err
		}
		defer near.Close()
		streams = append(streams, near)
		go func() {
			defer far.Close()
			reports <- sink(far)
		}()
	}
	drive(streams, perStream, reports, result)
	return result, nil
}
