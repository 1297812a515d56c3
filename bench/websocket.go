package main

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// webSocket is a client of RFC 6455 with what a benchmark needs: whole text messages,
// answers to pings, no extensions.
type webSocket struct {
	net.Conn
	read *bufio.Reader
	mu   sync.Mutex // a frame is written as a whole
}

const (
	opText, opClose, opPing, opPong = 1, 8, 9, 10
	finalFrame                      = 0x80
	masked                          = 0x80
)

// mask is constant, so that frames can be made in advance; servers do the same work.
func mask() [4]byte { return [4]byte{0x37, 0xfa, 0x21, 0x3d} }

// dialWebSocket opens /v1/connect, from the address source if it is not empty.
func dialWebSocket(addr, source string, buffer int) (*webSocket, error) {
	dialer := net.Dialer{Timeout: patience}
	if source != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(source)}
	}
	conn, err := dialer.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	ws := &webSocket{Conn: conn, read: bufio.NewReaderSize(conn, buffer)}
	if err := ws.shakeHands(addr); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return ws, nil
}

func (ws *webSocket) shakeHands(addr string) error {
	if err := ws.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(ws, "GET /v1/connect HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n", addr, nonce); err != nil {
		return err
	}
	resp, err := http.ReadResponse(ws.read, nil)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 500))
		return fmt.Errorf("/v1/connect answers %s: %s", resp.Status, text)
	}
	if got, want := resp.Header.Get("Sec-WebSocket-Accept"), acceptOf(nonce); got != want {
		return fmt.Errorf("/v1/connect accepts with %q, not %q", got, want)
	}
	return ws.SetDeadline(time.Time{})
}

// nonce is what every client sends as its key; it protects nothing here.
const nonce = "amFja2ZpZWxkIGJlbmNoIQ=="

// acceptOf is the answer to a key.
func acceptOf(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// frame appends a masked frame of a client.
func frame(to []byte, op byte, data []byte) []byte {
	to = append(to, finalFrame|op)
	switch n := len(data); {
	case n < 126:
		to = append(to, masked|byte(n))
	case n < 1<<16:
		to = binary.BigEndian.AppendUint16(append(to, masked|126), uint16(n))
	default:
		to = binary.BigEndian.AppendUint64(append(to, masked|127), uint64(n))
	}
	key := mask()
	to = append(to, key[:]...)
	for i, b := range data {
		to = append(to, b^key[i%4])
	}
	return to
}

// next returns the next text message, valid until the call after it, and answers
// pings in between.
func (ws *webSocket) next() ([]byte, error) {
	for {
		op, data, err := ws.nextFrame()
		if err != nil {
			return nil, err
		}
		switch op {
		case opText:
			return data, nil
		case opPing:
			ws.mu.Lock()
			_, err = ws.Write(frame(nil, opPong, data))
			ws.mu.Unlock()
			if err != nil {
				return nil, err
			}
		case opPong:
		case opClose:
			return nil, fmt.Errorf("the host closed the connection: %q", data)
		default:
			return nil, fmt.Errorf("a frame of kind %d", op)
		}
	}
}

func (ws *webSocket) nextFrame() (op byte, data []byte, err error) {
	head, err := ws.read.Peek(2)
	if err != nil {
		return 0, nil, err
	}
	if head[0]&finalFrame == 0 || head[1]&masked != 0 {
		return 0, nil, errors.New("a frame in parts, or masked by a server")
	}
	op = head[0] & 0x0f
	size, begin := int(head[1]), 2
	switch size {
	case 126:
		begin = 4
	case 127:
		begin = 10
	}
	if head, err = ws.read.Peek(begin); err != nil {
		return 0, nil, err
	}
	switch begin {
	case 4:
		size = int(binary.BigEndian.Uint16(head[2:]))
	case 10:
		size = int(binary.BigEndian.Uint64(head[2:]))
	}
	if _, err := ws.read.Discard(begin); err != nil {
		return 0, nil, err
	}
	if data, err = ws.read.Peek(size); err != nil {
		return 0, nil, fmt.Errorf("reading a frame of %d bytes: %w", size, err)
	}
	_, err = ws.read.Discard(size)
	return op, data, err
}

// socketStream sends the lines of a stream as messages.
type socketStream struct {
	*webSocket
	*lines
	frames [][]byte // by id
	buf    []byte
}

func newSocketStream(ws *webSocket, l *lines) *socketStream {
	s := &socketStream{webSocket: ws, lines: l}
	for _, text := range l.text {
		s.frames = append(s.frames, frame(nil, opText, text))
	}
	return s
}

func (s *socketStream) send(ids []int) error {
	s.buf = s.buf[:0]
	for _, id := range ids {
		s.buf = append(s.buf, s.frames[id]...)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := s.Write(s.buf)
	return err
}

func (s *socketStream) receive() (int, error) {
	text, err := s.next()
	if err != nil {
		return 0, err
	}
	return s.answered(text)
}
