// Command query asks with go-libp2p-daemon's own p2pclient, unmodified, at a control socket:
//
//	query CONTROL                                    who the daemon there is
//	query [-hold] CONTROL PEER PROTOCOL QUESTION     a question to a peer
//
// A question is a line, and so is the answer; it is printed behind the peer that the daemon says it came from. With -hold the
// stream then stays open until the other end ends it.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/libp2p/go-libp2p-daemon/p2pclient"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

func main() {
	hold := flag.Bool("hold", false, "keep the stream until the other end ends it")
	flag.Parse()
	var err error
	switch args := flag.Args(); len(args) {
	case 1:
		err = identify(args[0])
	case 4:
		err = query(args[0], args[1], args[2], args[3], *hold)
	default:
		fmt.Fprintln(os.Stderr, "usage: query [-hold] CONTROL [PEER PROTOCOL QUESTION]")
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func newClient(control string) (*p2pclient.Client, error) {
	at, err := ma.NewMultiaddr(control)
	if err != nil {
		return nil, err
	}
	// It listens for streams of its own, whether it handles any or not.
	return p2pclient.NewClient(at, ma.StringCast("/ip4/127.0.0.1/tcp/0"))
}

func identify(control string) error {
	client, err := newClient(control)
	if err != nil {
		return err
	}
	defer client.Close()
	id, _, err := client.Identify()
	if err != nil {
		return err
	}
	fmt.Println(id)
	return nil
}

func query(control, id, protocol, question string, hold bool) error {
	to, err := peer.Decode(id)
	if err != nil {
		return err
	}
	client, err := newClient(control)
	if err != nil {
		return err
	}
	defer client.Close()
	info, stream, err := client.NewStream(to, []string{protocol})
	if err != nil {
		return err
	}
	defer stream.Close()
	if _, err := fmt.Fprintln(stream, question); err != nil {
		return err
	}
	answers := bufio.NewReader(stream)
	answer, err := answers.ReadString('\n')
	if errors.Is(err, io.EOF) {
		return errors.New("the stream has ended without an answer")
	}
	if err != nil {
		return err
	}
	fmt.Printf("%s: %s", info.Peer, answer)
	if hold {
		_, err = io.Copy(io.Discard, answers)
	}
	return err
}
