// The programs of a tenant that misbehaves, one way at a time.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// target is what is attacked, and with what help: a peer on a daemon of its own, which stands for one on another machine.
type target struct {
	tenant, accomplice, front, dir string
}

// deeds counts what the attack has managed to do, so that a row of zeros is seen for what it is.
type deeds struct {
	lock   sync.Mutex
	counts map[string]int
}

func (d *deeds) did(what string, times int) {
	d.lock.Lock()
	defer d.lock.Unlock()
	d.counts[what] += times
}

// tell counts how something that was tried ended, and gives that on.
func (d *deeds) tell(what string, err error) error {
	if err != nil {
		d.did(what+" failed", 1)
	} else {
		d.did(what, 1)
	}
	return err
}

// attack prepares itself and gives what is to be run, many times over, until the end.
type attack func(t target, d *deeds, deadline time.Time) ([]worker, error)

// worker is one thing done over and over by so many at a time, each with a pause after it. It tells its deeds itself.
type worker struct {
	times int
	pause time.Duration
	once  func() error
}

// Pause after something that failed: a program that only burns its own processor time attacks nobody.
const failedPause = 5 * time.Millisecond

var attacks = map[string]attack{
	"busy":        busy,
	"requests":    floodRequests,
	"opens":       floodOpens,
	"neighbour":   floodNeighbour,
	"halves":      halfFrames,
	"unread":      unread,
	"descriptors": hoard,
	"hang":        hang,
	"poke":        poke,
}

// misbehave says a line when it is prepared, begins when a line comes in, and says what it did when stdin ends.
func misbehave(mode string, t target, deadline time.Time) error {
	prepare := attacks[mode]
	if prepare == nil {
		return fmt.Errorf("no mode %q", mode)
	}
	d := &deeds{counts: map[string]int{}}
	workers, err := prepare(t, d, deadline)
	if err != nil {
		return err
	}
	say := json.NewEncoder(os.Stdout)
	if err := say.Encode(d.counts); err != nil {
		return err
	}
	stdin := bufio.NewReader(os.Stdin)
	if _, err := stdin.ReadString('\n'); err != nil {
		return nil
	}
	for _, w := range workers {
		for range w.times {
			go func() {
				for {
					pause := w.pause
					if w.once() != nil {
						pause = max(pause, failedPause)
					}
					time.Sleep(pause)
				}
			}()
		}
	}
	if _, err := io.Copy(io.Discard, stdin); err != nil {
		return err
	}
	d.lock.Lock()
	defer d.lock.Unlock()
	return say.Encode(d.counts)
}
