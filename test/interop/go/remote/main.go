// Command remote is a peer of another machine: a go-libp2p host that knows nothing of p2pd but what is public about it.
//
//	remote [-key FILE] id
//	remote [-key FILE] ask ADDRESS PROTOCOL QUESTION
//	remote [-key FILE] verify APP PROTOCOL DAEMON ACTION RESOURCE
//
// Addresses end in /p2p/ID. The key is made when the file is not there; without one each run is another peer.
package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// What all of it may take: a host of p2pd's that has to start first takes under a second.
const deadline = 30 * time.Second

func main() {
	key := flag.String("key", "", "file with the peer's private key")
	flag.Parse()
	err := run(*key, flag.Args())
	var usage usageError
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if errors.As(err, &usage) {
		os.Exit(2)
	}
	if err != nil {
		os.Exit(1)
	}
}

type usageError struct{}

func (usageError) Error() string {
	return "usage: remote [-key FILE] id | ask ADDRESS PROTOCOL QUESTION | verify APP PROTOCOL DAEMON ACTION RESOURCE"
}

func run(key string, args []string) error {
	command := ""
	if len(args) > 0 {
		command = args[0]
	}
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	private, err := readKey(key)
	if err != nil {
		return err
	}
	node, err := libp2p.New(libp2p.Identity(private), libp2p.NoListenAddrs)
	if err != nil {
		return err
	}
	defer node.Close()
	switch {
	case command == "id" && len(args) == 1:
		fmt.Println(node.ID())
		return nil
	case command == "ask" && len(args) == 4:
		return ask(ctx, node, args[1], args[2], args[3])
	case command == "verify" && len(args) == 6:
		return verify(ctx, node, shown{app: args[1], protocol: args[2], daemon: args[3], action: args[4], resource: args[5]})
	}
	return usageError{}
}

func readKey(file string) (crypto.PrivKey, error) {
	made := func() (crypto.PrivKey, error) {
		private, _, err := crypto.GenerateEd25519Key(rand.Reader)
		return private, err
	}
	if file == "" {
		return made()
	}
	bytes, err := os.ReadFile(file)
	if err == nil {
		return crypto.UnmarshalPrivateKey(bytes)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	private, err := made()
	if err != nil {
		return nil, err
	}
	bytes, err = crypto.MarshalPrivateKey(private)
	if err != nil {
		return nil, err
	}
	return private, os.WriteFile(file, bytes, 0o600)
}

// ask sends a line and prints the one that comes back.
func ask(ctx context.Context, node host.Host, address, proto, question string) error {
	stream, err := open(ctx, node, address, proto)
	if err != nil {
		return err
	}
	defer stream.Close()
	if _, err := fmt.Fprintln(stream, question); err != nil {
		return err
	}
	answer, err := bufio.NewReader(stream).ReadString('\n')
	if errors.Is(err, io.EOF) {
		return errors.New("the stream has ended without an answer")
	}
	if err != nil {
		return err
	}
	fmt.Printf("%s: %s", stream.Conn().RemotePeer(), answer)
	return nil
}

// open is a stream to the peer that is at the end of the address. libp2p has it prove that it is that peer.
func open(ctx context.Context, node host.Host, address, proto string) (network.Stream, error) {
	info, err := peer.AddrInfoFromString(address)
	if err != nil {
		return nil, err
	}
	if err := node.Connect(ctx, *info); err != nil {
		return nil, err
	}
	stream, err := node.NewStream(ctx, info.ID, protocol.ID(proto))
	if err != nil {
		return nil, err
	}
	return stream, stream.SetDeadline(time.Now().Add(deadline))
}
