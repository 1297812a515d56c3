package catalogue_test

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/backends"
	"github.com/jackfield-host/jackfield/store/server/internal/catalogue"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
	"github.com/jackfield-host/jackfield/store/storetest"
)

// assorted makes listings that differ in all that queries ask for.
func assorted(count int) []*store.Listing {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	base := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var all []*store.Listing
	for i := range count {
		host := pick("acme.example", "other.example")
		l := &store.Listing{
			ID: fmt.Sprintf("org.x%d.Listing", i), Format: store.Format(pick("bundle", "bundle", "jpl", "jameica")),
			Texts:     map[string]store.Text{"": {Name: pick("alpha", "Beta", "beta", "Émile", "zeta", strings.Repeat("long ", 100))}},
			Publisher: store.Publisher{Organization: "Organization of " + host, Host: host, Pin: "sha256:" + strings.Repeat("0", 64) + "@" + host},
			Created:   base, Updated: base.Add(time.Duration(r.IntN(20)) * time.Hour),
		}
		for _, label := range []string{"certified", "community"} {
			if r.IntN(2) == 0 {
				l.Labels = append(l.Labels, label)
			}
		}
		for n := 1 + r.IntN(4); n > 0; n-- {
			release := store.Release{
				Version: fmt.Sprintf("%d.0", n), Channel: store.Channel(pick("stable", "stable", "beta")),
				State:     store.ReleaseState(pick("published", "published", "deprecated", "withdrawn", "taken_down")),
				Published: base.Add(time.Duration(r.IntN(20)) * time.Hour), MinHost: pick("", "1.0", "1.9", "1.10", "2.0-rc.1", "not a version"),
			}
			for j, platform := range []string{"linux-amd64", "linux-arm64", "server"} {
				if r.IntN(2) == 0 {
					release.Files = append(release.Files, store.File{
						Name: platform, Platforms: []string{platform}, Digest: store.Digest(fmt.Append(nil, i, n, j)), Size: 1,
					})
				}
			}
			l.Releases = append(l.Releases, release)
		}
		all = append(all, l)
	}
	return all
}

// matches says the same as Query, in other words: which release of a listing it selects.
func matches(l *store.Listing, q catalogue.Query) int {
	if q.Format != "" && l.Format != q.Format || q.Label != "" && !slices.Contains(l.Labels, q.Label) ||
		q.Publisher != "" && !slices.Contains([]string{l.Publisher.Host, l.Publisher.Pin, l.Publisher.Organization}, q.Publisher) {
		return -1
	}
	for i, r := range l.Releases {
		states := []store.ReleaseState{q.State}
		if q.State == "" {
			states = []store.ReleaseState{store.Published, store.Deprecated}
		}
		has := q.Platform == ""
		for _, file := range r.Files {
			has = has || slices.Contains(file.Platforms, q.Platform)
		}
		if q.HostVersion != "" && r.MinHost != "" {
			mine, _ := bundle.ParseVersion(q.HostVersion)
			least, err := bundle.ParseVersion(r.MinHost)
			has = has && err == nil && least.Compare(mine) <= 0
		}
		if has && slices.Contains(states, r.State) && (q.Channel == "" || r.Channel == q.Channel) {
			return i
		}
	}
	return -1
}

func publishedAt(l *store.Listing) time.Time {
	if i := matches(l, catalogue.Query{}); i >= 0 {
		return l.Releases[i].Published
	}
	return time.Time{}
}

// TestQueries holds List, page by page, to what looking at every listing gives, while the
// catalogue changes between the pages.
func TestQueries(t *testing.T) {
	b, listings := backends.SQLite(t), assorted(300)
	publishAll(t, b.Database, listings)
	c := run(t, catalogue.Config{Database: b.Database, Signer: keys(t)})
	snapshot := at(t, c, int64(len(listings)))
	orders := map[catalogue.Sort]func(a, b *store.Listing) int{
		catalogue.ByName: func(a, b *store.Listing) int {
			key := func(l *store.Listing) string {
				name := strings.ToLower(strings.TrimSpace(l.Texts[""].Name))
				return name[:min(len(name), 64)]
			}
			return strings.Compare(key(a), key(b))
		},
		catalogue.ByUpdated:   func(a, b *store.Listing) int { return b.Updated.Compare(a.Updated) },
		catalogue.ByPublished: func(a, b *store.Listing) int { return publishedAt(b).Compare(publishedAt(a)) },
		catalogue.ByDownloads: func(a, b *store.Listing) int { return 0 },
	}
	for _, q := range []catalogue.Query{
		{}, {Format: store.FormatJami}, {Platform: "linux-arm64"}, {Platform: "plan9"}, {Label: "certified"}, {Publisher: "acme.example"},
		{Publisher: "Organization of other.example"}, {Publisher: "sha256:" + strings.Repeat("0", 64) + "@other.example"}, {Publisher: "nobody"},
		{HostVersion: "1.9"}, {HostVersion: "1.10"}, {HostVersion: "2.0-rc.1"}, {HostVersion: "0.1"}, {Channel: store.Beta}, {State: store.TakenDown}, {State: store.Withdrawn, Channel: store.Stable},
		{Format: store.FormatBundle, Platform: "server", HostVersion: "1.9", Channel: store.Stable, Label: "community", Publisher: "other.example"},
	} {
		for sort, order := range orders {
			for _, limit := range []int{1, 7, 0, 200} {
				q.Sort, q.Limit = sort, limit
				var want []string
				for _, l := range slices.SortedFunc(slices.Values(listings), func(a, b *store.Listing) int {
					return cmp.Or(order(a, b), strings.Compare(store.FoldID(a.ID), store.FoldID(b.ID)))
				}) {
					if i := matches(l, q); i >= 0 {
						want = append(want, fmt.Sprint(l.ID, " ", i))
					}
				}
				if got := pages(t, snapshot, q); !slices.Equal(got, want) {
					t.Fatalf("%+v:\ngot  %q\nwant %q", q, got, want)
				}
				if n, err := snapshot.Count(q); err != nil || n != len(want) {
					t.Errorf("%+v: count %d of %d, %v", q, n, len(want), err)
				}
			}
		}
	}
}

func publishAll(t testing.TB, db *database.Database, listings []*store.Listing) {
	t.Helper()
	publish(t, db, listings[0]) // makes one organization; the others follow
	var changes []database.Change
	for _, l := range listings[1:] {
		o := database.Organization{Name: l.Publisher.Host, Title: l.Publisher.Organization}
		if err := db.SaveOrganization(t.Context(), o, database.Entry{Actor: "store", Action: "organization.save", Target: o.Name}); err != nil {
			t.Fatal(err)
		}
		changes = append(changes, database.Change{Listing: l, Organization: l.Publisher.Host})
	}
	if _, err := db.Load(t.Context(), changes); err != nil {
		t.Fatal(err)
	}
}

func pages(t *testing.T, s *catalogue.Snapshot, q catalogue.Query) (got []string) {
	t.Helper()
	for {
		page, err := s.List(q)
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			got = append(got, fmt.Sprint(item.ID, " ", item.Release))
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return got
		}
	}
}

// TestCursorsLast: a cursor of one catalogue goes on in the next: nothing that was there all
// the time is left out or comes twice.
func TestCursorsLast(t *testing.T) {
	b, listings := backends.SQLite(t), assorted(40)
	publishAll(t, b.Database, listings)
	c := run(t, catalogue.Config{Database: b.Database, Signer: keys(t)})
	at(t, c, 40)
	s := storetest.New(t)
	for _, sort := range []catalogue.Sort{catalogue.ByName, catalogue.ByUpdated, catalogue.ByPublished, catalogue.ByDownloads} {
		seen := map[string]int{}
		q := catalogue.Query{Sort: sort, Limit: 5}
		for i := 0; ; i++ {
			page, err := c.Current().List(q)
			if err != nil {
				t.Fatal(err)
			}
			for _, item := range page.Items {
				seen[item.ID]++
			}
			if q.Cursor = page.Next; q.Cursor == "" {
				break
			}
			// One comes, and the last one of the page goes.
			last := page.Items[len(page.Items)-1].ID
			sequence := hide(t, b.Database, last)
			sequence = max(sequence, publish(t, b.Database, s.Publish(fmt.Sprintf("org.new.%s%d", sort, i), "1.0", "server")))
			at(t, c, sequence)
		}
		for _, l := range listings {
			if _, there := c.Current().Item(l.ID); there && matches(l, q) >= 0 && seen[l.ID] != 1 {
				t.Errorf("by %s: %s came %d times", sort, l.ID, seen[l.ID])
			}
		}
	}
}

func TestWrongQueries(t *testing.T) {
	b := backends.SQLite(t)
	listings := assorted(30)
	publishAll(t, b.Database, listings)
	c := run(t, catalogue.Config{Database: b.Database, Signer: keys(t)})
	s := at(t, c, 30)
	page, err := s.List(catalogue.Query{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []catalogue.Query{
		{Sort: "size"}, {Limit: -1}, {Limit: 201}, {State: "gone"}, {Channel: "nightly"}, {HostVersion: "x"}, {HostVersion: strings.Repeat("1", 1000) + "x"},
		{Cursor: "!"}, {Cursor: "e30x"}, {Cursor: strings.Repeat("A", 10_000)}, {Cursor: page.Next, Sort: catalogue.ByUpdated},
	} {
		if _, err := s.List(q); !errors.Is(err, catalogue.ErrQuery) || strings.Contains(err.Error(), "%!") || len(err.Error()) > 300 {
			t.Errorf("%+v: %v", q, err)
		}
	}
	// A cursor with whatever is in it is a place in the list.
	for _, cursor := range []string{"e30", "bnVsbA", "eyJzIjowLCJrIjoi_yJ9"} {
		if _, err := s.List(catalogue.Query{Cursor: cursor}); err != nil && !errors.Is(err, catalogue.ErrQuery) {
			t.Errorf("the cursor %q: %v", cursor, err)
		}
	}
}

// TestEmpty: before anything is read all answers are empty, and none is a panic.
func TestEmpty(t *testing.T) {
	c := catalogue.New(catalogue.Config{Store: storeName})
	s := c.Current()
	page, err := s.List(catalogue.Query{Platform: "server", HostVersion: "1.0"})
	if err != nil || len(page.Items) != 0 || page.Next != "" || s.Len() != 0 || s.Sequence() != 0 {
		t.Errorf("%+v, %v", page, err)
	}
	if _, ok := s.Listing("x"); ok {
		t.Error("there is a listing")
	}
	if _, ok := s.Document("x"); ok {
		t.Error("there is a document")
	}
	if envelope, tag := s.Timestamp(); envelope != nil || tag != "" || s.Index().Digest != "" {
		t.Error("there is a timestamp")
	}
	if h := c.Health(); h.Ready || h.Problem != "" {
		t.Errorf("health %+v", h)
	}
	for range s.All() {
		t.Error("there is an item")
	}
}

func TestCounts(t *testing.T) {
	b, listings := backends.SQLite(t), assorted(100)
	publishAll(t, b.Database, listings)
	c := run(t, catalogue.Config{Database: b.Database, Signer: keys(t)})
	s := at(t, c, 100)
	counts := s.Counts()
	platforms := map[string]int{}
	for _, l := range listings {
		if i := matches(l, catalogue.Query{}); i >= 0 {
			for _, file := range l.Releases[i].Files {
				platforms[file.Platforms[0]]++
			}
		}
	}
	if !maps.Equal(counts.Platforms, platforms) {
		t.Errorf("platforms %v, want %v", counts.Platforms, platforms)
	}
	for label, n := range counts.Labels {
		if want, err := s.Count(catalogue.Query{Label: label}); err != nil || n != want {
			t.Errorf("%s: %d, want %d", label, n, want)
		}
	}
	for format, n := range counts.Formats {
		if want, err := s.Count(catalogue.Query{Format: format}); err != nil || n != want {
			t.Errorf("%s: %d, want %d", format, n, want)
		}
	}
	for publisher, n := range counts.Publishers {
		if want, err := s.Count(catalogue.Query{Publisher: publisher.Pin}); err != nil || n != want {
			t.Errorf("%s: %d, want %d", publisher.Host, n, want)
		}
	}
	items := 0
	for item := range s.All() {
		l, err := item.Listing()
		if err != nil || l.ID != item.ID || item.Release != matches(l, catalogue.Query{}) {
			t.Errorf("%s: %+v, %v", item.ID, item, err)
		}
		if object, ok := s.Document(strings.ToUpper(item.ID)); !ok || object.Digest != item.Digest {
			t.Errorf("%s has the document %s", item.ID, object.Digest)
		}
		items++
	}
	if items != 100 {
		t.Errorf("%d items", items)
	}
}

// FuzzQuery: whatever a client sends, List refuses it as ErrQuery or gives a page that goes on
// somewhere in the list, and so does the page behind it.
func FuzzQuery(f *testing.F) {
	b, listings := backends.SQLite(f), assorted(60)
	publishAll(f, b.Database, listings)
	c := run(f, catalogue.Config{Database: b.Database, Signer: keys(f)})
	s := at(f, c, 60)
	for _, sort := range []catalogue.Sort{"", catalogue.ByUpdated, catalogue.ByPublished, catalogue.ByDownloads} {
		page, err := s.List(catalogue.Query{Sort: sort, Limit: 7})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(page.Next, string(sort), "linux-amd64", "1.10", 7)
	}
	f.Add("e30", "name", "", "2.0-rc.1+x", 0)
	f.Add("eyJzIjotMSwiayI6IjEiLCJpIjoieCJ9", "size", "\xff", "-", -1)
	f.Fuzz(func(t *testing.T, cursor, sort, platform, host string, limit int) {
		q := catalogue.Query{Cursor: cursor, Sort: catalogue.Sort(sort), Platform: platform, HostVersion: host, Limit: limit}
		left := s.Len()
		for {
			page, err := s.List(q)
			if err != nil {
				if !errors.Is(err, catalogue.ErrQuery) || q.Cursor != cursor {
					t.Fatal(err)
				}
				return
			}
			if left -= len(page.Items); left < 0 {
				t.Fatal("there are more listings on the pages than in the catalogue")
			}
			if q.Cursor = page.Next; q.Cursor == "" {
				return
			}
		}
	})
}
