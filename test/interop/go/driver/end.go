package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"reflect"
	"time"

	ggio "github.com/gogo/protobuf/io"
	"github.com/libp2p/go-libp2p-daemon/p2pclient"
	pb "github.com/libp2p/go-libp2p-daemon/pb"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// How long something that reaches the other end by itself (a registration, the end of a connection) may take.
const settle = 5 * time.Second

// How long an end may go on writing to nobody. GO says so at once; a daemon may linger for the sake of a reader's last bytes.
const gone = 15 * time.Second

// run is one direction: who dials, who handles, and names of its own for protocols, so that runs do not meet.
type run struct {
	dialer  *end
	handler *end
	payload int
	prefix  string
}

func (r *run) protocol(name string) string { return r.prefix + "/" + name }

func (r *run) close() {
	r.dialer.client.Close()
	r.handler.client.Close()
}

// connected makes every check that needs a connection runnable by itself, whatever the ones before it did.
func (r *run) connected() error {
	id, addrs, err := r.handler.client.Identify()
	if err != nil {
		return err
	}
	return r.dialer.client.Connect(id, addrs)
}

// end is one daemon as its client sees it.
type end struct {
	control ma.Multiaddr
	client  *p2pclient.Client
	// What a tenant of the same machine finds it at; nil when the two are not such.
	neighbour ma.Multiaddr
}

func newEnd(control, listen ma.Multiaddr) (*end, error) {
	client, err := p2pclient.NewClient(control, listen)
	if err != nil {
		return nil, err
	}
	return &end{control: control, client: client}, nil
}

func (e *end) id() (peer.ID, error) {
	id, _, err := e.client.Identify()
	return id, err
}

// ask sends what p2pclient has messages for and no method: LIST_PEERS and DISCONNECT.
func (e *end) ask(req *pb.Request) (*pb.Response, error) {
	conn, err := manet.Dial(e.control)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := ggio.NewDelimitedWriter(conn).WriteMsg(req); err != nil {
		return nil, err
	}
	res := &pb.Response{}
	if err := ggio.NewDelimitedReader(conn, p2pclient.MessageSizeMax).ReadMsg(res); err != nil {
		return nil, err
	}
	if res.GetError() != nil {
		return nil, errors.New(res.GetError().GetMsg())
	}
	return res, nil
}

// peers lists each peer once: go-libp2p-daemon has a row for every connection.
func (e *end) peers() (map[peer.ID]bool, error) {
	res, err := e.ask(&pb.Request{Type: pb.Request_LIST_PEERS.Enum()})
	if err != nil {
		return nil, err
	}
	peers := make(map[peer.ID]bool)
	for _, info := range res.GetPeers() {
		id, err := peer.IDFromBytes(info.GetId())
		if err != nil {
			return nil, err
		}
		for _, raw := range info.GetAddrs() {
			if _, err := ma.NewMultiaddrBytes(raw); err != nil {
				return nil, err
			}
		}
		peers[id] = true
	}
	return peers, nil
}

func (e *end) disconnect(id peer.ID) error {
	_, err := e.ask(&pb.Request{
		Type:       pb.Request_DISCONNECT.Enum(),
		Disconnect: &pb.DisconnectRequest{Peer: []byte(id)},
	})
	return err
}

// open retries for a while, because p2pclient does not wait for the answer to a registration.
func (r *run) open(protocols ...string) (*p2pclient.StreamInfo, io.ReadWriteCloser, error) {
	id, err := r.handler.id()
	if err != nil {
		return nil, nil, err
	}
	var info *p2pclient.StreamInfo
	var stream io.ReadWriteCloser
	err = eventually(func() (err error) {
		info, stream, err = r.dialer.client.NewStream(id, protocols)
		return err
	})
	return info, stream, err
}

// exchange runs one stream to its end on both sides: what the handler's function returned counts too.
func (r *run) exchange(protocol string, dial, handle func(io.ReadWriteCloser) error) error {
	handled := make(chan error, 1)
	err := r.handler.client.NewStreamHandler([]string{protocol}, func(_ *p2pclient.StreamInfo, stream io.ReadWriteCloser) {
		defer stream.Close()
		handled <- handle(stream)
	})
	if err != nil {
		return err
	}
	_, stream, err := r.open(protocol)
	if err != nil {
		return err
	}
	if err := func() error {
		defer stream.Close()
		return dial(stream)
	}(); err != nil {
		return fmt.Errorf("the dialer's end: %w", err)
	}
	if err := <-handled; err != nil {
		return fmt.Errorf("the handler's end: %w", err)
	}
	return nil
}

func eventually(attempt func() error) error {
	deadline := time.Now().Add(settle)
	for {
		err := attempt()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// closeWrite ends one direction. p2pclient hides the connection in a field, and its users reach it just like this.
func closeWrite(stream io.ReadWriteCloser) error {
	conn := reflect.ValueOf(stream).Elem().FieldByName("Conn").Interface()
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok {
		return fmt.Errorf("%T cannot close one direction", conn)
	}
	return half.CloseWrite()
}

func randomPeer() (peer.ID, error) {
	_, public, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		return "", err
	}
	return peer.IDFromPublicKey(public)
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		panic(err)
	}
	return b
}

func expect(stream io.Reader, want []byte) error {
	got := make([]byte, len(want))
	if n, err := io.ReadFull(stream, got); err != nil {
		return fmt.Errorf("%d of %d bytes: %w", n, len(want), err)
	}
	return same(got, want)
}

func expectAll(stream io.Reader, want []byte) error {
	got, err := io.ReadAll(stream)
	if err != nil {
		return fmt.Errorf("%d of %d bytes: %w", len(got), len(want), err)
	}
	return same(got, want)
}

func same(got, want []byte) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d bytes instead of %d", len(got), len(want))
	}
	if g, w := sha256.Sum256(got), sha256.Sum256(want); !bytes.Equal(g[:], w[:]) {
		return fmt.Errorf("SHA-256 %x instead of %x", g, w)
	}
	return nil
}

func mustFail(what string, err error) error {
	if err == nil {
		return fmt.Errorf("%s was answered with OK", what)
	}
	// An answer, not a broken connection: that would be the daemon hanging up.
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s was not answered: %w", what, err)
	}
	return nil
}
