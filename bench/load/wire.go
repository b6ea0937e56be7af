// The few bytes of the control protocol that the generator needs: varint frames and hand-written protobuf for IDENTIFY,
// CONNECT, STREAM_OPEN, STREAM_HANDLER and StreamInfo. Field numbers are those of p2pd.pb.
package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	typeIdentify      = 0
	typeConnect       = 1
	typeStreamOpen    = 2
	typeStreamHandler = 3

	// What every classic client and server allows for one frame, both ways.
	maxFrameBytes = 4 << 20
)

// field is one field of a message: number for a varint, bytes for what has a length.
type field struct {
	number int
	value  uint64
	bytes  []byte
}

func appendVarintField(to []byte, number int, value uint64) []byte {
	to = binary.AppendUvarint(to, uint64(number)<<3)
	return binary.AppendUvarint(to, value)
}

func appendBytesField(to []byte, number int, value []byte) []byte {
	to = binary.AppendUvarint(to, uint64(number)<<3|2)
	to = binary.AppendUvarint(to, uint64(len(value)))
	return append(to, value...)
}

// request frames a Request of this type, whose sub-message (if there is one) stands in the field of the given number.
func request(kind uint64, number int, sub []byte) []byte {
	body := appendVarintField(nil, 1, kind)
	if number != 0 {
		body = appendBytesField(body, number, sub)
	}
	return append(binary.AppendUvarint(nil, uint64(len(body))), body...)
}

func identifyRequest() []byte {
	return request(typeIdentify, 0, nil)
}

func connectRequest(peer []byte, addrs [][]byte) []byte {
	sub := appendBytesField(nil, 1, peer)
	for _, addr := range addrs {
		sub = appendBytesField(sub, 2, addr)
	}
	return request(typeConnect, 2, sub)
}

func streamOpenRequest(peer []byte, protocol string) []byte {
	return request(typeStreamOpen, 3, appendBytesField(appendBytesField(nil, 1, peer), 2, []byte(protocol)))
}

func streamHandlerRequest(path string, protocols []string) []byte {
	sub := appendBytesField(nil, 1, unixMultiaddr(path))
	for _, protocol := range protocols {
		sub = appendBytesField(sub, 2, []byte(protocol))
	}
	return request(typeStreamHandler, 4, sub)
}

// unixMultiaddr is code 400 (0x90 0x03), then the path with its length, as go-multiaddr writes it.
func unixMultiaddr(path string) []byte {
	addr := binary.AppendUvarint([]byte{0x90, 0x03}, uint64(len(path)))
	return append(addr, path...)
}

// transportOf names the first two parts of a multiaddr, so that a run can prove that bytes went over TCP and nowhere else.
func transportOf(addr []byte) string {
	switch {
	case len(addr) >= 8 && addr[0] == 4 && addr[5] == 6:
		return "ip4/tcp"
	case len(addr) >= 20 && addr[0] == 41 && addr[17] == 6:
		return "ip6/tcp"
	case len(addr) >= 2 && addr[0] == 0x90 && addr[1] == 0x03:
		return "unix"
	default:
		return fmt.Sprintf("%x", addr)
	}
}

func readFrame(from *bufio.Reader) ([]byte, error) {
	size, err := binary.ReadUvarint(from)
	if err != nil {
		return nil, err
	}
	if size > maxFrameBytes {
		return nil, fmt.Errorf("a frame of %d bytes", size)
	}
	frame := make([]byte, size)
	_, err = io.ReadFull(from, frame)
	return frame, err
}

func fieldsOf(message []byte) ([]field, error) {
	var fields []field
	for len(message) > 0 {
		key, n := binary.Uvarint(message)
		if n <= 0 {
			return nil, errors.New("a message that is no protobuf")
		}
		message = message[n:]
		value, n := binary.Uvarint(message)
		if n <= 0 {
			return nil, errors.New("a message that is no protobuf")
		}
		message = message[n:]
		switch key & 7 {
		case 0:
			fields = append(fields, field{number: int(key >> 3), value: value})
		case 2:
			if value > uint64(len(message)) {
				return nil, errors.New("a message that ends inside a field")
			}
			fields = append(fields, field{number: int(key >> 3), bytes: message[:value]})
			message = message[value:]
		default:
			return nil, fmt.Errorf("a field of wire type %d", key&7)
		}
	}
	return fields, nil
}

// bytesOf gives all values of a field with a length, in order.
func bytesOf(message []byte, number int) ([][]byte, error) {
	fields, err := fieldsOf(message)
	if err != nil {
		return nil, err
	}
	var values [][]byte
	for _, f := range fields {
		if f.number == number && f.bytes != nil {
			values = append(values, f.bytes)
		}
	}
	return values, nil
}

// readResponse gives the value of one sub-message of an OK response, or the daemon's own words as an error.
func readResponse(from *bufio.Reader, number int) ([]byte, error) {
	frame, err := readFrame(from)
	if err != nil {
		return nil, err
	}
	fields, err := fieldsOf(frame)
	if err != nil {
		return nil, err
	}
	var sub []byte
	for _, f := range fields {
		switch {
		case f.number == 2:
			words, err := bytesOf(f.bytes, 1)
			if err != nil || len(words) == 0 {
				return nil, errors.New("an ERROR without words")
			}
			return nil, fmt.Errorf("daemon: %s", words[0])
		case f.number == 1 && f.value != 0:
			// The words follow in field 2; keep looking.
		case f.number == number:
			sub = f.bytes
		}
	}
	if number != 0 && sub == nil {
		return nil, fmt.Errorf("a response without field %d", number)
	}
	return sub, nil
}
