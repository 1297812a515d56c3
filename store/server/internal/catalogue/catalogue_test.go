package catalogue_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/backends"
	"github.com/jackfield-host/jackfield/store/server/internal/catalogue"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
	"github.com/jackfield-host/jackfield/store/server/internal/signing"
	"github.com/jackfield-host/jackfield/store/storetest"
	"github.com/jackfield-host/jackfield/trust"
)

const storeName = "store.acme.example"

func keys(t testing.TB) *signing.Keys {
	t.Helper()
	k, err := signing.Own(t.TempDir(), storeName)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// run starts a catalogue; the test's end stops it.
func run(t testing.TB, config catalogue.Config) *catalogue.Catalogue {
	t.Helper()
	config.Store = storeName
	if config.Interval == 0 {
		config.Interval = 20 * time.Millisecond
	}
	config.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	c := catalogue.New(config)
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	wait.Go(func() {
		if err := c.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); wait.Wait() })
	return c
}

// until polls a condition.
func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it did not come that %s", what)
		}
	}
}

func at(t testing.TB, c *catalogue.Catalogue, sequence int64) *catalogue.Snapshot {
	t.Helper()
	until(t, fmt.Sprintf("the catalogue is at %d and signed; it is at %+v", sequence, c.Health()), func() bool {
		h := c.Health()
		return h.Ready && h.Sequence == sequence && h.Problem == "" && !h.Expires.IsZero()
	})
	return c.Current()
}

// publish puts a listing into the database, as its owner does.
func publish(t testing.TB, db *database.Database, listings ...*store.Listing) int64 {
	t.Helper()
	var sequence int64
	for _, l := range listings {
		o := database.Organization{Name: l.Publisher.Host, Title: l.Publisher.Organization, Pins: []string{l.Publisher.Pin}}
		if err := db.SaveOrganization(t.Context(), o, database.Entry{Actor: "store", Action: "organization.save", Target: o.Name}); err != nil {
			t.Fatal(err)
		}
		done, err := db.Publish(t.Context(), database.Key{ID: l.ID}, func(database.Current) (database.Change, error) {
			return database.Change{Listing: l, Organization: l.Publisher.Host}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		sequence = done.Sequence
	}
	return sequence
}

func advise(t testing.TB, db *database.Database, id string) int64 {
	t.Helper()
	done, err := db.Publish(t.Context(), database.Key{ID: id}, func(c database.Current) (database.Change, error) {
		return database.Change{
			Advisories:  []store.Advisory{{ID: c.NextAdvisory, Listing: id, Severity: store.High, Title: "Bad"}},
			Revocations: []store.Revocation{{Listing: id, Version: "1.0", Reason: "bad"}},
		}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return done.Sequence
}

func hide(t testing.TB, db *database.Database, id string) int64 {
	t.Helper()
	done, err := db.Publish(t.Context(), database.Key{ID: id}, func(database.Current) (database.Change, error) {
		return database.Change{Hide: true}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return done.Sequence
}

// source makes a catalogue a store.Source, as the API does over HTTP.
type source struct{ *catalogue.Catalogue }

func (s source) Timestamp(context.Context, string) (io.ReadCloser, string, error) {
	envelope, tag := s.Current().Timestamp()
	return io.NopCloser(bytes.NewReader(envelope)), tag, nil
}

func (s source) Object(ctx context.Context, digest string) (io.ReadCloser, error) {
	object, ok := s.Catalogue.Object(ctx, digest)
	if !ok {
		return nil, fs.ErrNotExist
	}
	return gzip.NewReader(bytes.NewReader(object.Gzip))
}

func (s source) File(context.Context, store.ReleaseFile, int64) (io.ReadCloser, error) {
	return nil, fs.ErrNotExist
}

func roots(t testing.TB, k *signing.Keys) *trust.Roots {
	t.Helper()
	certs, err := trust.ParseRoots(k.RootPEM(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return &trust.Roots{Certificates: certs}
}

// view reads a catalogue as a client does.
func view(t testing.TB, c *catalogue.Catalogue, k *signing.Keys) *store.View {
	t.Helper()
	v, err := store.NewReader(store.ReaderConfig{Source: source{c}, Roots: roots(t, k)}).Refresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestFollows: what happens in the database is in the catalogues of two replicas, the same
// in both, as clients read it, and as the definitions of the index have it.
func TestFollows(t *testing.T) {
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		k := keys(t)
		one := run(t, catalogue.Config{Database: b.Database, Signer: k})
		two := run(t, catalogue.Config{Database: b.OpenDatabase(t, database.Options{}), Signer: k})
		oracle := storetest.New(t)
		agree := func(sequence int64) {
			t.Helper()
			first, second := at(t, one, sequence), at(t, two, sequence)
			firstEnvelope, _ := first.Timestamp()
			secondEnvelope, _ := second.Timestamp()
			if !bytes.Equal(firstEnvelope, secondEnvelope) || first.Index().Digest != second.Index().Digest {
				t.Errorf("at %d the replicas have %s and %s", sequence, first.Index().Digest, second.Index().Digest)
			}
			v := view(t, two, k)
			var ids []string
			for l, err := range v.All(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				ids = append(ids, l.ID)
			}
			var want []string
			for _, l := range oracle.Listings() {
				want = append(want, l.ID)
			}
			slices.Sort(ids)
			if !slices.Equal(ids, want) || v.Listings() != len(want) {
				t.Errorf("at %d there are %q, want %q", sequence, ids, want)
			}
			if shards := oracle.Shards(t); !slices.Equal(v.Shards(), shards) {
				t.Errorf("at %d the shards are %v, by definition %v", sequence, v.Shards(), shards)
			}
		}
		agree(0)
		var sequence int64
		for i := range 20 {
			sequence = publish(t, b.Database, oracle.Publish(fmt.Sprintf("org.acme.Listing%d", i), "1.0", "linux-amd64"))
		}
		agree(sequence)
		agree(publish(t, b.Database, oracle.Publish("org.acme.Listing7", "1.1", "linux-amd64")))
		oracle.Remove("org.acme.Listing3")
		agree(hide(t, b.Database, "org.acme.Listing3"))
		sequence = advise(t, b.Database, "org.acme.Listing7")
		agree(sequence)
		for _, c := range []*catalogue.Catalogue{one, two} {
			advisories, err := view(t, c, k).Advisories(t.Context())
			if err != nil || len(advisories) != 1 || len(c.Current().Revocations()) != 1 {
				t.Errorf("advisories %v, %v", advisories, err)
			}
		}
		// One that begins now reads it all in parts, and has the same.
		three := at(t, run(t, catalogue.Config{Database: b.Database, Signer: k}), sequence)
		if three.Index().Digest != one.Current().Index().Digest || len(three.Advisories()) != 1 {
			t.Error("a replica that starts later has another catalogue")
		}
	})
}

// TestSharesOneTimestamp: of two replicas one signs; renewal is done once, before it runs out.
func TestSharesOneTimestamp(t *testing.T) {
	b, k := backends.SQLite(t), keys(t)
	signer := &counting{Signer: k}
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	config := catalogue.Config{Database: b.Database, Signer: signer, Now: now}
	one, two := run(t, config), run(t, config)
	sequence := publish(t, b.Database, storetest.New(t).Publish("org.acme.x", "1.0", "server"))
	at(t, one, sequence)
	at(t, two, sequence)
	first, tag := one.Current().Timestamp()
	ahead.Store(int64(25 * time.Hour))
	renewed := func(c *catalogue.Catalogue) bool {
		envelope, newTag := c.Current().Timestamp()
		return !bytes.Equal(envelope, first) && newTag != tag
	}
	until(t, "both have the renewed timestamp", func() bool { return renewed(one) && renewed(two) })
	oneEnvelope, _ := one.Current().Timestamp()
	twoEnvelope, _ := two.Current().Timestamp()
	if !bytes.Equal(oneEnvelope, twoEnvelope) || one.Current().Sequence() != sequence {
		t.Error("the replicas have renewed on their own")
	}
	if n := signer.signed.Load(); n > 6 { // numbers 0 and 1 and the renewal, by both at the same moment at most
		t.Errorf("%d signatures", n)
	}
}

type counting struct {
	catalogue.Signer
	signed atomic.Int64
}

func (c *counting) Sign(t store.Timestamp) ([]byte, error) {
	c.signed.Add(1)
	return c.Signer.Sign(t)
}

// flaky is a database that can go away.
type flaky struct {
	catalogue.Database
	away atomic.Bool
}

var errAway = errors.New("connection refused")

func (f *flaky) Sequence(ctx context.Context) (int64, error) {
	if f.away.Load() {
		return 0, errAway
	}
	return f.Database.Sequence(ctx)
}

func (f *flaky) SaveTimestamp(ctx context.Context, t database.Timestamp, replaces time.Time) (database.Timestamp, error) {
	if f.away.Load() {
		return database.Timestamp{}, errAway
	}
	return f.Database.SaveTimestamp(ctx, t, replaces)
}

// TestDatabaseAway: the last catalogue is served, its timestamp runs out, Health says so, and
// all is well when the database is back.
func TestDatabaseAway(t *testing.T) {
	b, k := backends.SQLite(t), keys(t)
	db := &flaky{Database: b.Database}
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	c := run(t, catalogue.Config{Database: db, Signer: k, Now: now})
	s := storetest.New(t)
	before := at(t, c, publish(t, b.Database, s.Publish("org.acme.x", "1.0", "server")))
	db.away.Store(true)
	until(t, "the catalogue says that the database is away", func() bool { return strings.Contains(c.Health().Problem, errAway.Error()) })
	ahead.Store(int64(80 * time.Hour))
	sequence := publish(t, b.Database, s.Publish("org.acme.y", "1.0", "server"))
	if c.Current().Sequence() != before.Sequence() || !c.Health().Ready || !now().After(c.Health().Expires) {
		t.Errorf("with the database away: %+v", c.Health())
	}
	_, err := store.NewReader(store.ReaderConfig{Source: source{c}, Roots: roots(t, k), Now: now}).Refresh(t.Context())
	if store.CodeOf(err) != store.IndexExpired {
		t.Errorf("clients get %v", err)
	}
	db.away.Store(false)
	after := at(t, c, sequence)
	if _, ok := after.Listing("org.acme.y"); !ok {
		t.Error("what was published meanwhile is not there")
	}
	_, err = store.NewReader(store.ReaderConfig{Source: source{c}, Roots: roots(t, k), Now: now}).Refresh(t.Context())
	if err != nil {
		t.Error(err)
	}
}

// unable cannot sign for a while.
type unable struct {
	catalogue.Signer
	unable atomic.Bool
}

func (u *unable) Sign(t store.Timestamp) ([]byte, error) {
	if u.unable.Load() {
		return nil, errors.New("the token is not there")
	}
	return u.Signer.Sign(t)
}

// TestCannotSign: what is new is shown to people, and hosts are served what was signed last,
// whole.
func TestCannotSign(t *testing.T) {
	b, k := backends.SQLite(t), keys(t)
	signer := &unable{Signer: k}
	c := run(t, catalogue.Config{Database: b.Database, Signer: signer})
	s := storetest.New(t)
	signed := at(t, c, publish(t, b.Database, s.Publish("org.acme.x", "1.0", "server")))
	signer.unable.Store(true)
	for i := range 3 {
		sequence := publish(t, b.Database, s.Publish("org.acme.x", fmt.Sprintf("1.%d", i+1), "server"))
		until(t, "the new release is shown", func() bool { return c.Current().Sequence() == sequence })
	}
	if !strings.Contains(c.Health().Problem, "token") {
		t.Errorf("health %+v", c.Health())
	}
	v := view(t, c, k)
	if l, err := v.Listing(t.Context(), "org.acme.x"); err != nil || v.Timestamp().Sequence != signed.Sequence() || len(l.Releases) != 1 {
		t.Errorf("clients read %+v, %v", l, err)
	}
	signer.unable.Store(false)
	at(t, c, c.Current().Sequence())
	if l, err := view(t, c, k).Listing(t.Context(), "org.acme.x"); err != nil || len(l.Releases) != 4 {
		t.Errorf("clients read %+v, %v", l, err)
	}
}

// swapped is a database in whose place another one can be put.
type swapped struct {
	catalogue.Database
	other atomic.Pointer[database.Database]
}

func (s *swapped) now() catalogue.Database {
	if other := s.other.Load(); other != nil {
		return other
	}
	return s.Database
}

func (s *swapped) Sequence(ctx context.Context) (int64, error) { return s.now().Sequence(ctx) }
func (s *swapped) Changes(ctx context.Context, after int64, limit int) (database.Changes, error) {
	return s.now().Changes(ctx, after, limit)
}
func (s *swapped) Timestamp(ctx context.Context, sequence int64) (database.Timestamp, error) {
	return s.now().Timestamp(ctx, sequence)
}
func (s *swapped) SaveTimestamp(ctx context.Context, t database.Timestamp, replaces time.Time) (database.Timestamp, error) {
	return s.now().SaveTimestamp(ctx, t, replaces)
}

// TestPutBack: a database that is put back from a backup below a running store is shown as it
// is, and not mixed with what was; hosts refuse it.
func TestPutBack(t *testing.T) {
	now, before, s := backends.SQLite(t), backends.SQLite(t), storetest.New(t)
	sequence := publish(t, before.Database, s.Publish("org.acme.x", "1.0", "server"))
	for i := range 3 {
		publish(t, now.Database, s.Publish("org.acme.x", fmt.Sprintf("1.%d", i+1), "server"), s.Publish("org.acme.y", fmt.Sprintf("1.%d", i), "server"))
	}
	k, db := keys(t), &swapped{Database: now.Database}
	c := run(t, catalogue.Config{Database: db, Signer: k})
	at(t, c, 6)
	r := store.NewReader(store.ReaderConfig{Source: source{c}, Roots: roots(t, k)})
	if _, err := r.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	db.other.Store(before.Database)
	snapshot := at(t, c, sequence)
	if l, ok := snapshot.Listing("org.acme.x"); !ok || len(l.Releases) != 1 || snapshot.Len() != 1 {
		t.Errorf("there are %d listings, among them %+v", snapshot.Len(), l)
	}
	if _, err := r.Refresh(t.Context()); store.CodeOf(err) != store.IndexRolledBack {
		t.Errorf("a host that has seen more: %v", err)
	}
	view(t, c, k)
}

// TestAnotherRoot: a store that was given another root signs anew at once; two replicas with
// a root each, which no host could make sense of, say so.
func TestAnotherRoot(t *testing.T) {
	b, s := backends.SQLite(t), storetest.New(t)
	one := run(t, catalogue.Config{Database: b.Database, Signer: keys(t)})
	sequence := publish(t, b.Database, s.Publish("org.acme.x", "1.0", "server"))
	at(t, one, sequence)
	k := keys(t)
	two := run(t, catalogue.Config{Database: b.Database, Signer: k})
	at(t, two, sequence)
	view(t, two, k)
	complains := func(c *catalogue.Catalogue) bool {
		return strings.Contains(c.Health().Problem, "signed by somebody else")
	}
	for i := range 4 { // the one that is slower twice complains
		sequence = publish(t, b.Database, s.Publish("org.acme.x", fmt.Sprintf("2.%d", i), "server"))
		until(t, "both have seen the change", func() bool { return one.Current().Sequence() == sequence && two.Current().Sequence() == sequence })
	}
	until(t, "one of them complains", func() bool { return complains(one) || complains(two) })
}

// damaged gives a document that is not what it should be.
type damaged struct {
	catalogue.Database
	how func(*database.Document)
}

func (d damaged) Changes(ctx context.Context, after int64, limit int) (database.Changes, error) {
	changes, err := d.Database.Changes(ctx, after, limit)
	for i := range changes.Documents {
		if changes.Documents[i].ID == "org.acme.bad" {
			d.how(&changes.Documents[i])
		}
	}
	return changes, err
}

// TestDamagedDocument: one listing that is damaged in the database takes nothing with it.
func TestDamagedDocument(t *testing.T) {
	squeeze := func(text string) []byte {
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		io.WriteString(w, text)
		w.Close()
		return out.Bytes()
	}
	for _, row := range []struct {
		name string
		how  func(*database.Document)
	}{
		{"no gzip", func(d *database.Document) { d.Gzip = []byte("{}") }},
		{"cut short", func(d *database.Document) { d.Gzip = d.Gzip[:len(d.Gzip)/2] }},
		{"empty", func(d *database.Document) { d.Gzip = nil }},
		{"other bytes", func(d *database.Document) { d.Gzip, d.Object.Size = squeeze("{}"), 2 }},
		{"no JSON", func(d *database.Document) { d.Gzip, d.Object = squeeze("{"), store.ObjectOf([]byte("{")) }},
		{"a bomb", func(d *database.Document) { d.Gzip = squeeze(strings.Repeat(" ", 1<<20)) }},
		{"too large", func(d *database.Document) { d.Object.Size = store.MaxListing + 1 }},
		{"another listing", func(d *database.Document) {
			text := `{"id":"org.acme.other"}`
			d.Gzip, d.Object = squeeze(text), store.ObjectOf([]byte(text))
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			b, k, s := backends.SQLite(t), keys(t), storetest.New(t)
			sequence := publish(t, b.Database, s.Publish("org.acme.good", "1.0", "server"), s.Publish("org.acme.bad", "1.0", "server"))
			c := run(t, catalogue.Config{Database: damaged{b.Database, row.how}, Signer: k})
			snapshot := at(t, c, sequence)
			if _, ok := snapshot.Listing("org.acme.bad"); ok || snapshot.Len() != 1 {
				t.Error("the damaged listing is there")
			}
			if h := c.Health(); !slices.Equal(h.LeftOut, []string{"org.acme.bad"}) {
				t.Errorf("left out are %q", h.LeftOut)
			}
			if page, err := snapshot.List(catalogue.Query{}); err != nil || len(page.Items) != 1 {
				t.Errorf("the list has %d listings, %v", len(page.Items), err)
			}
			if _, err := view(t, c, k).Listing(t.Context(), "org.acme.good"); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestOldObjects: a client that has read a timestamp gets what it names, though the catalogue
// has changed since; and one that has read it of a replica that is ahead, too.
func TestOldObjects(t *testing.T) {
	b, k, s := backends.SQLite(t), keys(t), storetest.New(t)
	c := run(t, catalogue.Config{Database: b.Database, Signer: k})
	at(t, c, publish(t, b.Database, s.Publish("org.acme.x", "1.0", "server")))
	old := view(t, c, k)
	for i := range 5 {
		at(t, c, publish(t, b.Database, s.Publish("org.acme.x", fmt.Sprintf("1.%d", i+1), "server")))
	}
	if l, err := old.Listing(t.Context(), "org.acme.x"); err != nil || len(l.Releases) != 1 {
		t.Errorf("the catalogue from before: %+v, %v", l, err)
	}
	slow := run(t, catalogue.Config{Database: b.Database, Signer: k, Interval: time.Hour})
	at(t, slow, c.Current().Sequence())
	at(t, c, publish(t, b.Database, s.Publish("org.acme.x", "2.0", "server")))
	if _, ok := slow.Object(t.Context(), c.Current().Index().Digest); !ok {
		t.Error("a replica that is behind does not look again for what it is asked for")
	}
	for _, bad := range []string{"", "sha256:", "../../x", store.Digest([]byte("nothing"))} {
		if _, ok := c.Object(t.Context(), bad); ok {
			t.Errorf("%q is an object", bad)
		}
	}
}

// TestDownloads: numbers are counted, and listings sorted by them.
// TestReady: who waits is given the first catalogue that was read, or why he waits no longer.
func TestReady(t *testing.T) {
	db := backends.SQLite(t).Database
	sequence := publish(t, db, backends.Listing(1, 2))
	never, leave := context.WithCancelCause(t.Context())
	leave(errors.New("enough"))
	if _, err := catalogue.New(catalogue.Config{Database: db, Signer: keys(t), Store: storeName}).Ready(never); err == nil || err.Error() != "enough" {
		t.Errorf("nobody reads, and it says %v", err)
	}
	s, err := run(t, catalogue.Config{Database: db, Signer: keys(t)}).Ready(t.Context())
	if err != nil || s.Sequence() != sequence || s.Len() != 1 {
		t.Errorf("%+v %v", s, err)
	}
}

func TestDownloads(t *testing.T) {
	b, k, s := backends.SQLite(t), keys(t), storetest.New(t)
	sequence := publish(t, b.Database, s.Publish("org.acme.a", "1.0", "server"), s.Publish("org.acme.b", "1.0", "server"), s.Publish("org.acme.c", "1.0", "server"))
	err := b.Database.AddDownloads(t.Context(), []database.Downloads{
		{Day: time.Now().UTC().Truncate(24 * time.Hour), Listing: "org.acme.b", Version: "1.0", Platform: "server", Count: 5},
		{Day: time.Now().UTC().Truncate(24 * time.Hour), Listing: "org.acme.c", Version: "1.0", Platform: "server", Count: 7},
	})
	if err != nil {
		t.Fatal(err)
	}
	c := run(t, catalogue.Config{Database: b.Database, Signer: k})
	page, err := at(t, c, sequence).List(catalogue.Query{Sort: catalogue.ByDownloads})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, item := range page.Items {
		got = append(got, fmt.Sprint(item.ID, " ", item.Downloads))
	}
	if !slices.Equal(got, []string{"org.acme.c 7", "org.acme.b 5", "org.acme.a 0"}) {
		t.Errorf("by downloads: %q", got)
	}
}

func TestSearch(t *testing.T) {
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		k, s := keys(t), storetest.New(t)
		var sequence int64
		for i := range 7 {
			l := s.Publish(fmt.Sprintf("org.acme.tracker%d", i), "1.0", []string{"server", "linux-amd64"}[i%2])
			l.Texts = map[string]store.Text{"": {Name: fmt.Sprintf("Tracker %d", i), Description: "Follows things"}, "fr": {Name: "Suivi", Description: "Suit les choses"}}
			sequence = publish(t, b.Database, l)
		}
		c := run(t, catalogue.Config{Database: b.Database, Signer: k})
		at(t, c, sequence)
		find := func(text string, q catalogue.Query) (ids []string) {
			t.Helper()
			for range 20 {
				page, err := c.Search(t.Context(), text, q)
				if err != nil {
					t.Fatal(err)
				}
				for _, item := range page.Items {
					ids = append(ids, item.ID[len("org.acme.tracker"):])
				}
				if q.Cursor = page.Next; q.Cursor == "" {
					return ids
				}
			}
			t.Fatal("the pages do not end")
			return nil
		}
		for _, row := range []struct {
			text string
			q    catalogue.Query
			want string
		}{
			{"tracker", catalogue.Query{}, "0123456"},
			{"tracker", catalogue.Query{Limit: 2}, "0123456"},
			{"suivi", catalogue.Query{Limit: 3, Platform: "server"}, "0246"},
			{"choses suit", catalogue.Query{}, "0123456"},
			{"nothing", catalogue.Query{}, ""},
			{"tracker", catalogue.Query{Publisher: "elsewhere.example"}, ""},
		} {
			if got := strings.Join(find(row.text, row.q), ""); got != row.want {
				t.Errorf("%q %+v finds %s, want %s", row.text, row.q, got, row.want)
			}
		}
		list, err := c.Current().List(catalogue.Query{Limit: 2})
		if err != nil {
			t.Fatal(err)
		}
		for _, cursor := range []string{"x", list.Next, strings.Repeat("A", 5000)} {
			if _, err := c.Search(t.Context(), "tracker", catalogue.Query{Cursor: cursor}); !errors.Is(err, catalogue.ErrQuery) {
				t.Errorf("the cursor %.20q: %v", cursor, err)
			}
		}
	})
}
