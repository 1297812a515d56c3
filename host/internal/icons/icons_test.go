package icons_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/icons"
	"github.com/jackfield-host/jackfield/internal/picture"
)

func drawn(t testing.TB, side int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewNRGBA(image.Rect(0, 0, side, side))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func photo(t testing.TB, side int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, side, side)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// gives is a Want whose repository has a file.
func gives(digest string, file []byte) icons.Want {
	return icons.Want{Repository: "acme", Digest: digest, Fetch: func(context.Context) ([]byte, error) { return file, nil }}
}

// Whatever a repository has put under the name of a picture: what comes out is a small PNG or
// JPEG that was drawn here, or nothing.
func TestWhatIsShown(t *testing.T) {
	bomb := bytes.Clone(drawn(t, 4))
	bomb[16], bomb[20] = 0x7f, 0x7f // it claims a width and a height of two thousand million
	for name, c := range map[string]struct {
		file  []byte
		media string
	}{
		"a picture":            {drawn(t, 64), "image/png"},
		"a large one":          {drawn(t, 1000), "image/png"},
		"a photograph":         {photo(t, 300), "image/jpeg"},
		"a picture and a page": {append(drawn(t, 8), "<script>alert(1)</script>"...), "image/png"},
		"a page":               {[]byte("<!doctype html><script>alert(1)</script>"), ""},
		"a drawing":            {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), ""},
		"another kind":         {[]byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;"), ""},
		"nothing":              {nil, ""},
		"a hundred mebibytes":  {make([]byte, 100<<20), ""},
		"more pixels than fit": {drawn(t, picture.MaxSide+1), ""},
		"a bomb":               {bomb, ""},
		"half of one":          {drawn(t, 64)[:40], ""},
	} {
		t.Run(name, func(t *testing.T) {
			icon, err := icons.New(icons.Config{}).Get(t.Context(), gives("sha256:1", c.file))
			if c.media == "" {
				if !errors.Is(err, icons.ErrNone) || icon.Data != nil {
					t.Fatalf("it is %s with %d bytes, %v", icon.Media, len(icon.Data), err)
				}
				return
			}
			if err != nil || icon.Media != c.media || bytes.Contains(icon.Data, []byte("script")) {
				t.Fatalf("it is %s, %v", icon.Media, err)
			}
			got, form, err := image.Decode(bytes.NewReader(icon.Data))
			if err != nil || "image/"+form != c.media || got.Bounds().Dx() > picture.Side || got.Bounds().Dy() > picture.Side {
				t.Errorf("it is %s of %v, %v", form, got.Bounds(), err)
			}
		})
	}
}

// Each file is asked for once, also one that is no picture, however many want it at once; and
// what is kept has an end.
func TestFetchedOnce(t *testing.T) {
	c := icons.New(icons.Config{})
	for name, file := range map[string][]byte{"a picture": drawn(t, 64), "none": []byte("no picture")} {
		var asked atomic.Int64
		want := icons.Want{Repository: "acme", Digest: name, Fetch: func(context.Context) ([]byte, error) { asked.Add(1); return file, nil }}
		var crew sync.WaitGroup
		for range 40 {
			crew.Go(func() { _, _ = c.Get(t.Context(), want) })
		}
		crew.Wait()
		before := asked.Load()
		_, _ = c.Get(t.Context(), want)
		if after := asked.Load(); before > 4 || after != before { // as many as are fetched at once
			t.Errorf("%s was asked for %d times, then %d", name, before, after)
		}
	}
	asked := 0
	for round := range 2 {
		for i := range 1500 {
			want := icons.Want{Repository: "acme", Digest: fmt.Sprint(i), Fetch: func(context.Context) ([]byte, error) { asked++; return []byte("no picture"), nil }}
			if _, err := c.Get(t.Context(), want); !errors.Is(err, icons.ErrNone) {
				t.Fatal(round, i, err)
			}
		}
	}
	if asked <= 1500 {
		t.Errorf("all of 1500 were kept")
	}
}

// A repository that does not answer costs whoever looks at a page of its icons a few seconds,
// once in a minute: the others do not wait. Icons of another one come meanwhile.
func TestSlowRepository(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := icons.New(icons.Config{})
		var asked atomic.Int64
		slow := func(n int) icons.Want {
			return icons.Want{Repository: "slow", Digest: fmt.Sprint("slow", n), Fetch: func(ctx context.Context) ([]byte, error) {
				asked.Add(1)
				<-ctx.Done()
				return nil, ctx.Err()
			}}
		}
		begun := time.Now()
		var page sync.WaitGroup
		for n := range 48 {
			page.Go(func() {
				if _, err := c.Get(t.Context(), slow(n)); !errors.Is(err, icons.ErrLater) {
					t.Errorf("it is %v", err)
				}
			})
		}
		if icon, err := c.Get(t.Context(), gives("1", drawn(t, 8))); err != nil || icon.Data == nil {
			t.Errorf("another repository's is %v", err)
		}
		page.Wait()
		if took := time.Since(begun); took > 4*time.Second {
			t.Errorf("the page took %v", took)
		}
		first := asked.Load()
		begun = time.Now()
		for n := range 48 {
			if _, err := c.Get(t.Context(), slow(n)); !errors.Is(err, icons.ErrLater) {
				t.Errorf("it is %v", err)
			}
		}
		if took := time.Since(begun); took != 0 || asked.Load() != first || first > 4 {
			t.Errorf("the next page took %v, and asked %d times after %d", took, asked.Load(), first)
		}
		time.Sleep(2 * time.Minute)
		healthy := gives("slow1", drawn(t, 8))
		healthy.Repository = "slow"
		if _, err := c.Get(t.Context(), healthy); err != nil {
			t.Errorf("when it answers again: %v", err)
		}
	})
}

// Whoever goes away says nothing of the repository, nor does an icon that it does not have.
func TestNoFaultOfTheRepository(t *testing.T) {
	c := icons.New(icons.Config{})
	gone, leave := context.WithCancel(t.Context())
	_, err := c.Get(gone, icons.Want{Repository: "acme", Digest: "1", Fetch: func(ctx context.Context) ([]byte, error) {
		leave()
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("who went away is told %v", err)
	}
	_, err = c.Get(t.Context(), icons.Want{Repository: "acme", Digest: "2", Fetch: func(context.Context) ([]byte, error) { return nil, icons.ErrNone }})
	if !errors.Is(err, icons.ErrNone) {
		t.Errorf("one that is not there is %v", err)
	}
	if _, err := c.Get(t.Context(), gives("3", drawn(t, 8))); err != nil {
		t.Errorf("the next one is %v", err)
	}
	_, err = c.Get(t.Context(), icons.Want{Repository: "acme", Digest: "4", Fetch: func(context.Context) ([]byte, error) { return nil, errors.New("forged") }})
	if !errors.Is(err, icons.ErrLater) || !strings.Contains(err.Error(), "forged") {
		t.Errorf("a fault is %v", err)
	}
}
