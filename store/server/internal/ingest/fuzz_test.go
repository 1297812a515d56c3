package ingest_test

import (
	"bytes"
	"testing"

	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/bundle/jpl/jpltest"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/backends"
	"github.com/jackfield-host/jackfield/store/server/internal/ingest"
	"github.com/jackfield-host/jackfield/store/server/internal/ingest/ingesttest"
)

// FuzzSubmit: whatever is submitted, the submission ends, refused with a code of the closed
// set, or published because its reader takes it.
func FuzzSubmit(f *testing.F) {
	for i, c := range bundletest.Hostile() {
		if i%20 == 0 && len(c.Bytes) < 8<<10 {
			f.Add(c.Bytes)
		}
	}
	f.Add(bundletest.Good())
	f.Add(bundletest.Good(bundletest.WithFile("META-INF/extension/icon.png", painted(f)),
		bundletest.WithFile("META-INF/extension/CHANGELOG.md", []byte("## 1.0.0\n- all"))))
	f.Add(jpltest.Good().Build())
	f.Add([]byte("no archive"))
	f.Add([]byte{})
	reader := bundles(acme.Root)
	reader.UnsignedUnsafe = true // else nothing that is mutated comes further than its signature
	w := open(f, backends.SQLite(f), func(c *ingest.Config) { c.Formats = []ingest.Format{reader, both()[1]} })
	known := ingesttest.Codes()
	for _, code := range []string{store.CodeVersionNotHigher, store.CodeIDTaken, store.CodeTextInvalid} {
		known[code] = true
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := w.Submit(t.Context(), ingest.Upload{Source: ingest.SourceAPI, Body: bytes.NewReader(data)})
		if err != nil {
			t.Fatal(err)
		}
		switch s.State {
		case store.NeedsChanges:
			if len(s.Problems) == 0 || !known[s.Problems[0].Code] || s.Problems[0].Message == "" {
				t.Fatalf("refused without a reason: %+v", s)
			}
		case store.Accepted:
			taker := both()[1]
			if s.Format == store.FormatBundle {
				taker = reader
			}
			_, err := taker.Read(t.Context(), ingest.File{ReaderAt: bytes.NewReader(data), Size: int64(len(data)), Digest: s.Digest})
			if err != nil {
				t.Fatalf("published although its reader says %v", err)
			}
		default:
			t.Fatalf("%+v", s)
		}
	})
}
