package database_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/backends"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

// acme is who owns the listings of these tests.
const acme = "acme.example"

// withAcme runs a test on every backend that knows acme.
func withAcme(t *testing.T, test func(t *testing.T, b backends.Backend)) {
	t.Helper()
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		o := database.Organization{Name: acme, Title: "Acme", Pins: []string{"pin-1"}}
		if err := b.Database.SaveOrganization(t.Context(), o, database.Entry{Actor: "admin", Action: "organization.save", Target: acme}); err != nil {
			t.Fatal(err)
		}
		test(t, b)
	})
}

var day = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// digestOf makes a digest out of a few letters.
func digestOf(name string) string { return store.Digest([]byte(name)) }

// listing makes one whose releases have one file each, highest version first.
func listing(id string, versions ...string) *store.Listing {
	l := &store.Listing{
		ID: id, Format: store.FormatBundle, Texts: map[string]store.Text{"": {Name: id}},
		Publisher: store.Publisher{Organization: "Acme", Host: acme, Pin: "pin-1"}, Created: day, Updated: day,
	}
	for _, v := range versions {
		l.Releases = append(l.Releases, release(id, v))
	}
	return l
}

func release(id, version string) store.Release {
	return store.Release{Version: version, Channel: store.Stable, State: store.Published, Published: day,
		Files: []store.File{{Name: id + ".jar", Platforms: []string{"server"}, Digest: digestOf(id + version), Size: 10}}}
}

// publish publishes a document as it is.
func publish(t *testing.T, db *database.Database, l *store.Listing) database.Published {
	t.Helper()
	p, err := db.Publish(t.Context(), database.Key{ID: l.ID}, func(database.Current) (database.Change, error) {
		return database.Change{Listing: l, Organization: acme}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAListingComesAndGrows(t *testing.T) {
	withAcme(t, func(t *testing.T, b backends.Backend) {
		db := b.Database
		detail := store.Detail{Readme: "# Hello", Types: []store.TypeDetail{{Type: store.Type{Name: "org.acme.Ask", Role: "request"}, Schema: []byte(`{"type":"object"}`)}}}
		first, err := db.Publish(t.Context(), database.Key{ID: "org.acme.Hello", Pin: "pin-1", Digests: []string{digestOf("x")}}, func(c database.Current) (database.Change, error) {
			if c.Listing != nil || c.Owner != nil || len(c.Files) != 0 || c.Sequence != 1 {
				t.Errorf("an unknown id has %+v, want nothing", c)
			}
			if c.Signer == nil || c.Signer.Name != acme {
				t.Errorf("the signer is %v, want %s", c.Signer, acme)
			}
			return database.Change{Listing: listing("org.acme.Hello", "1.0.0"), Organization: acme,
				Details: map[string]store.Detail{"1.0.0": detail},
				Audit:   []database.Entry{{Actor: "token-1", Action: "publish", Target: "org.acme.Hello 1.0.0"}}}, nil
		})
		if err != nil || first.Sequence != 1 {
			t.Fatalf("publishing gave sequence %d (%v), want 1", first.Sequence, err)
		}
		key := database.Key{ID: "ORG-acme.hello", Pin: "pin-2", Digests: []string{digestOf("org.acme.Hello1.0.0"), digestOf("new")}}
		second, err := db.Publish(t.Context(), key, func(c database.Current) (database.Change, error) {
			if c.Listing == nil || c.Listing.ID != "org.acme.Hello" || c.Owner.Name != acme || c.Signer != nil {
				t.Errorf("another spelling of the id has %+v, want the listing of %s and no signer", c, acme)
			}
			want := database.FileOwner{Listing: "org.acme.Hello", Version: "1.0.0", Organization: acme}
			if len(c.Files) != 1 || c.Files[key.Digests[0]] != want {
				t.Errorf("files are %v, want %v alone", c.Files, want)
			}
			c.Listing.Releases = append([]store.Release{release("org.acme.Hello", "1.1.0")}, c.Listing.Releases...)
			return database.Change{Listing: c.Listing}, nil
		})
		if err != nil || second.Sequence != 2 || second.Object == first.Object {
			t.Fatalf("the second change gave %+v (%v), want sequence 2 and another document", second, err)
		}
		same, err := db.Publish(t.Context(), key, func(c database.Current) (database.Change, error) {
			return database.Change{Listing: c.Listing}, nil
		})
		if err != nil || same != second {
			t.Errorf("the same document again gave %+v (%v), want %+v: nothing is new", same, err, second)
		}
		if got, err := db.Detail(t.Context(), "org.acme.hello", "1.0.0"); err != nil || got.Readme != "# Hello" || string(got.Types[0].Schema) != `{"type":"object"}` {
			t.Errorf("the detail is %+v (%v), want what was published", got, err)
		}
		if got, err := db.Detail(t.Context(), "org.acme.Hello", "1.1.0"); err != nil || got.Readme != "" {
			t.Errorf("the detail of a release without one is %+v (%v), want an empty one", got, err)
		}
		if _, err := db.Detail(t.Context(), "org.acme.Hello", "9"); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("the detail of no release: %v, want ErrNotFound", err)
		}
		if f, err := db.File(t.Context(), digestOf("org.acme.Hello1.1.0")); err != nil || f.Version != "1.1.0" {
			t.Errorf("the file is of %+v (%v), want 1.1.0", f, err)
		}
		for _, digest := range []string{digestOf("nothing"), "md5:1", "sha256:zz"} {
			if _, err := db.File(t.Context(), digest); !errors.Is(err, database.ErrNotFound) {
				t.Errorf("file %s: %v, want ErrNotFound", digest, err)
			}
		}
	})
}

func TestWhatIsRefusedChangesNothing(t *testing.T) {
	withAcme(t, func(t *testing.T, b backends.Backend) {
		db := b.Database
		publish(t, db, listing("org.acme.A", "1.0"))
		rules := errors.New("version_not_higher")
		other := listing("org.acme.B", "1.0")
		other.Releases[0].Files[0].Digest = digestOf("org.acme.A1.0")
		for name, c := range map[string]struct {
			id     string
			change database.Change
			err    error
			want   error
		}{
			"the rules say no":                      {id: "org.acme.B", err: rules, want: rules},
			"the organization is unknown":           {id: "org.acme.B", change: database.Change{Listing: listing("org.acme.B", "1"), Organization: "who.example"}, want: database.ErrNotFound},
			"the bytes are those of another":        {id: "org.acme.B", change: database.Change{Listing: other, Organization: acme}, want: database.ErrExists},
			"the owner would change":                {id: "org.acme.A", change: database.Change{Listing: listing("org.acme.A", "2"), Organization: "who.example"}, want: database.ErrConflict},
			"a release would disappear":             {id: "org.acme.A", change: database.Change{Listing: listing("org.acme.A", "2.0"), Organization: acme}, want: database.ErrConflict},
			"a listing that is not there is hidden": {id: "org.acme.B", change: database.Change{Hide: true}, want: database.ErrNotFound},
			"no such label":                         {change: database.Change{RemoveLabels: []string{"x"}}, want: database.ErrNotFound},
			"no such revocation":                    {change: database.Change{Unrevoke: []store.Revocation{{Digest: digestOf("x")}}}, want: database.ErrNotFound},
		} {
			t.Run(name, func(t *testing.T) {
				c.change.Audit = []database.Entry{{Actor: "a", Action: "b"}}
				_, err := db.Publish(t.Context(), database.Key{ID: c.id}, func(database.Current) (database.Change, error) { return c.change, c.err })
				if !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
			})
		}
		if s, err := db.Sequence(t.Context()); err != nil || s != 1 {
			t.Errorf("the sequence is %d (%v), want 1 as before", s, err)
		}
		if entries, err := db.Audit(t.Context(), database.AuditFilter{}); err != nil || len(entries) != 1 {
			t.Errorf("the audit trail has %v (%v), want the organization alone", entries, err)
		}
		if _, err := db.Document(t.Context(), "org.acme.B"); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("org.acme.B: %v, want ErrNotFound", err)
		}
	})
}

func TestHiddenListingsLeaveTheCatalogue(t *testing.T) {
	withAcme(t, func(t *testing.T, b backends.Backend) {
		db := b.Database
		publish(t, db, listing("org.acme.A", "1.0"))
		publish(t, db, listing("org.acme.B", "1.0"))
		change := func(c database.Change) {
			t.Helper()
			if _, err := db.Publish(t.Context(), database.Key{ID: "org.acme.A"}, func(database.Current) (database.Change, error) { return c, nil }); err != nil {
				t.Fatal(err)
			}
		}
		found := func() string {
			t.Helper()
			hits, err := db.Search(t.Context(), database.Query{Text: "acme"})
			if err != nil {
				t.Fatal(err)
			}
			return strings.Join(hits.IDs, " ")
		}
		change(database.Change{Hide: true})
		c, err := db.Changes(t.Context(), 2, 10)
		if err != nil || len(c.Documents) != 1 || !c.Documents[0].Removed || c.Documents[0].ID != "org.acme.A" || c.Documents[0].Gzip != nil {
			t.Errorf("changes are %+v (%v), want A removed", c, err)
		}
		if got := found(); got != "org.acme.B" {
			t.Errorf("search finds %q, want B alone", got)
		}
		change(database.Change{Show: true})
		if c, err := db.Changes(t.Context(), 3, 10); err != nil || len(c.Documents) != 1 || c.Documents[0].Removed {
			t.Errorf("changes are %+v (%v), want A back", c, err)
		}
		if got := found(); got != "org.acme.A org.acme.B" {
			t.Errorf("search finds %q, want both", got)
		}
	})
}

// Two replicas publish 50 releases of one id at once, each the next version of what it
// finds, while a third follows the changes.
func TestParallelPublishesHaveOneOrder(t *testing.T) {
	withAcme(t, func(t *testing.T, b backends.Backend) {
		replicas := []*database.Database{b.Database, b.OpenDatabase(t, database.Options{})}
		const n = 50
		var publishers sync.WaitGroup
		for i := range n {
			publishers.Go(func() {
				_, err := replicas[i%2].Publish(t.Context(), database.Key{ID: "org.acme.A"}, func(c database.Current) (database.Change, error) {
					l := c.Listing
					if l == nil {
						l = listing("org.acme.A")
					}
					l.Releases = append([]store.Release{release(l.ID, fmt.Sprintf("1.%d", len(l.Releases)))}, l.Releases...)
					return database.Change{Listing: l, Organization: acme, Audit: []database.Entry{{Actor: "a", Action: "publish"}}}, nil
				})
				if err != nil {
					t.Errorf("publishing: %v", err)
				}
			})
		}
		done := make(chan struct{})
		go func() { publishers.Wait(); close(done) }()
		follower := b.OpenDatabase(t, database.Options{})
		var seen int64
		for running := true; running || seen < n; {
			select {
			case <-done:
				running = false
			default:
			}
			c, err := follower.Changes(t.Context(), seen, 10)
			if err != nil {
				t.Fatal(err)
			}
			if c.Sequence < seen || len(c.Documents) > 1 || len(c.Documents) == 1 && c.Documents[0].Sequence != c.Sequence {
				t.Fatalf("behind %d came %+v", seen, c)
			}
			if seen = c.Sequence; !running && seen != n {
				t.Fatalf("the sequence is %d behind everything, want %d", seen, n)
			}
		}
		<-done
		var last *store.Listing
		if _, err := follower.Publish(t.Context(), database.Key{ID: "org.acme.A"}, func(c database.Current) (database.Change, error) {
			last = c.Listing
			return database.Change{}, nil
		}); err != nil {
			t.Fatal(err)
		}
		var versions []string
		for i := range n {
			versions = append([]string{fmt.Sprintf("1.%d", i)}, versions...)
		}
		var got []string
		for _, r := range last.Releases {
			got = append(got, r.Version)
		}
		if !slices.Equal(got, versions) {
			t.Errorf("the releases are %v, want each version once", got)
		}
		if e, err := follower.VerifyAudit(t.Context()); err != nil || e.Number != n+1 {
			t.Errorf("the audit trail ends at %d (%v), want %d", e.Number, err, n+1)
		}
	})
}

// Changes of many ids at once: who follows sees every number once, and none of a change
// that is not committed.
func TestSequencesAreInTheOrderOfCommits(t *testing.T) {
	withAcme(t, func(t *testing.T, b backends.Backend) {
		var publishers sync.WaitGroup
		const workers, each = 8, 10
		for w := range workers {
			publishers.Go(func() {
				for i := range each {
					l := listing(fmt.Sprintf("org.acme.W%d.L%d", w, i), "1.0")
					_, err := b.Database.Publish(t.Context(), database.Key{ID: l.ID}, func(database.Current) (database.Change, error) {
						if i == 5 {
							return database.Change{}, errors.New("no")
						}
						return database.Change{Listing: l, Organization: acme}, nil
					})
					if (err != nil) != (i == 5) {
						t.Errorf("publishing %s: %v", l.ID, err)
					}
				}
			})
		}
		const total = workers * (each - 1)
		var numbers []int64
		for seen := int64(0); seen < total; {
			c, err := b.Database.Changes(t.Context(), seen, 3)
			if err != nil {
				t.Fatal(err)
			}
			for _, doc := range c.Documents {
				numbers = append(numbers, doc.Sequence)
			}
			if !c.More && len(c.Documents) > 0 && c.Sequence != numbers[len(numbers)-1] {
				t.Fatalf("Changes is complete at %d, its last document is of %d", c.Sequence, numbers[len(numbers)-1])
			}
			seen = c.Sequence
			if t.Failed() {
				break
			}
		}
		publishers.Wait()
		for i, n := range numbers {
			if n != int64(i+1) {
				t.Fatalf("the sequences are %v, want every number once, in order", numbers)
			}
		}
	})
}
