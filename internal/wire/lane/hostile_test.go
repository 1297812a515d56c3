package lane

import (
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/sdk"
)

// raw builds a frame whose header says what it likes.
func raw(size uint32, k kind, c codec, meta uint16, id uint64, rest ...byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, size)
	b = append(b, byte(k), byte(c))
	b = binary.LittleEndian.AppendUint16(b, meta)
	b = binary.LittleEndian.AppendUint64(b, id)
	return append(b, rest...)
}

// A child that breaks the format is told apart from one that ends, and costs nothing
// but itself.
func TestHostileChildren(t *testing.T) {
	first := uint64(1 << 32) // the id of the first request
	for _, c := range []struct {
		name, says string
		bytes      []byte
		lane       string
	}{
		{"a kind that there is not", "a frame of kind 9", raw(0, 9, 0, 0, first), "shared"},
		{"a request", "a frame of kind 1", raw(8, kindRequest, 1, 8, first, make([]byte, 8)...), "shared"},
		{"a cancel", "a frame of kind 4", raw(0, kindCancel, 0, 0, first), "bulk"},
		{"a codec that there is not", "codec 3", raw(0, kindAnswer, 3, 0, first), "shared"},
		{"more meta than frame", "9 bytes of meta in a frame of 8", raw(8, kindAnswer, 1, 9, first, make([]byte, 8)...), "shared"},
		{"a frame of 4 GiB", "a frame of 4294967295 bytes", raw(1<<32-1, kindAnswer, 1, 0, first), "bulk"},
		{"half a field", "a field of 2 bytes", raw(2, kindAnswer, 1, 2, first, 2, 5), "shared"},
		{"a field that is longer than its meta", "a field of 5 bytes where 1 are left", raw(4, kindAnswer, 1, 4, first, 2, 5, 0, 'x'), "shared"},
		{"an answer that nobody asked for", "an answer to request 4294967297, which is not out", raw(0, kindAnswer, 1, 0, first+1), "shared"},
		{"an answer of another time", "which is not out", raw(0, kindAnswer, 1, 0, 0), "shared"},
		{"an answer from nowhere", "which is not out", raw(0, kindAnswer, 1, 0, 1<<32-1), "bulk"},
		{"an answer twice", "which is not out", append(raw(0, kindAnswer, 1, 0, first), raw(0, kindAnswer, 1, 0, first)...), "shared"},
		{"the wrong answer on a sync lane", "where", raw(0, kindAnswer, 1, 0, 7), "sync"},
		{"a frame that breaks off", "", raw(100, kindAnswer, 1, 0, first, 1, 2, 3), "shared"},
		{"half a header", "", []byte{1, 2, 3}, "bulk"},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, ends := halves(t, Config{})
			conn := map[string]io.Writer{"shared": ends.shared, "bulk": ends.bulk, "sync": ends.sync[0]}[c.lane]
			if c.lane != "sync" {
				client.crowd.Add(1)
			}
			answered := make(chan error, 1)
			go func() {
				_, err := client.Process(t.Context(), request(nil))
				answered <- err
			}()
			var from io.Reader = ends.shared
			if c.lane == "sync" {
				from = ends.sync[0]
			}
			r := &reader{from: from, pool: new(buffers), allowed: fromHost, limit: maxFrame}
			if _, err := r.next(); err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Write(c.bytes); err != nil {
				t.Fatal(err)
			}
			if c.says == "" {
				ends.Close()
			}
			if err := <-answered; err != nil && asFault(t, err).Code != sdk.Unavailable {
				t.Errorf("the caller got %v", err)
			}
			<-client.Done()
			var format *FormatError
			if errors.As(client.Err(), &format) != (c.says != "") || !strings.Contains(client.Err().Error(), c.says) {
				t.Errorf("the lanes ended with %v, want %q", client.Err(), c.says)
			}
		})
	}
}

// The other direction: a host that makes no sense ends the server, not the process.
func TestHostileHosts(t *testing.T) {
	timeout := make([]byte, 8)
	for _, c := range []struct {
		name, says string
		bytes      []byte
	}{
		{"an answer", "a frame of kind 2", raw(0, kindAnswer, 1, 0, 1)},
		{"a request without timeout", "a request without timeout", raw(4, kindRequest, 1, 4, 1, 1, 2, 3, 4)},
		{"a cancel that says more", "a cancel frame with 1 bytes", raw(1, kindCancel, 1, 0, 1, 0)},
		{"half a field", "a field of 1 bytes", raw(9, kindRequest, 1, 9, 1, append(timeout, 2)...)},
		{"an id twice", "request 1 is out twice", append(raw(8, kindRequest, 1, 8, 1, timeout...), raw(8, kindRequest, 1, 8, 1, timeout...)...)},
	} {
		t.Run(c.name, func(t *testing.T) {
			pairs, err := NewPairs()
			if err != nil {
				t.Fatal(err)
			}
			ends, err := pairs.Child()
			if err != nil {
				t.Fatal(err)
			}
			server, err := NewServer(ends, untilDone(make(chan error, 10)))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { pairs.Close(); server.Close() })
			if _, err := pairs.Host.shared.Write(c.bytes); err != nil {
				t.Fatal(err)
			}
			<-server.Done()
			if err := server.Err(); !strings.Contains(err.Error(), c.says) {
				t.Errorf("ended with %v, want %q", err, c.says)
			}
		})
	}
}

// A cancel may overtake its request, which is on another lane.
func TestCancelThatComesEarly(t *testing.T) {
	ended := make(chan error, 1)
	w := newWorld(t, Config{}, untilDone(ended))
	w.cancel(aloneID | 1)
	poll(t, func() bool {
		w.server.mu.Lock()
		defer w.server.mu.Unlock()
		return len(w.server.early) == 1
	})
	if _, err := w.Process(t.Context(), request(nil)); err != nil { // the first on a sync lane
		t.Error(err)
	}
	if err := <-ended; err == nil {
		t.Error("the handler was not canceled")
	}
}

func TestInheritRefusesNonsense(t *testing.T) {
	for _, value := range []string{"shared", "shared=x", "shared=0", "shared=-1", "shared=3000", "=", "bulk=2"} {
		t.Setenv(Environment, value)
		if ends, err := Inherit(); err == nil {
			t.Errorf("%q was taken for %v", value, ends)
		}
	}
	t.Setenv(Environment, "")
	if ends, err := Inherit(); ends != nil || err != nil {
		t.Errorf("nothing was taken for %v, %v", ends, err)
	}
}
