// How long until a daemon answers its first IDENTIFY.
package main

import (
	"errors"
	"os/exec"
	"syscall"
	"time"
)

type startResult struct {
	Milliseconds float64 `json:"milliseconds"`
}

// start times from now to the IDENTIFY answer. With a command it spawns that first, tries the socket every millisecond
// until somebody listens, and ends what it spawned; without one, whoever holds the socket starts the host by itself.
func start(a string, command []string, deadline time.Time) (*startResult, error) {
	began := time.Now()
	if len(command) == 0 {
		_, err := callOnce(a, identifyRequest(), 4, deadline)
		return &startResult{time.Since(began).Seconds() * 1000}, err
	}
	daemon := exec.Command(command[0], command[1:]...)
	daemon.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := daemon.Start(); err != nil {
		return nil, err
	}
	exited := make(chan error, 1)
	go func() { exited <- daemon.Wait() }()
	defer func() {
		_ = syscall.Kill(-daemon.Process.Pid, syscall.SIGTERM)
		select {
		case <-exited:
		case <-time.After(3 * time.Second):
		}
		_ = syscall.Kill(-daemon.Process.Pid, syscall.SIGKILL)
	}()
	for time.Now().Before(deadline) {
		if _, err := callOnce(a, identifyRequest(), 4, deadline); err == nil {
			return &startResult{time.Since(began).Seconds() * 1000}, nil
		}
		select {
		case err := <-exited:
			exited <- err
			return nil, errors.New("the daemon ended before it answered")
		case <-time.After(time.Millisecond):
		}
	}
	return nil, errors.New("no answer in time")
}
