package database_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/backends"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

// change publishes a change of no listing.
func change(t *testing.T, db *database.Database, key database.Key, c database.Change) database.Published {
	t.Helper()
	p, err := db.Publish(t.Context(), key, func(database.Current) (database.Change, error) { return c, nil })
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestChangesComeInPages(t *testing.T) {
	withAcme(t, func(t *testing.T, b backends.Backend) {
		db := b.Database
		for i := range 5 {
			publish(t, db, listing(fmt.Sprintf("org.acme.L%d", i), "1.0"))
		}
		first, err := db.Changes(t.Context(), 0, 3)
		if err != nil || len(first.Documents) != 3 || !first.More || first.Sequence != 3 || first.Lists != nil {
			t.Fatalf("the first page is %+v (%v), want three of more up to 3", first, err)
		}
		// One that the reader has changes, and one that it has not.
		publish(t, db, listing("org.acme.L1", "1.1", "1.0"))
		publish(t, db, listing("org.acme.L4", "1.1", "1.0"))
		change(t, db, database.Key{}, database.Change{Labels: []database.Label{{ID: "beta", Texts: map[string]store.Text{"": {Name: "Beta"}}}}})
		rest, err := db.Changes(t.Context(), first.Sequence, 1000)
		if err != nil || rest.More || rest.Sequence != 8 || rest.Lists == nil {
			t.Fatalf("the rest is %+v (%v), want everything up to 8 and the lists", rest, err)
		}
		var got []string
		for _, doc := range rest.Documents {
			got = append(got, fmt.Sprintf("%s@%d", doc.ID, doc.Sequence))
		}
		if want := []string{"org.acme.L3@4", "org.acme.L1@6", "org.acme.L4@7"}; !reflect.DeepEqual(got, want) {
			t.Errorf("the rest is %v, want %v", got, want)
		}
		doc, err := db.Document(t.Context(), "ORG_acme_l1")
		if err != nil || !reflect.DeepEqual(doc, rest.Documents[1]) {
			t.Errorf("the document is %+v (%v), want that of Changes", doc, err)
		}
		if none, err := db.Changes(t.Context(), 8, 10); err != nil || !reflect.DeepEqual(none, database.Changes{Sequence: 8}) {
			t.Errorf("behind everything is %+v (%v), want nothing", none, err)
		}
	})
}

// Behind a restored backup numbers go on where clients have not been.
func TestTheSequenceIsRaisedBehindABackup(t *testing.T) {
	withAcme(t, func(t *testing.T, b backends.Backend) {
		db := b.Database
		publish(t, db, listing("org.acme.A", "1.0"))
		for _, to := range []int64{100, 50} {
			if err := db.RaiseTo(t.Context(), to, entry); err != nil {
				t.Fatal(err)
			}
		}
		if c, err := db.Changes(t.Context(), 0, 10); err != nil || c.Sequence != 100 || c.More || len(c.Documents) != 1 {
			t.Errorf("changes are %+v (%v), want the listing, complete at 100", c, err)
		}
		if p := publish(t, db, listing("org.acme.B", "1.0")); p.Sequence != 101 {
			t.Errorf("the next sequence is %d, want 101", p.Sequence)
		}
		if list, err := db.Audit(t.Context(), database.AuditFilter{}); err != nil || len(list) != 2 {
			t.Errorf("the audit trail has %d entries (%v), want one for what was raised", len(list), err)
		}
	})
}

func TestAdvisoriesRevocationsAndLabels(t *testing.T) {
	withAcme(t, func(t *testing.T, b backends.Backend) {
		db := b.Database
		publish(t, db, listing("org.acme.A", "1.0"))
		key := database.Key{ID: "org.acme.A", Digests: []string{digestOf("bad")}}
		revocations := []store.Revocation{
			{Listing: "org.acme.A", Version: "1.0", Reason: "r", Created: day},
			{Digest: digestOf("bad"), Reason: "r", Created: day},
		}
		var year string
		p, err := db.Publish(t.Context(), key, func(c database.Current) (database.Change, error) {
			year = c.NextAdvisory
			a := store.Advisory{ID: c.NextAdvisory, Listing: "org.acme.A", Severity: store.High, Title: "t", Created: day, Updated: day}
			return database.Change{Advisories: []store.Advisory{a}, Revocations: revocations,
				Labels: []database.Label{{ID: "b", Color: "#ffffff"}, {ID: "a"}}}, nil
		})
		if err != nil || p.Sequence != 2 {
			t.Fatalf("got %+v (%v), want sequence 2", p, err)
		}
		if want := fmt.Sprintf("JFA-%d-0001", time.Now().UTC().Year()); year != want {
			t.Errorf("the first advisory is %s, want %s", year, want)
		}
		_, err = db.Publish(t.Context(), key, func(c database.Current) (database.Change, error) {
			if len(c.Advisories) != 1 || len(c.Revocations) != 2 || c.NextAdvisory[len(c.NextAdvisory)-4:] != "0002" {
				t.Errorf("the rules see %+v, want all that concerns the listing", c)
			}
			c.Advisories[0].Fixed = "1.1"
			return database.Change{Advisories: c.Advisories, Unrevoke: revocations[:1], RemoveLabels: []string{"b"}}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		c, err := db.Changes(t.Context(), 1, 10)
		if err != nil || c.Sequence != 3 || c.Lists == nil {
			t.Fatalf("changes are %+v (%v), want lists at 3", c, err)
		}
		if l := c.Lists; len(l.Advisories) != 1 || l.Advisories[0].Fixed != "1.1" || !reflect.DeepEqual(l.Revocations, revocations[1:]) ||
			!reflect.DeepEqual(l.Labels, []database.Label{{ID: "a"}}) {
			t.Errorf("the lists are %+v, want the advisory with its fix, the revoked digest and label a", *l)
		}
		if other, err := db.Publish(t.Context(), database.Key{ID: "org.acme.B"}, func(c database.Current) (database.Change, error) {
			if len(c.Advisories)+len(c.Revocations) != 0 {
				t.Errorf("the rules of another id see %+v", c)
			}
			return database.Change{}, nil
		}); err != nil || other.Sequence != 3 {
			t.Errorf("nothing gave %+v (%v), want sequence 3 as before", other, err)
		}
	})
}

func TestTheFirstTimestampWins(t *testing.T) {
	withAcme(t, func(t *testing.T, b backends.Backend) {
		c := &clock{now: day}
		db := b.OpenDatabase(t, database.Options{Now: c.Now})
		publish(t, db, listing("org.acme.A", "1.0"))
		stamp := func(issued time.Time, by string) database.Timestamp {
			return database.Timestamp{Sequence: 1, Issued: issued, Expires: issued.Add(time.Hour), Snapshot: digestOf("s"), Envelope: []byte(by)}
		}
		if _, err := db.Timestamp(t.Context(), 1); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("before the first: %v, want ErrNotFound", err)
		}
		first, other, renewed := stamp(day, "first"), stamp(day.Add(time.Second), "other"), stamp(day.Add(time.Minute), "renewed")
		for _, step := range []struct {
			name     string
			save     database.Timestamp
			replaces time.Time
			want     database.Timestamp
		}{
			{"the first", first, time.Time{}, first},
			{"another that is new, too", other, time.Time{}, first},
			{"a renewal", renewed, day, renewed},
			{"a renewal of what is no longer there", other, day, renewed},
		} {
			if got, err := db.SaveTimestamp(t.Context(), step.save, step.replaces); err != nil || !reflect.DeepEqual(got, step.want) {
				t.Errorf("%s: kept is %s (%v), want %s", step.name, got.Envelope, err, step.want.Envelope)
			}
		}
		if got, err := db.Timestamp(t.Context(), 1); err != nil || !reflect.DeepEqual(got, renewed) {
			t.Errorf("kept is %+v (%v), want %+v", got, err, renewed)
		}
		future := first
		future.Sequence = 2
		if _, err := db.SaveTimestamp(t.Context(), future, time.Time{}); !errors.Is(err, database.ErrConflict) {
			t.Errorf("of a sequence that is not reached: %v, want ErrConflict", err)
		}
		publish(t, db, listing("org.acme.B", "1.0"))
		if done, err := db.Maintain(t.Context()); err != nil || done.Timestamps != 0 {
			t.Errorf("maintaining did %+v (%v), want a good timestamp kept", done, err)
		}
		c.Pass(2 * time.Hour)
		if done, err := db.Maintain(t.Context()); err != nil || done.Timestamps != 1 {
			t.Errorf("maintaining did %+v (%v), want the expired timestamp removed", done, err)
		}
	})
}

func TestDownloads(t *testing.T) {
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		c := &clock{now: time.Date(2026, 11, 26, 23, 59, 0, 0, time.UTC)}
		db := b.OpenDatabase(t, database.Options{Now: c.Now})
		counter := database.NewCounter(db, time.Hour)
		for range 3 {
			counter.Count("org.acme.A", "1.0", "linux-amd64")
		}
		counter.Count("org.acme.B", "1.0", "server")
		if err := counter.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.Pass(2 * time.Minute)
		counter.Count("org.acme.A", "1.0", "linux-amd64")
		if err := counter.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		old := []database.Downloads{
			{Day: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), Listing: "org.acme.A", Version: "1.0", Platform: "server", Count: 1},
			{Day: time.Date(2026, 5, 3, 0, 0, 0, 0, time.UTC), Listing: "org.acme.A", Version: "1.0", Platform: "server", Count: 2},
			{Day: time.Date(2026, 5, 31, 9, 0, 0, 0, time.UTC), Listing: "org.acme.A", Version: "1.0", Platform: "server", Count: 4},
			{Day: time.Date(2026, 5, 31, 9, 0, 0, 0, time.UTC), Listing: "org.acme.A", Version: "1.0", Platform: "server", Count: 8},
			{Day: time.Date(2026, 6, 2, 0, 0, 0, 0, time.UTC), Listing: "org.acme.A", Version: "1.0", Platform: "server", Count: 16},
		}
		if err := db.AddDownloads(t.Context(), old); err != nil {
			t.Fatal(err)
		}
		if done, err := db.Maintain(t.Context()); err != nil || done.Downloads != 3 {
			t.Errorf("maintaining did %+v (%v), want three days summed up", done, err)
		}
		list, err := db.Downloads(t.Context(), database.DownloadFilter{Listing: "org.acme.A"})
		var got []string
		for _, d := range list {
			got = append(got, fmt.Sprintf("%s %s %d", d.Day.Format(time.DateOnly), d.Platform, d.Count))
		}
		if want := []string{"2026-11-27 linux-amd64 1", "2026-11-26 linux-amd64 3", "2026-06-01 server 16", "2026-05-01 server 15"}; err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("the counts are %v (%v), want %v", got, err, want)
		}
		totals, err := db.DownloadTotals(t.Context())
		if want := map[string]int64{"org.acme.A": 35, "org.acme.B": 1}; err != nil || !reflect.DeepEqual(totals, want) {
			t.Errorf("the totals are %v (%v), want %v", totals, err, want)
		}
		list, err = db.Downloads(t.Context(), database.DownloadFilter{From: day, To: day})
		if err != nil || len(list) != 2 {
			t.Errorf("of one day there are %v (%v), want two", list, err)
		}
	})
}

func TestCounts(t *testing.T) {
	withAcme(t, func(t *testing.T, b backends.Backend) {
		publish(t, b.Database, listing("org.acme.A", "1.1", "1.0"))
		publish(t, b.Database, listing("org.acme.B", "1.0"))
		change(t, b.Database, database.Key{ID: "org.acme.B"}, database.Change{Hide: true})
		add(t, b.Database, database.NewSubmission{Submission: submission("a")})
		got, err := b.Database.Counts(t.Context())
		want := database.Counts{Listings: 2, Hidden: 1, Releases: 3, Organizations: 1, Submissions: map[string]int64{"submitted": 1}}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("the counts are %+v (%v), want %+v", got, err, want)
		}
	})
}
