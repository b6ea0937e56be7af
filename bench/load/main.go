// load is the client of the benchmark: it speaks the control protocol to two daemons, A and B, and prints one JSON object.
//
// It knows nothing of libp2p and nothing of who makes the daemon. `load COMMAND -h` lists the flags.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// socketPair gives both ends of a connected Unix socket.
func socketPair(deadline time.Time) (near, far *net.UnixConn, err error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	var ends [2]*net.UnixConn
	for n, fd := range fds {
		file := os.NewFile(uintptr(fd), "socketpair")
		conn, err := net.FileConn(file)
		file.Close()
		if err != nil {
			return nil, nil, err
		}
		if err := conn.SetDeadline(deadline); err != nil {
			return nil, nil, err
		}
		ends[n] = conn.(*net.UnixConn)
	}
	return ends[0], ends[1], nil
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: load throughput|ceiling|roundtrip|open|identify|idle|start|steady|misbehave [flags]")
		os.Exit(2)
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	a := flags.String("a", "", "control socket of daemon A, where streams are opened")
	b := flags.String("b", "", "control socket of daemon B, where they are handled")
	dir := flags.String("dir", os.TempDir(), "where the handler's socket is made")
	streams := flags.Int("streams", 1, "streams at a time")
	size := flags.Uint64("bytes", 1<<20, "bytes on each stream")
	count := flags.Int("count", 1000, "samples, or streams to hold")
	protocols := flags.Int("protocols", 1, "protocols the held streams are spread over")
	kept := flags.Bool("kept", false, "all requests on one connection")
	sockets := flags.String("sockets", "", "control sockets of the tenants that behave, with commas")
	requests := flags.Float64("requests", 10, "requests a second of each of them")
	openRate := flags.Float64("opens", 5, "streams a second that each opens")
	byteRate := flags.Float64("rate", 1<<20, "bytes a second that each sends")
	mode := flags.String("mode", "", "how to misbehave")
	front := flags.String("front", "", "socket of the front desk")
	limit := flags.Duration("limit", 5*time.Second, "stop taking samples after this")
	within := flags.Duration("within", time.Minute, "give up after this")
	_ = flags.Parse(os.Args[2:])
	deadline := time.Now().Add(*within)

	var result any
	var err error
	switch os.Args[1] {
	case "throughput":
		result, err = throughput(*a, *b, *dir, *streams, *size, deadline)
	case "ceiling":
		result, err = ceiling(*streams, *size, deadline)
	case "roundtrip":
		result, err = roundTrip(*a, *b, *dir, *count, *limit, deadline)
	case "open":
		result, err = opens(*a, *b, *dir, *count, *streams, *limit, deadline)
	case "identify":
		result, err = identify(*a, *kept, *count, *limit, deadline)
	case "start":
		result, err = start(*a, flags.Args(), deadline)
	case "steady":
		if err := steady(strings.Split(*sockets, ","), *dir, pace{*requests, *openRate, *byteRate}, deadline); err != nil {
			fmt.Fprintln(os.Stderr, plain(err))
			os.Exit(1)
		}
		return
	case "misbehave":
		if err := misbehave(*mode, target{tenant: *a, accomplice: *b, front: *front, dir: *dir}, deadline); err != nil {
			fmt.Fprintln(os.Stderr, plain(err))
			os.Exit(1)
		}
		return
	case "idle":
		if err := idle(*a, *b, *dir, *count, *protocols, deadline); err != nil {
			fmt.Fprintln(os.Stderr, plain(err))
			os.Exit(1)
		}
		return
	default:
		err = fmt.Errorf("no command %s", os.Args[1])
	}
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(result)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, plain(err))
		os.Exit(1)
	}
}
