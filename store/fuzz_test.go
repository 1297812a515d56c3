package store_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/storetest"
	"github.com/jackfield-host/jackfield/trust"
	tt "github.com/jackfield-host/jackfield/trust/trusttest"
)

var update = flag.Bool("update", false, "write testdata/fixed anew")

// fixed is a store that is the same in every process, as fuzzing needs it: an exported
// catalogue of which nobody has the key any more. `go test ./store -run Fixed -update`
// writes it.
const fixed = "testdata/fixed"

// fixedID is its one listing.
const fixedID = "org.acme.hello"

func TestFixed(t *testing.T) {
	if *update {
		s := storetest.New(t)
		s.Validity = 300 * 24 * time.Hour
		s.Publish(fixedID, "1.0", "linux-amd64", "server")
		s.Advise([]store.Advisory{{ID: "JFA-2026-0001", Listing: fixedID, Severity: store.Low}}, []store.Revocation{{Listing: fixedID, Version: "0.9", Reason: "bad"}})
		view := refresh(t, readerOf(&mirror{Store: s}, nil))
		err := errors.Join(os.RemoveAll(fixed), store.ExportDir(t.Context(), view, fixed, store.ExportOptions{}),
			os.WriteFile(filepath.Join(fixed, "root.pem"), tt.PEM(s.Authority.Root.Cert), 0o644))
		if err != nil {
			t.Fatal(err)
		}
	}
	f := newFixed(t)
	view := refresh(t, f.reader(nil))
	l, err := view.Listing(t.Context(), fixedID)
	if err != nil || l.ID != fixedID {
		t.Errorf("%+v, %v", l, err)
	}
}

type fixture struct {
	source *store.ExportSource
	roots  *trust.Roots
	now    time.Time
}

func newFixed(t testing.TB) fixture {
	t.Helper()
	pem, err := os.ReadFile(filepath.Join(fixed, "root.pem"))
	if err != nil {
		t.Fatal(err)
	}
	certs, err := trust.ParseRoots(pem, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return fixture{source: store.NewExportSource(os.DirFS(fixed)), roots: &trust.Roots{Certificates: certs}, now: certs[0].NotBefore.Add(2 * time.Hour)}
}

// reader reads the fixture, or what a source makes of it.
func (f fixture) reader(source store.Source) *store.Reader {
	if source == nil {
		source = f.source
	}
	return store.NewReader(store.ReaderConfig{Source: source, Roots: f.roots, Now: func() time.Time { return f.now }})
}

// parts are the documents of the fixture: its envelope, and its objects by digest.
func (f fixture) parts(t testing.TB) (envelope []byte, objects map[string][]byte) {
	t.Helper()
	objects = map[string][]byte{}
	err := filepath.WalkDir(filepath.Join(fixed, "sha256"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		objects[store.Digest(data)] = data
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return envelopeOf(t, f.source), objects
}

// FuzzTimestamp: of all envelopes only one payload was ever signed.
func FuzzTimestamp(f *testing.F) {
	fixture := newFixed(f)
	envelope, _ := fixture.parts(f)
	genuine, err := store.VerifyTimestamp(envelope, fixture.roots, fixture.now, store.Seen{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(envelope)
	f.Add(bytes.Replace(envelope, []byte(`"sig"`), []byte(`"SIG"`), 1))
	f.Add(bytes.Replace(envelope, []byte(`{"payload"`), []byte(`{"x":{},"payload"`), 1))
	f.Add([]byte(`{"payload":"","payloadType":"` + store.TimestampType + `","signatures":[{"sig":"","certificates":[""]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := store.VerifyTimestamp(data, fixture.roots, fixture.now, store.Seen{})
		if err == nil && !reflect.DeepEqual(got, genuine) {
			t.Fatalf("accepted %+v, which nobody has signed", got)
		}
		if err != nil && (store.CodeOf(err) == "" || got != store.Timestamp{}) {
			t.Fatalf("%+v, %v", got, err)
		}
	})
}

// substitute gives data in the place of one object.
type substitute struct {
	store.Source
	digest string
	data   []byte
}

func (s substitute) Object(ctx context.Context, digest string) (io.ReadCloser, error) {
	if digest == s.digest {
		return gives(s.data)
	}
	return s.Source.Object(ctx, digest)
}

// FuzzObjects: bytes in the place of any object of a signed index change nothing of what a
// reader accepts.
func FuzzObjects(f *testing.F) {
	fixture := newFixed(f)
	_, objects := fixture.parts(f)
	genuine := map[string][]byte{}
	view, err := fixture.reader(nil).Refresh(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	read := func(ctx context.Context, view *store.View) []any {
		listing, err1 := view.Listing(ctx, fixedID)
		advisories, err2 := view.Advisories(ctx)
		revocations, err3 := view.Revocations(ctx)
		all := []any{listing, advisories, revocations}
		for i, err := range []error{err1, err2, err3} {
			if err != nil {
				all[i] = err
			}
		}
		return all
	}
	want := read(f.Context(), view)
	for digest, data := range objects {
		genuine[digest] = data
		f.Add(digest, data)
		f.Add(digest, append(bytes.Clone(data), ' '))
		f.Add(digest, bytes.ToUpper(data))
	}
	f.Fuzz(func(t *testing.T, digest string, data []byte) {
		view, err := fixture.reader(substitute{fixture.source, digest, data}).Refresh(t.Context())
		if err != nil {
			if store.CodeOf(err) == "" {
				t.Fatal(err)
			}
			return
		}
		for i, got := range read(t.Context(), view) {
			if err, ok := got.(error); ok {
				if store.CodeOf(err) == "" || bytes.Equal(data, genuine[digest]) {
					t.Fatal(err)
				}
			} else if !reflect.DeepEqual(got, want[i]) {
				t.Fatalf("accepted %+v", got)
			}
		}
	})
}

// FuzzDocuments: what a document of the index is read as has only names that are ones, within
// the limits, and is read as the same when it is written again.
func FuzzDocuments(f *testing.F) {
	_, objects := newFixed(f).parts(f)
	for _, data := range objects {
		f.Add(data, fixedID, uint16(0))
	}
	f.Add([]byte(`{"listings":{"org.acme.hello":{"digest":"`+store.Digest(nil)+`","size":0}}}`), fixedID, uint16(1))
	f.Add([]byte(`[{"id":"x"},{"ID":"y","iD":"z"}]`), "x", uint16(3))
	f.Fuzz(func(t *testing.T, data []byte, id string, bits uint16) {
		again := func(document any) []byte {
			out, err := store.Canonical(document)
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		named := func(o store.Object, limit int64) {
			if _, ok := store.ParseDigest(o.Digest); !ok || o.Size < 0 || o.Size > limit {
				t.Fatalf("accepted the object %+v", o)
			}
		}
		if s, err := store.DecodeSnapshot(data); err == nil {
			for _, o := range s.Shards {
				named(o, store.MaxShard)
			}
			named(s.Advisories, store.MaxNotices)
			if s2, err := store.DecodeSnapshot(again(s)); err != nil || !reflect.DeepEqual(s, s2) {
				t.Fatalf("%+v is read as %+v, %v", s, s2, err)
			}
		}
		count := 1 << (bits % 8)
		index := int(bits>>8) % count
		if s, err := store.DecodeShard(data, index, count); err == nil {
			for id, o := range s.Listings {
				named(o, store.MaxListing)
				if store.ShardOf(id, count) != index {
					t.Fatalf("%q is in shard %d of %d", id, index, count)
				}
			}
			if s2, err := store.DecodeShard(again(s), index, count); err != nil || !reflect.DeepEqual(s, s2) {
				t.Fatalf("%+v is read as %+v, %v", s, s2, err)
			}
		}
		if l, err := store.DecodeListing(data, id); err == nil {
			if l.ID != id || len(l.Releases) == 0 {
				t.Fatalf("accepted %+v as %q", l, id)
			}
			for _, release := range l.Releases {
				for _, file := range release.Files {
					named(store.Object{Digest: file.Digest, Size: file.Size}, 1<<50)
					if filepath.Base(file.Name) != file.Name || !filepath.IsLocal(file.Name) {
						t.Fatalf("accepted the file name %q", file.Name)
					}
				}
			}
		}
		for _, err := range []error{second(store.DecodeAdvisories(data)), second(store.DecodeRevocations(data))} {
			if err != nil && store.CodeOf(err) == "" {
				t.Fatal(err)
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }
