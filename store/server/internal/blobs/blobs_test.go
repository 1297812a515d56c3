package blobs_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/backends"
	"github.com/jackfield-host/jackfield/store/server/internal/blobs"
)

func objectOf(data []byte) store.Object {
	sum := sha256.Sum256(data)
	return store.Object{Digest: "sha256:" + hex.EncodeToString(sum[:]), Size: int64(len(data))}
}

func random(n int) []byte {
	data := make([]byte, n)
	r := rand.New(rand.NewPCG(uint64(n), 1))
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	return data
}

// list returns the digests that Walk visits.
func list(t *testing.T, s blobs.Store) (digests []string) {
	t.Helper()
	if err := s.Walk(t.Context(), func(info blobs.Info) error {
		digests = append(digests, info.Digest)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return digests
}

func TestWhatIsPutIsRead(t *testing.T) {
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		var want []string
		for _, size := range []int{0, 1, 100, 70_000, 3 << 20} {
			data := random(size)
			object, err := b.Blobs.Put(t.Context(), bytes.NewReader(data))
			if err != nil || object != objectOf(data) {
				t.Fatalf("putting %d bytes gave %+v (%v), want %+v", size, object, err, objectOf(data))
			}
			if err := b.Blobs.PutDigest(t.Context(), object, iotest.OneByteReader(bytes.NewReader(data[:min(size, 70_000)]))); (err == nil) != (size <= 70_000) {
				t.Errorf("putting %d bytes once more, up to 70000: %v", size, err)
			}
			info, err := b.Blobs.Stat(t.Context(), object.Digest)
			if err != nil || info.Object != object || time.Since(info.Modified).Abs() > time.Minute {
				t.Errorf("Stat says %+v (%v), want %+v just now", info, err, object)
			}
			got, err := blobs.Read(t.Context(), b.Blobs, object.Digest, int64(size))
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("reading %d bytes gave %d (%v)", size, len(got), err)
			}
			if err := blobs.Verify(t.Context(), b.Blobs, object.Digest); err != nil {
				t.Error(err)
			}
			want = append(want, object.Digest)
		}
		slices.Sort(want)
		if got := list(t, b.Blobs); !slices.Equal(got, want) {
			t.Errorf("Walk visits %v, want %v", got, want)
		}
		if err := b.Blobs.Check(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestFilesSeekAndReadAnywhere(t *testing.T) {
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		data := random(200_000)
		object, err := b.Blobs.Put(t.Context(), bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		f, err := b.Blobs.Open(t.Context(), object.Digest)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if f.Size() != int64(len(data)) {
			t.Errorf("the size is %d, want %d", f.Size(), len(data))
		}
		part := make([]byte, 1000)
		if _, err := f.ReadAt(part, 150_000); err != nil || !bytes.Equal(part, data[150_000:151_000]) {
			t.Errorf("reading in the middle: %v", err)
		}
		if n, err := f.ReadAt(part, 199_500); n != 500 || err != io.EOF {
			t.Errorf("reading across the end gave %d bytes (%v), want 500 and io.EOF", n, err)
		}
		if at, err := f.Seek(-10, io.SeekEnd); err != nil || at != 199_990 {
			t.Fatalf("seeking gave %d (%v)", at, err)
		}
		if tail, err := io.ReadAll(f); err != nil || !bytes.Equal(tail, data[199_990:]) {
			t.Errorf("reading the tail: %v", err)
		}
		if err := iotest.TestReader(io.NewSectionReader(f, 1000, 5000), data[1000:6000]); err != nil {
			t.Error(err)
		}
	})
}

// endless never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestWhatIsWrongIsNotKept(t *testing.T) {
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		data := random(1000)
		broken := errors.New("the cable broke")
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		other, short, long := objectOf(random(1001)), objectOf(data), objectOf(data)
		other.Size, short.Size, long.Size = 1000, 999, 1001
		huge := objectOf(data)
		huge.Size = 1 << 40
		for _, c := range []struct {
			name string
			ctx  context.Context
			want store.Object
			r    io.Reader
			err  error
		}{
			{"another digest", t.Context(), other, bytes.NewReader(data), blobs.ErrDigest},
			{"more bytes than said", t.Context(), short, bytes.NewReader(data), blobs.ErrDigest},
			{"fewer bytes than said", t.Context(), long, bytes.NewReader(data), blobs.ErrDigest},
			{"bytes without end", t.Context(), objectOf(data), endless{}, blobs.ErrDigest},
			{"a size beyond the limit", t.Context(), huge, endless{}, blobs.ErrTooLarge},
			{"a reader that breaks", t.Context(), objectOf(data), io.MultiReader(bytes.NewReader(data[:10]), iotest.ErrReader(broken)), broken},
			{"a caller who goes", cancelled, objectOf(data), bytes.NewReader(data), context.Canceled},
		} {
			t.Run(c.name, func(t *testing.T) {
				if err := b.Blobs.PutDigest(c.ctx, c.want, c.r); !errors.Is(err, c.err) {
					t.Errorf("got %v, want %v", err, c.err)
				}
			})
		}
		limited, err := blobs.Open(t.Context(), b.BlobsURL, blobs.Options{Limit: 999, AccessKey: b.BlobOptions.AccessKey, SecretKey: b.BlobOptions.SecretKey})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := limited.Put(t.Context(), bytes.NewReader(data)); !errors.Is(err, blobs.ErrTooLarge) {
			t.Errorf("one byte beyond the limit: %v, want ErrTooLarge", err)
		}
		if got := list(t, b.Blobs); len(got) != 0 {
			t.Errorf("%v is kept, want nothing", got)
		}
	})
}

func TestUnknownAndBadDigests(t *testing.T) {
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		for _, digest := range []string{objectOf([]byte("x")).Digest, "", "sha256:", "md5:abc", "sha256:../../../etc/passwd", strings.ToUpper(objectOf([]byte("x")).Digest)} {
			_, openErr := b.Blobs.Open(t.Context(), digest)
			_, statErr := b.Blobs.Stat(t.Context(), digest)
			_, readErr := blobs.Read(t.Context(), b.Blobs, digest, 10)
			for _, err := range []error{openErr, statErr, readErr, blobs.Verify(t.Context(), b.Blobs, digest)} {
				if !errors.Is(err, blobs.ErrNotFound) {
					t.Errorf("%q: %v, want ErrNotFound", digest, err)
				}
			}
		}
	})
}

func TestDamageIsSeen(t *testing.T) {
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		object, err := b.Blobs.Put(t.Context(), bytes.NewReader(random(1000)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := blobs.Read(t.Context(), b.Blobs, object.Digest, 999); !errors.Is(err, blobs.ErrTooLarge) {
			t.Errorf("reading more than allowed: %v, want ErrTooLarge", err)
		}
		b.Damage(t, object.Digest)
		if _, err := blobs.Read(t.Context(), b.Blobs, object.Digest, 1000); !errors.Is(err, blobs.ErrDigest) {
			t.Errorf("Read: %v, want ErrDigest", err)
		}
		if err := blobs.Verify(t.Context(), b.Blobs, object.Digest); !errors.Is(err, blobs.ErrDigest) {
			t.Errorf("Verify: %v, want ErrDigest", err)
		}
	})
}

func TestToPutOnceMoreMends(t *testing.T) {
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		data := random(1000)
		object, err := b.Blobs.Put(t.Context(), bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		b.Damage(t, object.Digest)
		b.Age(t, object.Digest, 2*time.Hour) // a bucket takes a young one for what it is
		if err := b.Blobs.PutDigest(t.Context(), object, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		if err := blobs.Verify(t.Context(), b.Blobs, object.Digest); err != nil {
			t.Error(err)
		}
	})
}

func TestSweepTakesWhatIsOldAndUnwanted(t *testing.T) {
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		put := func(n int) string {
			t.Helper()
			object, err := b.Blobs.Put(t.Context(), bytes.NewReader(random(n)))
			if err != nil {
				t.Fatal(err)
			}
			return object.Digest
		}
		young, old, wanted, again := put(10), put(20), put(30), put(40)
		for _, digest := range []string{old, wanted, again} {
			b.Age(t, digest, 49*time.Hour)
		}
		put(40)
		var asked []string
		swept, err := b.Blobs.Sweep(t.Context(), func(_ context.Context, digest string) (bool, error) {
			asked = append(asked, digest)
			return digest == wanted, nil
		}, 48*time.Hour)
		if err != nil || swept != (blobs.Swept{Blobs: 1, Bytes: 20}) {
			t.Errorf("swept %+v (%v), want one blob of 20 bytes", swept, err)
		}
		left := []string{young, wanted, again}
		slices.Sort(left)
		if got := list(t, b.Blobs); !slices.Equal(got, left) {
			t.Errorf("left are %v, want %v", got, left)
		}
		if len(asked) != 2 {
			t.Errorf("asked for %v, want the two that are old", asked)
		}
		b.Age(t, young, 49*time.Hour)
		away := errors.New("the database is away")
		if _, err := b.Blobs.Sweep(t.Context(), func(context.Context, string) (bool, error) { return false, away }, 48*time.Hour); !errors.Is(err, away) {
			t.Errorf("got %v, want %v", err, away)
		}
		if got := list(t, b.Blobs); !slices.Equal(got, left) {
			t.Errorf("left are %v, want %v: nothing goes when nobody can say", got, left)
		}
	})
}

// Blobs are put once more while Sweep goes over them: none is lost whose Put returned.
func TestSweepDoesNotTakeWhatIsPutMeanwhile(t *testing.T) {
	b := backends.SQLite(t)
	for round := range 20 {
		data := random(1000 + round)
		digest := objectOf(data).Digest
		if _, err := b.Blobs.Put(t.Context(), bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		b.Age(t, digest, 49*time.Hour)
		var both sync.WaitGroup
		both.Go(func() {
			if _, err := b.Blobs.Put(t.Context(), bytes.NewReader(data)); err != nil {
				t.Error(err)
			}
		})
		both.Go(func() {
			if _, err := b.Blobs.Sweep(t.Context(), func(context.Context, string) (bool, error) { return false, nil }, 48*time.Hour); err != nil {
				t.Error(err)
			}
		})
		both.Wait()
		if err := blobs.Verify(t.Context(), b.Blobs, digest); err != nil {
			t.Fatal(err)
		}
	}
}

func TestManyPutTheSame(t *testing.T) {
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		data := random(50_000)
		other, err := blobs.Open(t.Context(), b.BlobsURL, b.BlobOptions)
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				if err := []blobs.Store{b.Blobs, other}[i%2].PutDigest(t.Context(), objectOf(data), bytes.NewReader(data)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if got := list(t, b.Blobs); len(got) != 1 {
			t.Errorf("there are %v, want one", got)
		}
		if err := blobs.Verify(t.Context(), b.Blobs, objectOf(data).Digest); err != nil {
			t.Error(err)
		}
	})
}

func TestLocations(t *testing.T) {
	for _, c := range []struct{ location, want string }{
		{"s3://bucket", "needs an endpoint"},
		{"s3://bucket?endpoint=ftp://x", "needs an endpoint"},
		{"s3://bucket?endpoint=http://127.0.0.1:1&secret=x", `parameter "secret"`},
		{"s3://key:secret@bucket?endpoint=http://127.0.0.1:1", "keys do not belong"},
		{"s3://key:secret@bucket?endpoint=%zz", "needs an endpoint"},
		{"s3://key:secret@%zz", "reading the location"},
		{"/dev/null/blobs", "opening the blobs"},
	} {
		_, err := blobs.Open(t.Context(), c.location, blobs.Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret@") {
			t.Errorf("%s: %v, want an error with %q", c.location, err, c.want)
		}
	}
	s := backends.Postgres(t)
	missing := strings.Replace(s.BlobsURL, "s3://t", "s3://no-such-", 1)
	if _, err := blobs.Open(t.Context(), missing, s.BlobOptions); err == nil || !strings.Contains(err.Error(), "no such bucket") {
		t.Errorf("a bucket that is missing: %v", err)
	}
}
