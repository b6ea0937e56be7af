// Command driver puts go-libp2p-daemon's own p2pclient, unmodified, through its paces against two control sockets.
//
// One end dials, the other handles streams; run it again with the two swapped for the other direction. Each check prints
// one JSON line with its name, and a check that fails does not keep the next from running: the report is complete. The
// exit code says only whether the driver itself could run.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	ma "github.com/multiformats/go-multiaddr"
)

// What one check may take. The longest moves a few MiB over loopback, well under a second.
const checkDeadline = 30 * time.Second

type result struct {
	Check string `json:"check"`
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
	Ms    int64  `json:"ms"`
}

func main() {
	dialer := flag.String("dialer", "", "control address of the daemon that dials")
	handler := flag.String("handler", "", "control address of the daemon that handles streams")
	neighbour := flag.String("neighbour", "", "where the handler's daemon is found by the dialer's, when both are tenants of one machine")
	directory := flag.String("directory", "", "where the client's listening sockets go")
	payload := flag.Int("payload", 4<<20, "bytes each way in the bulk checks")
	only := flag.String("only", "", "the one check to run, when looking into a failure")
	skip := flag.String("skip", "", "checks not to run, with commas between")
	flag.Parse()

	run, err := newRun(*dialer, *handler, *directory, *payload)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	defer run.close()
	if *neighbour != "" {
		if run.handler.neighbour, err = ma.NewMultiaddr(*neighbour); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}

	report := json.NewEncoder(os.Stdout)
	for _, c := range checks {
		if (*only != "" && c.name != *only) || slices.Contains(strings.Split(*skip, ","), c.name) {
			continue
		}
		started := time.Now()
		err := withDeadline(checkDeadline, func() error { return c.run(run) })
		line := result{Check: c.name, OK: err == nil, Ms: time.Since(started).Milliseconds()}
		if err != nil {
			line.Error = err.Error()
		}
		if err := report.Encode(line); err != nil {
			os.Exit(1)
		}
	}
}

func newRun(dialer, handler, directory string, payload int) (*run, error) {
	r := &run{payload: payload, prefix: fmt.Sprintf("/interop/%d", os.Getpid())}
	for _, end := range []struct {
		at      **end
		name    string
		control string
	}{{&r.dialer, "dialer", dialer}, {&r.handler, "handler", handler}} {
		control, err := ma.NewMultiaddr(end.control)
		if err != nil {
			return nil, fmt.Errorf("-%s: %w", end.name, err)
		}
		*end.at, err = newEnd(control, listenAddress(control, filepath.Join(directory, end.name+".sock")))
		if err != nil {
			return nil, fmt.Errorf("-%s: %w", end.name, err)
		}
	}
	return r, nil
}

// A daemon controlled over TCP calls its handlers over TCP too, as its clients expect of it.
func listenAddress(control ma.Multiaddr, path string) ma.Multiaddr {
	if _, err := control.ValueForProtocol(ma.P_UNIX); err != nil {
		return ma.StringCast("/ip4/127.0.0.1/tcp/0")
	}
	return ma.StringCast("/unix" + path)
}

func withDeadline(d time.Duration, work func() error) error {
	done := make(chan error, 1)
	go func() { done <- work() }()
	select {
	case err := <-done:
		return err
	case <-time.After(d):
		return fmt.Errorf("not done after %s", d)
	}
}
