package pages

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/store"
)

// shelf is a Catalogue and a View of listings that a test sets.
type shelf struct {
	entries     []Entry
	advisories  []store.Advisory
	revocations []store.Revocation
	sequence    atomic.Int64
	looked      atomic.Int64 // how often something was looked up, for what a kept page costs
	broken      error
}

func newShelf(listings ...*store.Listing) *shelf {
	s := &shelf{}
	s.sequence.Store(1)
	for i, l := range listings {
		e := Entry{Listing: l, Release: -1, Downloads: int64(i * i * 37)}
		for j, r := range l.Releases {
			if e.Release < 0 && (r.State == store.Published || r.State == store.Deprecated) {
				e.Release = j
			}
		}
		s.entries = append(s.entries, e)
	}
	return s
}

func (s *shelf) Now() View                       { return s }
func (s *shelf) Sequence() int64                 { return s.sequence.Load() }
func (s *shelf) Advisories() []store.Advisory    { return s.advisories }
func (s *shelf) Revocations() []store.Revocation { return s.revocations }
func (s *shelf) Labels() []Count                 { return s.counts(func(e Entry) []string { return e.Labels }) }

func (s *shelf) Platforms() []Count {
	return s.counts(func(e Entry) []string {
		if e.Release < 0 {
			return nil
		}
		var all []string
		for _, f := range e.Releases[e.Release].Files {
			all = append(all, f.Platforms...)
		}
		return all
	})
}

func (s *shelf) counts(of func(Entry) []string) []Count {
	n := map[string]int{}
	for _, e := range s.entries {
		for _, v := range of(e) {
			n[v]++
		}
	}
	var all []Count
	for v, c := range n {
		all = append(all, Count{v, c})
	}
	slices.SortFunc(all, func(a, b Count) int { return cmp.Compare(a.Value, b.Value) })
	return all
}

func (s *shelf) Label(id string, _ []string) string {
	return map[string]string{"featured": "Chosen by us"}[id] + map[bool]string{true: id}[id != "featured"]
}

func (s *shelf) Len() int {
	n := 0
	for _, e := range s.entries {
		if e.Release >= 0 {
			n++
		}
	}
	return n
}

func (s *shelf) Listing(id string) (Entry, bool) {
	s.looked.Add(1)
	for _, e := range s.entries {
		if store.FoldID(e.ID) == store.FoldID(id) {
			return e, true
		}
	}
	return Entry{}, false
}

func (s *shelf) Find(_ context.Context, q Query) (Found, error) {
	s.looked.Add(1)
	if s.broken != nil {
		return Found{}, s.broken
	}
	var found []Entry
	for _, e := range s.entries {
		if e.Release < 0 {
			continue
		}
		r := e.Releases[e.Release]
		text := strings.ToLower(fmt.Sprint(e.ID, e.Texts, r.Types))
		switch {
		case !strings.Contains(text, strings.ToLower(q.Text)), q.Format != "" && e.Format != q.Format, q.Label != "" && !slices.Contains(e.Labels, q.Label),
			q.Publisher != "" && q.Publisher != e.Publisher.Host && q.Publisher != e.Publisher.Pin,
			q.Platform != "" && !slices.ContainsFunc(r.Files, func(f store.File) bool { return slices.Contains(f.Platforms, q.Platform) }):
			continue
		}
		found = append(found, e)
	}
	slices.SortStableFunc(found, func(a, b Entry) int {
		switch q.Order {
		case ByName:
			return cmp.Compare(a.Texts[""].Name, b.Texts[""].Name)
		case ByDownloads:
			return cmp.Compare(b.Downloads, a.Downloads)
		}
		return b.Releases[b.Release].Published.Compare(a.Releases[a.Release].Published)
	})
	at, _ := strconv.Atoi(q.Cursor)
	rest := found[min(at, len(found)):]
	if len(rest) <= q.Limit {
		return Found{Entries: rest}, nil
	}
	return Found{rest[:q.Limit], strconv.Itoa(at + q.Limit)}, nil
}

// pictures are those of vivid listings, by digest. They are painted once.
var pictures = sync.OnceValue(func() map[string][]byte {
	all := map[string][]byte{}
	for i := range 8 {
		for _, size := range []image.Point{{128, 128}, {960, 600}} {
			all[digestOf(i, size)] = paint(i, size)
		}
	}
	return all
})

func digestOf(i int, size image.Point) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s", i, size))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// paint makes a picture in two colours, a jack in the middle.
func paint(i int, size image.Point) []byte {
	tone := color.NRGBA{uint8(40 + 70*i%200), uint8(90 + 130*i%140), uint8(160 + 90*i%90), 255}
	m := image.NewNRGBA(image.Rectangle{Max: size})
	for y := range size.Y {
		for x := range size.X {
			c := tone
			dx, dy := x-size.X/2, y-size.Y/2
			switch d := dx*dx + dy*dy; {
			case d < size.Y*size.Y/36:
				c = color.NRGBA{20, 28, 36, 255}
			case d < size.Y*size.Y/14:
				c = color.NRGBA{217, 164, 65, 255}
			case (x+y)/(size.Y/8)%2 == 0:
				c = color.NRGBA{tone.R - tone.R/6, tone.G - tone.G/6, tone.B - tone.B/6, 255}
			}
			m.SetNRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err) // a buffer takes everything
	}
	return b.Bytes()
}

func picture(i int, size image.Point) *store.Picture {
	return &store.Picture{Digest: digestOf(i, size), Size: int64(len(pictures()[digestOf(i, size)])), Media: "image/png", Width: size.X, Height: size.Y}
}

// pagesOf are the pages of a shelf.
func pagesOf(t testing.TB, s *shelf, changes ...func(*Config)) *Pages {
	t.Helper()
	kept := pictures()
	cfg := Config{
		Catalogue: s, Name: "store.acme.example", Base: &url.URL{Scheme: "https", Host: "store.acme.example", Path: "/"}, Version: "1.0", Log: slog.New(slog.DiscardHandler),
		Detail: func(_ context.Context, id, version string) (store.Detail, error) { return detailOf(id, version) },
		Picture: func(_ context.Context, digest string) (io.ReadSeekCloser, error) {
			body, ok := kept[digest]
			if !ok {
				return nil, ErrNotFound
			}
			return struct {
				io.ReadSeeker
				io.Closer
			}{bytes.NewReader(body), io.NopCloser(nil)}, nil
		},
		Desk: &desk{},
		Now:  func() time.Time { return at(0) },
	}
	for _, change := range changes {
		change(&cfg)
	}
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// at is some days before the day on which all of these tests happen.
func at(days int) time.Time {
	return time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC).AddDate(0, 0, -days)
}

func detailOf(id, version string) (store.Detail, error) {
	return store.Detail{
		Changelog: "- New: `" + version + "` of " + id + "\n- See [the notes](https://acme.example/notes)",
		Evidence: []store.Evidence{
			{Check: "container", Tool: "jackfield", Version: "1.0", Verdict: "passed"},
			{Check: "signature", Tool: "jackfield", Version: "1.0", Verdict: "passed", Text: "CN=acme.example, at 2026-11-26"},
			{Check: "licence", Tool: "jackfield", Version: "1.0", Verdict: "warned", Text: "the file LICENSE is not in the bundle"},
		},
	}, nil
}

// desk has a submission in each state. Its tokens are those of one publisher and of an
// administrator.
type desk struct{}

func (*desk) Visitor(_ context.Context, token string) (Visitor, error) {
	switch token {
	case "of-acme":
		return Visitor{"ci", "acme.example"}, nil
	case "of-admin":
		return Visitor{"admin", ""}, nil
	}
	return Visitor{}, ErrNotFound
}

func (d *desk) all(v Visitor) []store.Submission {
	var all []store.Submission
	for i := range int64(60) {
		s := store.Submission{
			Number: 60 - i, State: store.Accepted, Source: "api", File: fmt.Sprintf("weather-%d.jar", 60-i), Organization: "acme.example", Digest: digestOf(int(i), image.Pt(1, 1)),
			Size: 1 << 20, Format: store.FormatBundle, Listing: "org.acme.Weather", Version: "2.1.0", Channel: store.Stable, Created: at(int(i)), Updated: at(int(i)),
		}
		switch i % 4 {
		case 1:
			s.State, s.Listing, s.File = store.NeedsChanges, "", "letter\u202e<script>alert(1)</script>.jar"
			s.Problems = []store.Problem{
				{Code: "manifest_invalid", Entry: "META-INF/MANIFEST.MF", Line: 3, Message: "line 3 of META-INF/MANIFEST.MF has no colon: write Name: value"},
				{Code: store.CodeTextInvalid, Message: "the name is empty; give it one"},
			}
		case 2:
			s.State = store.InReview
		case 3:
			s.Organization, s.Warnings = "other.example", []string{"the bundle has no changelog"}
		}
		if v.Organization == "" || s.Organization == v.Organization {
			all = append(all, s)
		}
	}
	return all
}

func (d *desk) Submissions(_ context.Context, v Visitor, before int64, limit int) ([]store.Submission, error) {
	all := slices.DeleteFunc(d.all(v), func(s store.Submission) bool { return before > 0 && s.Number >= before })
	return all[:min(len(all), limit)], nil
}

func (d *desk) Submission(_ context.Context, v Visitor, number int64) (store.Submission, error) {
	for _, s := range d.all(v) {
		if s.Number == number {
			return s, nil
		}
	}
	return store.Submission{}, ErrNotFound
}
