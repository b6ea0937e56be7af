package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p-daemon/p2pclient"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

// Small messages: what they say does not matter, that they differ does.
var question, answer = []byte("is anybody there?"), []byte("yes, over here")

// How many streams or handlers "many" are. go-libp2p's and js-libp2p's stock limits are above it.
const many = 24

type check struct {
	name string
	run  func(*run) error
}

// The order matters only for the first few, which want both ends unconnected, and for the ones about DISCONNECT.
var checks = []check{
	{"identify", identify},
	{"list-peers-starts-empty", func(r *run) error { return errors.Join(r.dialer.alone(), r.handler.alone()) }},
	{"connect-without-address-is-an-error", connectWithoutAddress},
	{"connect-to-the-wrong-peer-is-an-error", connectToTheWrongPeer},
	{"connect-to-the-wrong-hashed-peer-is-an-error", connectToTheWrongHashedPeer},
	{"connect-refused-is-an-error", connectRefused},
	{"connect", func(r *run) error { return r.connected() }},
	{"list-peers", func(r *run) error { return errors.Join(r.dialer.sees(r.handler), r.handler.sees(r.dialer)) }},
	{"connect-again", func(r *run) error { return errors.Join(r.connected(), r.connected()) }},
	{"stream-to-an-unknown-peer-is-an-error", streamToAnUnknownPeer},
	{"stream-of-an-unknown-protocol-is-an-error", streamOfAnUnknownProtocol},
	{"stream-reply", streamReply},
	{"stream-handler-speaks-first", streamHandlerSpeaksFirst},
	{"stream-negotiates", streamNegotiates},
	{"bulk-both-ways", bulkBothWays},
	{"bytes-before-close-by-dialer", bytesBeforeCloseByDialer},
	{"bytes-before-close-by-handler", bytesBeforeCloseByHandler},
	{"half-close-by-dialer", halfCloseByDialer},
	{"half-close-by-handler", halfCloseByHandler},
	{"close-with-bytes-unread", closeWithBytesUnread},
	{"streams-at-once", streamsAtOnce},
	{"handlers-many", handlersMany},
	{"handler-overwritten", handlerOverwritten},
	{"handler-gone-and-back", handlerGoneAndBack},
	{"disconnect-ends-streams", disconnectEndsStreams},
	{"disconnect-with-bytes-unread", disconnectWithBytesUnread},
	{"disconnect", disconnect},
	{"disconnect-again", disconnectAgain},
	{"stream-dials-by-itself", streamDialsByItself},
}

func identify(r *run) error {
	for _, e := range []*end{r.dialer, r.handler} {
		id, addrs, err := e.client.Identify()
		if err != nil {
			return err
		}
		if len(addrs) == 0 {
			return errors.New("no addresses")
		}
		for _, addr := range addrs {
			if _, err := addr.ValueForProtocol(ma.P_P2P); err == nil {
				return fmt.Errorf("%s ends in a peer id", addr)
			}
		}
		again, err := e.id()
		if err != nil {
			return err
		}
		if again != id {
			return fmt.Errorf("first %s, then %s", id, again)
		}
	}
	dialer, err := r.dialer.id()
	if err != nil {
		return err
	}
	handler, err := r.handler.id()
	if err != nil {
		return err
	}
	if dialer == handler {
		return fmt.Errorf("both ends are %s", dialer)
	}
	return nil
}

func (e *end) alone() error {
	peers, err := e.peers()
	if err != nil {
		return err
	}
	if len(peers) > 0 {
		return fmt.Errorf("%d peers", len(peers))
	}
	return nil
}

// The side that was dialled may learn of the connection a moment after the dialer's CONNECT is answered.
func (e *end) sees(other *end) error {
	id, err := other.id()
	if err != nil {
		return err
	}
	return eventually(func() error {
		peers, err := e.peers()
		if err != nil {
			return err
		}
		if !peers[id] || len(peers) != 1 {
			return fmt.Errorf("%d peers, the other end is one of them: %t", len(peers), peers[id])
		}
		return nil
	})
}

func connectWithoutAddress(r *run) error {
	id, err := randomPeer()
	if err != nil {
		return err
	}
	return mustFail("CONNECT without addresses", r.dialer.client.Connect(id, nil))
}

func connectToTheWrongPeer(r *run) error {
	id, err := randomPeer()
	if err != nil {
		return err
	}
	return wrongPeer(r, id)
}

// A peer id that is a hash, as RSA keys have it, holds no key to compare with: it is its own case.
func connectToTheWrongHashedPeer(r *run) error {
	return wrongPeer(r, peer.ID("\x12\x20"+string(randomBytes(32))))
}

func wrongPeer(r *run, id peer.ID) error {
	_, addrs, err := r.handler.client.Identify()
	if err != nil {
		return err
	}
	if err := mustFail("CONNECT to another peer's address", r.dialer.client.Connect(id, addrs)); err != nil {
		return err
	}
	return r.dialer.alone()
}

func connectRefused(r *run) error {
	id, err := randomPeer()
	if err != nil {
		return err
	}
	nobody := ma.StringCast("/ip4/127.0.0.1/tcp/1")
	return mustFail("CONNECT to a closed port", r.dialer.client.Connect(id, []ma.Multiaddr{nobody}))
}

func streamToAnUnknownPeer(r *run) error {
	id, err := randomPeer()
	if err != nil {
		return err
	}
	_, _, err = r.dialer.client.NewStream(id, []string{r.protocol("any")})
	return mustFail("STREAM_OPEN to a peer without addresses", err)
}

func streamOfAnUnknownProtocol(r *run) error {
	if err := r.connected(); err != nil {
		return err
	}
	id, err := r.handler.id()
	if err != nil {
		return err
	}
	_, _, err = r.dialer.client.NewStream(id, []string{r.protocol("nobody-handles-this")})
	return mustFail("STREAM_OPEN of a protocol without handler", err)
}

func streamReply(r *run) error {
	if err := r.connected(); err != nil {
		return err
	}
	protocol := r.protocol("reply")
	infos := make(chan *p2pclient.StreamInfo, 1)
	err := r.handler.client.NewStreamHandler([]string{protocol}, func(info *p2pclient.StreamInfo, stream io.ReadWriteCloser) {
		defer stream.Close()
		infos <- info
		if expect(stream, question) == nil {
			stream.Write(answer)
		}
		// GO drops what is on its way when an end closes first, so the handler waits for the dialer to.
		io.Copy(io.Discard, stream)
	})
	if err != nil {
		return err
	}
	info, stream, err := r.open(protocol)
	if err != nil {
		return err
	}
	defer stream.Close()
	if _, err := stream.Write(question); err != nil {
		return err
	}
	if err := expect(stream, answer); err != nil {
		return err
	}
	return errors.Join(describes(info, r.handler, protocol, true), describes(<-infos, r.dialer, protocol, false))
}

// describes: a StreamInfo names the other end, and the dialer's also an address that end listens on, or is a neighbour at.
func describes(info *p2pclient.StreamInfo, other *end, protocol string, listening bool) error {
	id, addrs, err := other.client.Identify()
	if err != nil {
		return err
	}
	if info.Peer != id {
		return fmt.Errorf("peer %s instead of %s", info.Peer, id)
	}
	if info.Proto != protocol {
		return fmt.Errorf("protocol %q instead of %q", info.Proto, protocol)
	}
	if listening && other.neighbour != nil && !info.Addr.Equal(other.neighbour) {
		return fmt.Errorf("address %s instead of %s", info.Addr, other.neighbour)
	}
	if listening && other.neighbour == nil && !slices.ContainsFunc(addrs, info.Addr.Equal) {
		return fmt.Errorf("address %s is none of %s", info.Addr, addrs)
	}
	return nil
}

func streamHandlerSpeaksFirst(r *run) error {
	if err := r.connected(); err != nil {
		return err
	}
	return r.exchange(r.protocol("speaks-first"), func(stream io.ReadWriteCloser) error {
		if err := expect(stream, answer); err != nil {
			return err
		}
		_, err := stream.Write(question)
		return err
	}, func(stream io.ReadWriteCloser) error {
		if _, err := stream.Write(answer); err != nil {
			return err
		}
		return expectAll(stream, question)
	})
}

func streamNegotiates(r *run) error {
	if err := r.connected(); err != nil {
		return err
	}
	protocol := r.protocol("negotiated")
	err := r.handler.client.NewStreamHandler([]string{protocol}, func(_ *p2pclient.StreamInfo, stream io.ReadWriteCloser) {
		stream.Close()
	})
	if err != nil {
		return err
	}
	info, stream, err := r.open(r.protocol("not-this"), protocol, r.protocol("nor-this"))
	if err != nil {
		return err
	}
	defer stream.Close()
	return describes(info, r.handler, protocol, true)
}

func bulkBothWays(r *run) error {
	if err := r.connected(); err != nil {
		return err
	}
	up, down := randomBytes(r.payload), randomBytes(r.payload)
	both := func(out, in []byte) func(io.ReadWriteCloser) error {
		return func(stream io.ReadWriteCloser) error {
			written := make(chan error, 1)
			go func() {
				_, err := stream.Write(out)
				written <- err
			}()
			if err := expect(stream, in); err != nil {
				return err
			}
			return <-written
		}
	}
	finish := func(first, last func(io.ReadWriteCloser) error) func(io.ReadWriteCloser) error {
		return func(stream io.ReadWriteCloser) error {
			if err := first(stream); err != nil {
				return err
			}
			return last(stream)
		}
	}
	// The handler says when it has everything, so that no end closes while the other still waits for bytes.
	return r.exchange(r.protocol("bulk"),
		finish(both(up, down), func(stream io.ReadWriteCloser) error { return expect(stream, answer) }),
		finish(both(down, up), func(stream io.ReadWriteCloser) error {
			if _, err := stream.Write(answer); err != nil {
				return err
			}
			return expectAll(stream, nil)
		}))
}

func writeAll(out []byte) func(io.ReadWriteCloser) error {
	return func(stream io.ReadWriteCloser) error {
		_, err := stream.Write(out)
		return err
	}
}

func readAll(in []byte) func(io.ReadWriteCloser) error {
	return func(stream io.ReadWriteCloser) error { return expectAll(stream, in) }
}

func bytesBeforeCloseByDialer(r *run) error {
	if err := r.connected(); err != nil {
		return err
	}
	bytes := randomBytes(r.payload)
	return r.exchange(r.protocol("close-by-dialer"), writeAll(bytes), readAll(bytes))
}

func bytesBeforeCloseByHandler(r *run) error {
	if err := r.connected(); err != nil {
		return err
	}
	bytes := randomBytes(r.payload)
	return r.exchange(r.protocol("close-by-handler"), readAll(bytes), writeAll(bytes))
}

// The classic request and reply: all of one, its end, then all of the other.
func speakThenListen(out, in []byte) func(io.ReadWriteCloser) error {
	return func(stream io.ReadWriteCloser) error {
		if _, err := stream.Write(out); err != nil {
			return err
		}
		if err := closeWrite(stream); err != nil {
			return err
		}
		return expectAll(stream, in)
	}
}

func listenThenSpeak(in, out []byte) func(io.ReadWriteCloser) error {
	return func(stream io.ReadWriteCloser) error {
		if err := expectAll(stream, in); err != nil {
			return err
		}
		_, err := stream.Write(out)
		return err
	}
}

func halfCloseByDialer(r *run) error {
	if err := r.connected(); err != nil {
		return err
	}
	request, reply := randomBytes(r.payload), randomBytes(r.payload)
	return r.exchange(r.protocol("half-close-by-dialer"), speakThenListen(request, reply), listenThenSpeak(request, reply))
}

func halfCloseByHandler(r *run) error {
	if err := r.connected(); err != nil {
		return err
	}
	request, reply := randomBytes(r.payload), randomBytes(r.payload)
	return r.exchange(r.protocol("half-close-by-handler"), listenThenSpeak(request, reply), speakThenListen(request, reply))
}

// A dialer that loses interest: the handler's writes have to fail soon, not wait for a reader who is gone.
func closeWithBytesUnread(r *run) error {
	if err := r.connected(); err != nil {
		return err
	}
	return r.exchange(r.protocol("unread"), func(stream io.ReadWriteCloser) error {
		_, err := io.CopyN(io.Discard, stream, 1<<10)
		return err
	}, func(stream io.ReadWriteCloser) error {
		return withDeadline(gone, func() error { return writeForever(stream) })
	})
}

// writeForever returns when nobody reads any more, which is no failure.
func writeForever(stream io.Writer) error {
	bytes := randomBytes(1 << 20)
	for {
		if _, err := stream.Write(bytes); err != nil {
			return nil
		}
	}
}

func streamsAtOnce(r *run) error {
	if err := r.connected(); err != nil {
		return err
	}
	protocol := r.protocol("at-once")
	err := r.handler.client.NewStreamHandler([]string{protocol}, func(_ *p2pclient.StreamInfo, stream io.ReadWriteCloser) {
		defer stream.Close()
		io.Copy(stream, stream)
	})
	if err != nil {
		return err
	}
	failures := make([]error, many)
	var streams sync.WaitGroup
	for i := range many {
		streams.Go(func() {
			failures[i] = func() error {
				_, stream, err := r.open(protocol)
				if err != nil {
					return err
				}
				defer stream.Close()
				bytes := randomBytes(64 << 10)
				go stream.Write(bytes)
				return expect(stream, bytes)
			}()
		})
	}
	streams.Wait()
	return errors.Join(failures...)
}

func handlersMany(r *run) error {
	if err := r.connected(); err != nil {
		return err
	}
	protocols := make([]string, many)
	for i := range protocols {
		protocols[i] = r.protocol(fmt.Sprintf("many/%d", i))
	}
	// Half of them in one request, half one by one: the handler says which protocol it was called for.
	named := func(info *p2pclient.StreamInfo, stream io.ReadWriteCloser) {
		defer stream.Close()
		stream.Write([]byte(info.Proto))
		io.Copy(io.Discard, stream)
	}
	if err := r.handler.client.NewStreamHandler(protocols[:many/2], named); err != nil {
		return err
	}
	for _, protocol := range protocols[many/2:] {
		if err := r.handler.client.NewStreamHandler([]string{protocol}, named); err != nil {
			return err
		}
	}
	for _, protocol := range protocols {
		_, stream, err := r.open(protocol)
		if err != nil {
			return fmt.Errorf("%s: %w", protocol, err)
		}
		err = expect(stream, []byte(protocol))
		stream.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", protocol, err)
		}
	}
	return nil
}

// says is the handler that tells which client was called.
func says(word string) p2pclient.StreamHandlerFunc {
	return func(_ *p2pclient.StreamInfo, stream io.ReadWriteCloser) {
		defer stream.Close()
		stream.Write([]byte(word))
		io.Copy(io.Discard, stream)
	}
}

func (r *run) hears(protocol, word string) error {
	return eventually(func() error {
		_, stream, err := r.open(protocol)
		if err != nil {
			return err
		}
		defer stream.Close()
		return expect(stream, []byte(word))
	})
}

func handlerOverwritten(r *run) error {
	if err := r.connected(); err != nil {
		return err
	}
	protocol := r.protocol("overwritten")
	if err := r.handler.client.NewStreamHandler([]string{protocol}, says("first")); err != nil {
		return err
	}
	if err := r.hears(protocol, "first"); err != nil {
		return err
	}
	second, err := r.handler.another()
	if err != nil {
		return err
	}
	defer second.Close()
	if err := second.NewStreamHandler([]string{protocol}, says("other")); err != nil {
		return err
	}
	return r.hears(protocol, "other")
}

// another is a second client of the same daemon, with a TCP listener of its own: handlers may be reached either way.
func (e *end) another() (*p2pclient.Client, error) {
	return p2pclient.NewClient(e.control, ma.StringCast("/ip4/127.0.0.1/tcp/0"))
}

func handlerGoneAndBack(r *run) error {
	if err := r.connected(); err != nil {
		return err
	}
	protocol := r.protocol("gone")
	first, err := r.handler.another()
	if err != nil {
		return err
	}
	if err := first.NewStreamHandler([]string{protocol}, says("first")); err != nil {
		return err
	}
	if err := r.hears(protocol, "first"); err != nil {
		return err
	}
	first.Close()
	// The registration stays, so the stream opens; nobody answers, so it ends, cleanly and with nothing in it.
	_, stream, err := r.open(protocol)
	if err != nil {
		return fmt.Errorf("with the listener gone: %w", err)
	}
	err = withDeadline(settle, func() error { return expectAll(stream, nil) })
	stream.Close()
	if err != nil {
		return fmt.Errorf("with the listener gone: %w", err)
	}
	second, err := r.handler.another()
	if err != nil {
		return err
	}
	defer second.Close()
	if err := second.NewStreamHandler([]string{protocol}, says("again")); err != nil {
		return err
	}
	return r.hears(protocol, "again")
}

func disconnectEndsStreams(r *run) error {
	if err := r.connected(); err != nil {
		return err
	}
	id, err := r.handler.id()
	if err != nil {
		return err
	}
	opened := make(chan struct{})
	return r.exchange(r.protocol("ends"), func(stream io.ReadWriteCloser) error {
		<-opened
		if err := r.dialer.disconnect(id); err != nil {
			return err
		}
		return withDeadline(settle, func() error { return expectAll(stream, nil) })
	}, func(stream io.ReadWriteCloser) error {
		close(opened)
		return withDeadline(settle, func() error { return expectAll(stream, nil) })
	})
}

// The connection breaks under a stream that is stuck because its reader does not read. Either daemon has to survive it, and
// with it what it was told before: a daemon that fell and came back has no handlers.
func disconnectWithBytesUnread(r *run) error {
	alive, stuck := r.protocol("alive"), r.protocol("stuck")
	if err := r.handler.client.NewStreamHandler([]string{alive}, says("alive")); err != nil {
		return err
	}
	opened := make(chan struct{}, 1)
	err := r.handler.client.NewStreamHandler([]string{stuck}, func(_ *p2pclient.StreamInfo, stream io.ReadWriteCloser) {
		defer stream.Close()
		opened <- struct{}{}
		writeForever(stream)
	})
	if err != nil {
		return err
	}
	for _, ends := range [][2]*end{{r.dialer, r.handler}, {r.handler, r.dialer}} {
		if err := r.connected(); err != nil {
			return err
		}
		id, err := ends[1].id()
		if err != nil {
			return err
		}
		_, stream, err := r.open(stuck)
		if err != nil {
			return err
		}
		defer stream.Close()
		<-opened
		// For the buffers on the way to fill. Too short a time makes this a weaker check, not a wrong one.
		time.Sleep(300 * time.Millisecond)
		if err := ends[0].disconnect(id); err != nil {
			return err
		}
		if err := r.connected(); err != nil {
			return fmt.Errorf("afterwards: %w", err)
		}
		if err := r.hears(alive, "alive"); err != nil {
			return fmt.Errorf("a handler registered before: %w", err)
		}
	}
	return nil
}

func disconnect(r *run) error {
	if err := r.connected(); err != nil {
		return err
	}
	id, err := r.handler.id()
	if err != nil {
		return err
	}
	if err := r.handler.sees(r.dialer); err != nil {
		return err
	}
	if err := r.dialer.disconnect(id); err != nil {
		return err
	}
	if err := r.dialer.alone(); err != nil {
		return fmt.Errorf("right after DISCONNECT: %w", err)
	}
	return eventually(r.handler.alone)
}

func disconnectAgain(r *run) error {
	id, err := r.handler.id()
	if err != nil {
		return err
	}
	nobody, err := randomPeer()
	if err != nil {
		return err
	}
	return errors.Join(r.dialer.disconnect(id), r.dialer.disconnect(id), r.dialer.disconnect(nobody))
}

// The peer store remembers where the other end was, so a stream needs no CONNECT before it.
func streamDialsByItself(r *run) error {
	if err := r.connected(); err != nil {
		return err
	}
	id, err := r.handler.id()
	if err != nil {
		return err
	}
	if err := r.dialer.disconnect(id); err != nil {
		return err
	}
	if err := eventually(r.handler.alone); err != nil {
		return err
	}
	protocol := r.protocol("dials")
	if err := r.handler.client.NewStreamHandler([]string{protocol}, says("hello")); err != nil {
		return err
	}
	if err := r.hears(protocol, "hello"); err != nil {
		return err
	}
	// Leaves both ends as they were found, for whoever runs next.
	if err := r.dialer.disconnect(id); err != nil {
		return err
	}
	return eventually(r.handler.alone)
}
