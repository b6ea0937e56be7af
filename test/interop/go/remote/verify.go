package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	ggio "github.com/gogo/protobuf/io"
	"github.com/gogo/protobuf/proto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/record"
)

// The largest envelope there is, as p2pd/verify-blessing has it.
const maxEnvelope = 20 << 10

const statusProtocol = "/p2pd/blessing-status/1.0.0"

// blessing is the message of this name in proto/p2pd.proto, and a record of libp2p's signed envelopes.
type blessing struct {
	Issuer    []byte   `protobuf:"bytes,1,req,name=issuer"`
	Audience  []byte   `protobuf:"bytes,2,req,name=audience"`
	Grant     []byte   `protobuf:"bytes,3,req,name=grant"`
	Epoch     *uint64  `protobuf:"varint,4,req,name=epoch"`
	NotBefore *uint64  `protobuf:"varint,5,req,name=notBefore"`
	Expires   *uint64  `protobuf:"varint,6,req,name=expires"`
	Actions   []string `protobuf:"bytes,7,rep,name=actions"`
	Resources []string `protobuf:"bytes,8,rep,name=resources"`
}

func (b *blessing) Reset()         { *b = blessing{} }
func (b *blessing) String() string { return proto.CompactTextString(b) }
func (*blessing) ProtoMessage()    {}

func (*blessing) Domain() string                   { return "p2pd-blessing" }
func (*blessing) Codec() []byte                    { return []byte("/p2pd/blessing") }
func (b *blessing) MarshalRecord() ([]byte, error) { return proto.Marshal(b) }
func (b *blessing) UnmarshalRecord(bytes []byte) error {
	return proto.Unmarshal(bytes, b)
}

type statusRequest struct {
	Grant []byte `protobuf:"bytes,1,req,name=grant"`
}

func (r *statusRequest) Reset()         { *r = statusRequest{} }
func (r *statusRequest) String() string { return proto.CompactTextString(r) }
func (*statusRequest) ProtoMessage()    {}

type statusResponse struct {
	Stands  *bool   `protobuf:"varint,1,req,name=stands"`
	Epoch   *uint64 `protobuf:"varint,2,req,name=epoch"`
	Expires *uint64 `protobuf:"varint,3,req,name=expires"`
}

func (r *statusResponse) Reset()         { *r = statusResponse{} }
func (r *statusResponse) String() string { return proto.CompactTextString(r) }
func (*statusResponse) ProtoMessage()    {}

// shown is who shows a blessing, and what for.
type shown struct{ app, protocol, daemon, action, resource string }

// verify gets the app's blessing from it, judges it with nothing but go-libp2p, and asks the daemon whether it stands.
func verify(ctx context.Context, node host.Host, s shown) error {
	issuer, err := peer.AddrInfoFromString(s.daemon)
	if err != nil {
		return err
	}
	stream, err := open(ctx, node, s.app, s.protocol)
	if err != nil {
		return err
	}
	envelope, err := io.ReadAll(io.LimitReader(stream, maxEnvelope+1))
	stream.Close()
	if err != nil || len(envelope) == 0 {
		return errors.New("the app shows no blessing")
	}
	b, err := judge(envelope, issuer.ID, stream.Conn().RemotePeer(), s)
	if err != nil {
		return fmt.Errorf("refused: %w", err)
	}
	stands, err := askStatus(ctx, node, s.daemon, b.Grant)
	if err != nil {
		return err
	}
	if !stands {
		return errors.New("refused: the daemon does not stand by it any more")
	}
	fmt.Printf("accepted: %s may %s on %s for %s\n", peer.ID(b.Audience), strings.Join(b.Actions, ","), strings.Join(b.Resources, ","), issuer.ID)
	return nil
}

// judge looks at what a verifier has to, in the order of the documentation: signature, domain and type, who, when, what for.
func judge(bytes []byte, issuer, remote peer.ID, s shown) (*blessing, error) {
	b := &blessing{}
	envelope, err := record.ConsumeTypedEnvelope(bytes, b)
	if err != nil {
		return nil, err
	}
	if string(envelope.PayloadType) != string(b.Codec()) {
		return nil, fmt.Errorf("it is %q, and no blessing", envelope.PayloadType)
	}
	now := uint64(time.Now().Unix())
	covers := func(word string) bool {
		return word == "*" || word == s.resource || (strings.HasSuffix(word, "/") && strings.HasPrefix(s.resource, word))
	}
	switch {
	case !issuer.MatchesPublicKey(envelope.PublicKey):
		return nil, errors.New("somebody else has signed it")
	case peer.ID(b.Issuer) != issuer:
		return nil, errors.New("it names another issuer")
	case peer.ID(b.Audience) != remote:
		return nil, errors.New("it was given to another peer")
	case now < *b.NotBefore || now >= *b.Expires:
		return nil, errors.New("it is not its time")
	case !slices.Contains(b.Actions, s.action):
		return nil, fmt.Errorf("it is not for %s", s.action)
	case !slices.ContainsFunc(b.Resources, covers):
		return nil, fmt.Errorf("it does not cover %s", s.resource)
	}
	return b, nil
}

func askStatus(ctx context.Context, node host.Host, daemon string, grant []byte) (bool, error) {
	stream, err := open(ctx, node, daemon, statusProtocol)
	if err != nil {
		return false, err
	}
	defer stream.Close()
	if err := ggio.NewDelimitedWriter(stream).WriteMsg(&statusRequest{Grant: grant}); err != nil {
		return false, err
	}
	if err := stream.CloseWrite(); err != nil {
		return false, err
	}
	answer := &statusResponse{}
	if err := ggio.NewDelimitedReader(stream, 64).ReadMsg(answer); err != nil {
		return false, fmt.Errorf("the daemon does not say whether it stands: %w", err)
	}
	return *answer.Stands, nil
}
