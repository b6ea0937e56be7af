// The attacks, one function each: what it needs first, and what is then done over and over.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// busy has nothing to do with any daemon: a program that computes, to see what that alone does.
func busy(_ target, d *deeds, _ time.Time) ([]worker, error) {
	return []worker{{times: 1, once: func() error {
		for end := time.Now().Add(time.Second); time.Now().Before(end); {
		}
		d.did("seconds", 1)
		return nil
	}}}, nil
}

// floodRequests sends IDENTIFY as fast as the daemon reads, and does read the answers.
func floodRequests(t target, d *deeds, deadline time.Time) ([]worker, error) {
	batch := bytes.Repeat(identifyRequest(), 16<<10)
	return []worker{{times: 8, once: func() error {
		conn, err := dial(t.tenant, deadline)
		if d.tell("connection", err) != nil {
			return err
		}
		defer conn.Close()
		go func() {
			for {
				if _, err := conn.Write(batch); err != nil {
					return
				}
			}
		}()
		for {
			answers, err := skipFrames(conn.reader)
			d.did("answers", answers)
			if err != nil {
				return d.tell("connection lost", err)
			}
		}
	}}}, nil
}

// skipFrames reads up to a thousand frames and looks at none.
func skipFrames(from *bufio.Reader) (frames int, err error) {
	for ; frames < 1000; frames++ {
		size, err := binary.ReadUvarint(from)
		if err != nil {
			return frames, err
		}
		if _, err := from.Discard(int(size)); err != nil {
			return frames, err
		}
	}
	return frames, nil
}

// floodOpens opens streams and control connections as fast as they are taken; those to the front desk too.
func floodOpens(t target, d *deeds, deadline time.Time) ([]worker, error) {
	l, err := newLink(t.tenant, t.accomplice, t.dir, 1, deadline)
	if err != nil {
		return nil, err
	}
	go l.serve(echo)
	var number atomic.Uint64
	connect := func(socket, what string) func() error {
		return func() error {
			conn, err := dial(socket, deadline)
			if err == nil {
				conn.Close()
			}
			return d.tell(what, err)
		}
	}
	return []worker{
		{times: 16, once: func() error { return d.tell("stream", l.once(number.Add(1), time.Now().Add(opDeadline))) }},
		{times: 2, once: connect(t.tenant, "control connection")},
		{times: 1, once: connect(t.front, "front desk connection")},
	}, nil
}

// floodNeighbour opens streams to a tenant that behaves, which takes the accomplice's place here and is to get only those.
func floodNeighbour(t target, d *deeds, deadline time.Time) ([]worker, error) {
	workers, err := floodOpens(t, d, deadline)
	if err != nil {
		return nil, err
	}
	return workers[:1], nil
}

// halfFrames begins a request on each of a thousand connections and never ends it.
func halfFrames(t target, d *deeds, deadline time.Time) ([]worker, error) {
	return []worker{{times: 1000, pause: 100 * time.Millisecond, once: func() error {
		conn, err := dial(t.tenant, deadline)
		if d.tell("connection", err) != nil {
			return err
		}
		defer conn.Close()
		_, err = conn.Write(append(binary.AppendUvarint(nil, maxFrameBytes), make([]byte, 100)...))
		if d.tell("half frame", err) == nil {
			_, err = io.Copy(io.Discard, conn)
		}
		return err
	}}}, nil
}

// unread moves a GiB each way between the tenant and its accomplice, to ends that do not read.
func unread(t target, d *deeds, deadline time.Time) ([]worker, error) {
	var workers []worker
	for _, ends := range [][2]string{{t.tenant, t.accomplice}, {t.accomplice, t.tenant}} {
		l, err := newLink(ends[0], ends[1], t.dir, 1, deadline)
		if err != nil {
			return nil, err
		}
		go l.serve(func(*peerConn) { select {} })
		workers = append(workers, worker{times: 8, pause: 100 * time.Millisecond, once: func() error {
			stream, _, err := l.open(l.protocols[0], deadline)
			if d.tell("stream", err) != nil {
				return err
			}
			defer stream.Close()
			block := make([]byte, blockBytes)
			for range 1 << 30 / 8 / blockBytes {
				n, err := stream.Write(block)
				d.did("bytes", n)
				if err != nil {
					return err
				}
			}
			return nil
		}})
	}
	return workers, nil
}

// hoard takes as many connections as it gets, at the tenant's socket and at the front desk, and keeps them.
func hoard(t target, d *deeds, deadline time.Time) ([]worker, error) {
	keep := func(socket, what string) func() error {
		return func() error {
			conn, err := dial(socket, deadline)
			if d.tell(what, err) != nil {
				return err
			}
			defer conn.Close()
			// Closed by the daemon as soon as it has too many; until then it waits for a request.
			_, err = io.Copy(io.Discard, conn)
			d.did(what+" lost", 1)
			return err
		}
	}
	return []worker{
		{times: 4000, pause: 100 * time.Millisecond, once: keep(t.tenant, "connection")},
		{times: 1000, pause: 100 * time.Millisecond, once: keep(t.front, "front desk connection")},
	}, nil
}

// hang handles a protocol, accepts every stream and reads none, while its accomplice opens as many as there can be.
func hang(t target, d *deeds, deadline time.Time) ([]worker, error) {
	l, err := newLink(t.accomplice, t.tenant, t.dir, 1, deadline)
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			conn, err := l.listener.Accept()
			if err != nil {
				return
			}
			d.did("accepted", 1)
			held.Store(conn, true)
		}
	}()
	return []worker{{times: 1000, pause: 100 * time.Millisecond, once: func() error {
		stream, _, err := l.open(l.protocols[0], deadline)
		if d.tell("stream", err) != nil {
			return err
		}
		defer stream.Close()
		if _, err = stream.Write(make([]byte, blockBytes)); err == nil {
			_, err = io.Copy(io.Discard, stream)
		}
		return err
	}}}, nil
}

// Connections nobody reads. They would be closed when nothing refers to them any more.
var held sync.Map

// poke asks now and then, so that a host which has ended is started again.
func poke(t target, d *deeds, _ time.Time) ([]worker, error) {
	return []worker{{times: 4, pause: 10 * time.Millisecond, once: func() error {
		_, err := callOnce(t.tenant, identifyRequest(), 4, time.Now().Add(opDeadline))
		return d.tell("request", err)
	}}}, nil
}
