// A client's side of two daemons: control connections to A and B, streams opened at A, and the handler that B dials.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// peerConn is a connection to a daemon, or from one, and the reader that may already hold bytes of it.
type peerConn struct {
	*net.UnixConn
	reader *bufio.Reader
}

// Reading goes through the buffer that the frames were read from; a large read past it goes straight to the socket.
func (c *peerConn) Read(to []byte) (int, error) {
	return c.reader.Read(to)
}

// plain takes the socket's path and the direction off a network error: what is left is the same in every run.
func plain(err error) error {
	var operation *net.OpError
	if errors.As(err, &operation) {
		return fmt.Errorf("%s: %w", operation.Op, operation.Err)
	}
	return err
}

func dial(path string, deadline time.Time) (*peerConn, error) {
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, err
	}
	return &peerConn{conn, bufio.NewReader(conn)}, nil
}

// call writes one framed request and gives one sub-message of its answer.
func (c *peerConn) call(request []byte, number int) ([]byte, error) {
	if _, err := c.Write(request); err != nil {
		return nil, err
	}
	return readResponse(c.reader, number)
}

// callOnce makes one request on a connection of its own, as most clients do.
func callOnce(path string, request []byte, number int, deadline time.Time) ([]byte, error) {
	conn, err := dial(path, deadline)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.call(request, number)
}

// link is daemon A connected to daemon B, and a listener of ours that B hands its inbound streams to.
type link struct {
	a         string
	peerB     []byte
	listener  *net.UnixListener
	protocols []string
	deadline  time.Time
}

// How many listeners this process has made: their sockets need names of their own.
var listeners atomic.Uint64

// newLink connects A to B and registers this many protocols at B, under names no earlier run has used: the JS daemon
// refuses a second handler for a protocol.
func newLink(a, b, dir string, protocols int, deadline time.Time) (*link, error) {
	identity, err := callOnce(b, identifyRequest(), 4, deadline)
	if err != nil {
		return nil, fmt.Errorf("IDENTIFY: %w", err)
	}
	ids, err := bytesOf(identity, 1)
	if err != nil || len(ids) != 1 {
		return nil, errors.New("IDENTIFY: no peer id")
	}
	addrs, err := bytesOf(identity, 2)
	if err != nil {
		return nil, fmt.Errorf("IDENTIFY: %w", err)
	}
	if _, err := callOnce(a, connectRequest(ids[0], addrs), 0, deadline); err != nil {
		return nil, fmt.Errorf("CONNECT: %w", err)
	}

	l := &link{a: a, peerB: ids[0], deadline: deadline}
	for n := range protocols {
		l.protocols = append(l.protocols, fmt.Sprintf("/bench/%d/%d/%d", os.Getpid(), time.Now().UnixNano(), n))
	}
	path := filepath.Join(dir, fmt.Sprintf("h%d-%d.sock", os.Getpid(), listeners.Add(1)))
	l.listener, err = net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	if _, err := callOnce(b, streamHandlerRequest(path, l.protocols), 0, deadline); err != nil {
		l.listener.Close()
		return nil, fmt.Errorf("STREAM_HANDLER: %w", err)
	}
	return l, nil
}

// open asks A for a stream and answers it with the transport it runs over.
func (l *link) open(protocol string, deadline time.Time) (*peerConn, string, error) {
	conn, err := dial(l.a, deadline)
	if err != nil {
		return nil, "", err
	}
	info, err := conn.call(streamOpenRequest(l.peerB, protocol), 3)
	if err != nil {
		conn.Close()
		return nil, "", fmt.Errorf("STREAM_OPEN: %w", err)
	}
	addrs, err := bytesOf(info, 2)
	if err != nil || len(addrs) != 1 {
		conn.Close()
		return nil, "", errors.New("STREAM_OPEN: an answer without an address")
	}
	return conn, transportOf(addrs[0]), nil
}

// serve gives every stream that B hands over to `handle`, each in a goroutine, until the listener is closed.
func (l *link) serve(handle func(*peerConn)) {
	for {
		conn, err := l.listener.AcceptUnix()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			if conn.SetDeadline(l.deadline) != nil {
				return
			}
			stream := &peerConn{conn, bufio.NewReader(conn)}
			if _, err := readFrame(stream.reader); err == nil {
				handle(stream)
			}
		}()
	}
}

// echo sends back what it reads, until the end.
func echo(stream *peerConn) {
	buffer := make([]byte, 4096)
	for {
		n, err := stream.Read(buffer)
		if err != nil {
			return
		}
		if _, err := stream.Write(buffer[:n]); err != nil {
			return
		}
	}
}
