package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// The raw plane is the floor: a length and bytes, there and back over a socket pair,
// one connection for each caller. It knows no types, no errors and no deadlines.

const envPairs = "JACKFIELD_BENCH_PAIRS"

type raw struct {
	cmd   *exec.Cmd
	conns []net.Conn
}

// startRaw launches a child with n connections.
func startRaw(n int) (*raw, error) {
	r := &raw{cmd: self(roleChild, envVariant+"=raw", envPairs+"="+strconv.Itoa(n))}
	defer func() {
		for _, f := range r.cmd.ExtraFiles {
			f.Close()
		}
	}()
	for range n {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return nil, err
		}
		mine := os.NewFile(uintptr(pair[0]), "mine")
		r.cmd.ExtraFiles = append(r.cmd.ExtraFiles, os.NewFile(uintptr(pair[1]), "child's"))
		conn, err := net.FileConn(mine)
		mine.Close()
		if err != nil {
			return nil, err
		}
		r.conns = append(r.conns, conn)
	}
	return r, r.cmd.Start()
}

func (r *raw) childPID() int { return r.cmd.Process.Pid }

func (r *raw) close() {
	for _, c := range r.conns {
		c.Close()
	}
	r.cmd.Wait()
}

const lengthBytes = 4

func (r *raw) caller(id, payload int) func(ctx context.Context) error {
	conn, mark := r.conns[id], uint64(id)<<40
	frame := binary.LittleEndian.AppendUint32(nil, uint32(payload))
	frame = append(frame, payloadOf(payload)...)
	buf := make([]byte, len(frame))
	return func(context.Context) error {
		mark++
		stamp(frame[lengthBytes:], mark)
		if _, err := conn.Write(frame); err != nil {
			return err
		}
		got, err := readFrame(conn, &buf)
		if err != nil {
			return err
		}
		return checkEcho(frame[lengthBytes:], got[lengthBytes:])
	}
}

// readFrame reads one frame, with its length, into buf and grows it as needed. Nothing
// may follow the frame: there is one request at a time.
func readFrame(conn net.Conn, buf *[]byte) ([]byte, error) {
	n, err := io.ReadAtLeast(conn, *buf, lengthBytes)
	if err != nil {
		return nil, err
	}
	whole := lengthBytes + int(binary.LittleEndian.Uint32(*buf))
	if n > whole || whole > maxMessage {
		return nil, fmt.Errorf("a frame of %d bytes came as %d", whole, n)
	}
	if whole > len(*buf) {
		*buf = append(*buf, make([]byte, whole-len(*buf))...)
	}
	_, err = io.ReadFull(conn, (*buf)[n:whole])
	return (*buf)[:whole], err
}

// runRawChild echoes frames until all connections have ended.
func runRawChild() error {
	n, err := strconv.Atoi(os.Getenv(envPairs))
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	for i := range n {
		f := os.NewFile(uintptr(3+i), "host's")
		conn, err := net.FileConn(f)
		f.Close()
		if err != nil {
			return err
		}
		wg.Go(func() {
			defer conn.Close()
			buf := make([]byte, 4*kib)
			for {
				frame, err := readFrame(conn, &buf)
				if err != nil {
					return // the host has closed its end
				}
				if _, err := conn.Write(frame); err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return nil
}

// pool gives connections of a raw child to those who serve requests by hand.
type pool struct {
	*raw
	free chan *pooled
}

type pooled struct {
	net.Conn
	buf, frame []byte
}

func startPool(n int) (*pool, error) {
	r, err := startRaw(n)
	if err != nil {
		return nil, err
	}
	p := &pool{raw: r, free: make(chan *pooled, n)}
	for _, c := range r.conns {
		p.free <- &pooled{Conn: c, buf: make([]byte, 4*kib)}
	}
	return p, nil
}

// process sends the payload alone.
func (p *pool) process(ctx context.Context, in message) (message, error) {
	var c *pooled
	select {
	case c = <-p.free:
	case <-ctx.Done():
		return message{}, ctx.Err()
	}
	defer func() { p.free <- c }()
	c.frame = binary.LittleEndian.AppendUint32(c.frame[:0], uint32(len(in.Payload)))
	c.frame = append(c.frame, in.Payload...)
	if _, err := c.Write(c.frame); err != nil {
		return message{}, err
	}
	got, err := readFrame(c, &c.buf)
	if err != nil {
		return message{}, err
	}
	// The buffer goes back to the pool, hence the copy.
	return message{MediaType: in.MediaType, Payload: append([]byte(nil), got[lengthBytes:]...)}, nil
}
