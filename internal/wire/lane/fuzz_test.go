package lane

import (
	"bytes"
	"context"
	"errors"
	"io"
	"reflect"
	"testing"
	"testing/iotest"

	"github.com/jackfield-host/jackfield/sdk"
)

// read is a frame with copies of its parts.
type readFrame struct {
	Header  header
	Meta    string
	Payload string
	Dropped bool
	Request sdk.Request
	Answer  sdk.Response
}

// readAll takes frames off from until it ends, and returns them and the end.
func readAll(from io.Reader, allowed func(kind) bool, limit int) ([]readFrame, error) {
	r := &reader{from: from, pool: new(buffers), allowed: allowed, limit: limit}
	var all []readFrame
	var n names
	for {
		f, err := r.next()
		if err != nil {
			return all, err
		}
		got := readFrame{Header: f.header, Meta: string(f.meta), Dropped: f.dropped}
		if f.body != nil {
			got.Payload = string(f.body.bytes)
		}
		switch f.kind {
		case kindRequest:
			_, err = parseRequest(f.header, f.meta, &n, &got.Request)
		case kindAnswer:
			err = parseAnswer(f.header, f.meta, &n, &got.Answer)
		}
		if err != nil {
			return all, err
		}
		all = append(all, got)
	}
}

// fuzzReader checks what holds for any bytes: the frames do not depend on how the
// bytes arrive, none is larger than the bytes there were, and writing them again gives
// the bytes that were read.
func fuzzReader(f *testing.F, allowed func(kind) bool) {
	const limit = 1000
	f.Fuzz(func(t *testing.T, data []byte) {
		whole, end := readAll(bytes.NewReader(data), allowed, limit)
		single, end1 := readAll(iotest.OneByteReader(bytes.NewReader(data)), allowed, limit)
		if !reflect.DeepEqual(whole, single) || end.Error() != end1.Error() {
			t.Errorf("byte by byte: %v, %v\nat once: %v, %v", single, end1, whole, end)
		}
		var format *FormatError
		if !errors.As(end, &format) && end != io.EOF {
			t.Errorf("ended with %v", end)
		}
		var again []byte
		for _, got := range whole {
			if got.Dropped { // its bytes are gone, their number is known
				again = append(again, data[len(again):len(again)+headerSize+int(got.Header.size)]...)
				continue
			}
			start := len(again)
			again = append(appendHeader(again), got.Meta...)
			seal(again, start, got.Header.kind, got.Header.codec, got.Header.id, len(got.Payload))
			again = append(again, got.Payload...)
		}
		if !bytes.HasPrefix(data, again) {
			t.Errorf("%x was read as %x", data, again)
		}
	})
}

func FuzzReadRequests(f *testing.F) {
	req := appendRequest(nil, context.Background(), 1<<32, request([]byte("payload")))
	f.Add(append(req, "payload"...))
	f.Add(append(append(req, "payload"...), appendPlain(nil, kindCancel, 1<<32, 0)...))
	f.Add(raw(9, kindRequest, 0, 9, 1, make([]byte, 9)...))
	fuzzReader(f, fromHost)
}

func FuzzReadAnswers(f *testing.F) {
	f.Add(append(appendAnswer(nil, 7, &sdk.Response{Type: "x.R", MediaType: "a/b", Payload: []byte("x")}), 'x'))
	f.Add(append(appendPlain(nil, kindFault, 7, 2), 8, 9))
	f.Add(raw(2000, kindAnswer, 1, 0, 1, make([]byte, 2000)...))
	fuzzReader(f, fromChild)
}

// What is written is read as it was.
func FuzzRequestRoundTrip(f *testing.F) {
	f.Add("r-1", "x.Request", "a/b", "ada", "s", "role", "00-1", "a=b", "x.Asks", "1f", []byte("payload"))
	f.Fuzz(func(t *testing.T, id, typ, media, subject, session, role, parent, state, calling, ticket string, payload []byte) {
		req := &sdk.Request{
			ID: id, Type: typ, MediaType: media, Payload: payload,
			Caller: sdk.Caller{Subject: subject, Session: session, Roles: []string{role}, Extension: calling},
			Trace:  sdk.Trace{Parent: parent, State: state}, Ticket: ticket,
		}
		if metaBound(req) > maxMeta {
			return // refused before it is written
		}
		data := append(appendRequest(nil, context.Background(), 5, req), payload...)
		got, err := readAll(bytes.NewReader(data), fromHost, maxFrame)
		if err != io.EOF || len(got) != 1 {
			t.Fatalf("read as %v, %v", got, err)
		}
		got[0].Request.Payload = req.Payload
		if !reflect.DeepEqual(&got[0].Request, req) || got[0].Payload != string(payload) {
			t.Errorf("%+v was read as %+v", req, got[0])
		}
	})
}
