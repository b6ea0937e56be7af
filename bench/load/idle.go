// Streams that are open and say nothing, held for as long as somebody weighs the daemons.
package main

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"sync"
	"time"
)

type idleResult struct {
	Opened int    `json:"opened"`
	Error  string `json:"error,omitempty"`
}

// How many opens are under way at a time.
const idleWorkers = 8

// idle connects A to B and says so; opens streams, spread evenly over the protocols, when a line comes in; says how many
// it got; holds them until stdin ends. Each has carried one echo, so both daemons have it open.
func idle(a, b, dir string, count, protocols int, deadline time.Time) error {
	l, err := newLink(a, b, dir, protocols, deadline)
	if err != nil {
		return err
	}
	defer l.listener.Close()
	go l.serve(echo)
	say := json.NewEncoder(os.Stdout)
	if err := say.Encode(idleResult{}); err != nil {
		return err
	}
	stdin := bufio.NewReader(os.Stdin)
	if _, err := stdin.ReadString('\n'); err != nil {
		return nil
	}

	var lock sync.Mutex
	var wait sync.WaitGroup
	var result idleResult
	var held []*peerConn
	defer func() {
		for _, stream := range held {
			stream.Close()
		}
	}()
	next := 0
	for range idleWorkers {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for {
				lock.Lock()
				n, stop := next, next >= count || result.Error != ""
				next++
				lock.Unlock()
				if stop {
					return
				}
				stream, err := openIdle(l, n)
				lock.Lock()
				if err != nil {
					result.Error = plain(err).Error()
				} else {
					held = append(held, stream)
					result.Opened++
				}
				lock.Unlock()
			}
		}()
	}
	wait.Wait()
	if err := say.Encode(result); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, stdin)
	return err
}

func openIdle(l *link, n int) (*peerConn, error) {
	stream, _, err := l.open(l.protocols[n%len(l.protocols)], l.deadline)
	if err != nil {
		return nil, err
	}
	if err := stream.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		stream.Close()
		return nil, err
	}
	if err := exchange(stream, uint64(n)); err != nil {
		stream.Close()
		return nil, err
	}
	return stream, nil
}
