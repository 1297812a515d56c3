package database_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/backends"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

func submission(name string) store.Submission {
	return store.Submission{State: store.Submitted, Source: "api", File: name + ".jar", Organization: acme, Digest: digestOf(name), Size: 10, Created: day, Updated: day}
}

func add(t *testing.T, db *database.Database, n database.NewSubmission) store.Submission {
	t.Helper()
	s, err := db.AddSubmission(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSubmissionsAreNumberedAndListed(t *testing.T) {
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		db := b.Database
		for i, name := range []string{"a", "b", "c"} {
			if s := add(t, db, database.NewSubmission{Submission: submission(name), Request: name}); s.Number != int64(i+1) {
				t.Errorf("%s has number %d, want %d", name, s.Number, i+1)
			}
		}
		again, err := db.AddSubmission(t.Context(), database.NewSubmission{Submission: submission("other"), Request: "b"})
		if !errors.Is(err, database.ErrExists) || again.Number != 2 || again.Digest != digestOf("b") {
			t.Errorf("the same request again gave %+v (%v), want submission 2 and ErrExists", again, err)
		}
		elsewhere := submission("d")
		elsewhere.Organization, elsewhere.Source = "other.example", "drop"
		if s := add(t, db, database.NewSubmission{Submission: elsewhere, Request: "b"}); s.Number != 4 {
			t.Errorf("the same word of another organization gave number %d, want 4: no number is skipped", s.Number)
		}
		refused := submission("b")
		refused.Number, refused.State, refused.Listing = 2, store.NeedsChanges, "org.acme.B"
		refused.Problems = []store.Problem{{Code: "bad_zip", Message: "it is no ZIP"}}
		if err := db.SaveSubmission(t.Context(), refused, "", database.Entry{Actor: "store", Action: "refuse", Target: "submission 2"}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name   string
			filter database.SubmissionFilter
			want   string
		}{
			{"all", database.SubmissionFilter{}, "4 3 2 1"},
			{"a page", database.SubmissionFilter{Limit: 2}, "4 3"},
			{"the next page", database.SubmissionFilter{Limit: 2, Before: 3}, "2 1"},
			{"of an organization", database.SubmissionFilter{Organization: acme}, "3 2 1"},
			{"in a state", database.SubmissionFilter{State: store.NeedsChanges}, "2"},
			{"with a digest", database.SubmissionFilter{Digest: digestOf("c"), Source: "api"}, "3"},
			{"of a listing, in any spelling", database.SubmissionFilter{Listing: "ORG-acme-b"}, "2"},
			{"from the drop folder", database.SubmissionFilter{Source: "drop"}, "4"},
		} {
			list, err := db.Submissions(t.Context(), c.filter)
			var got []string
			for _, s := range list {
				got = append(got, fmt.Sprint(s.Number))
			}
			if err != nil || strings.Join(got, " ") != c.want {
				t.Errorf("%s: %v (%v), want %s", c.name, got, err, c.want)
			}
		}
		if s, err := db.Submission(t.Context(), 2); err != nil || len(s.Problems) != 1 {
			t.Errorf("submission 2 is %+v (%v), want its problem", s, err)
		}
		if _, err := db.Submission(t.Context(), 9); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("submission 9: %v, want ErrNotFound", err)
		}
		refused.Number = 9
		if err := db.SaveSubmission(t.Context(), refused, ""); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("saving submission 9: %v, want ErrNotFound", err)
		}
	})
}

// Two replicas, four workers each, take 30 submissions: each is taken once.
func TestEachSubmissionIsClaimedOnce(t *testing.T) {
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		const n = 30
		for i := range n {
			add(t, b.Database, database.NewSubmission{Submission: submission(fmt.Sprint(i))})
		}
		replicas := []*database.Database{b.Database, b.OpenDatabase(t, database.Options{})}
		var mu sync.Mutex
		taken := map[int64]string{}
		var workers sync.WaitGroup
		for w := range 8 {
			workers.Go(func() {
				db, claim := replicas[w%2], fmt.Sprintf("worker-%d", w)
				for {
					s, attempts, err := db.ClaimSubmission(t.Context(), claim, time.Minute)
					if errors.Is(err, database.ErrNotFound) {
						return
					}
					if err != nil || attempts != 1 {
						t.Errorf("claiming: attempt %d, %v", attempts, err)
						return
					}
					mu.Lock()
					if other := taken[s.Number]; other != "" {
						t.Errorf("%s and %s both have submission %d", other, claim, s.Number)
					}
					taken[s.Number] = claim
					mu.Unlock()
					s.State = store.Accepted
					if err := db.SaveSubmission(t.Context(), s, claim); err != nil {
						t.Error(err)
					}
				}
			})
		}
		workers.Wait()
		if len(taken) != n {
			t.Errorf("%d were taken, want %d", len(taken), n)
		}
	})
}

// clock is a time that a test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func TestAnAbandonedClaimIsTakenAgain(t *testing.T) {
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		c := &clock{now: day}
		db := b.OpenDatabase(t, database.Options{Now: c.Now})
		s := add(t, db, database.NewSubmission{Submission: submission("a"), Claim: "first", Lease: time.Minute})
		if _, _, err := db.ClaimSubmission(t.Context(), "second", time.Minute); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("claiming what its sender works on: %v, want ErrNotFound", err)
		}
		c.Pass(50 * time.Second)
		if err := db.RenewClaim(t.Context(), s.Number, "first", time.Minute); err != nil {
			t.Fatal(err)
		}
		c.Pass(50 * time.Second)
		if _, _, err := db.ClaimSubmission(t.Context(), "second", time.Minute); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("claiming what was renewed: %v, want ErrNotFound", err)
		}
		c.Pass(11 * time.Second)
		got, attempts, err := db.ClaimSubmission(t.Context(), "second", time.Minute)
		if err != nil || got.Number != s.Number || attempts != 2 {
			t.Fatalf("claiming what is abandoned gave %+v, attempt %d (%v), want submission %d for the second time", got, attempts, err, s.Number)
		}
		s.State = store.Accepted
		if err := db.SaveSubmission(t.Context(), s, "first"); !errors.Is(err, database.ErrConflict) {
			t.Errorf("saving behind a lost claim: %v, want ErrConflict", err)
		}
		if err := db.RenewClaim(t.Context(), s.Number, "first", time.Minute); !errors.Is(err, database.ErrConflict) {
			t.Errorf("renewing a lost claim: %v, want ErrConflict", err)
		}
		if err := db.SaveSubmission(t.Context(), s, ""); !errors.Is(err, database.ErrConflict) {
			t.Errorf("saving without a claim: %v, want ErrConflict", err)
		}
		if err := db.SaveSubmission(t.Context(), s, "second"); err != nil {
			t.Fatal(err)
		}
		c.Pass(time.Hour)
		if _, _, err := db.ClaimSubmission(t.Context(), "third", time.Minute); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("claiming what is done: %v, want ErrNotFound", err)
		}
		if err := db.RenewClaim(t.Context(), s.Number, "", time.Minute); !errors.Is(err, database.ErrConflict) {
			t.Errorf("renewing nobody's claim: %v, want ErrConflict", err)
		}
	})
}

// A release and the submission that became it are written together or not at all.
func TestPublishEndsASubmission(t *testing.T) {
	withAcme(t, func(t *testing.T, b backends.Backend) {
		db := b.Database
		s := add(t, db, database.NewSubmission{Submission: submission("a"), Claim: "mine", Lease: time.Minute})
		try := func(claim string) error {
			_, err := db.Publish(t.Context(), database.Key{ID: "org.acme.A", Submission: s.Number, Claim: claim}, func(c database.Current) (database.Change, error) {
				c.Submission.State, c.Submission.Listing, c.Submission.Version = store.Accepted, "org.acme.A", "1.0"
				return database.Change{Listing: listing("org.acme.A", "1.0"), Organization: acme, Submission: c.Submission}, nil
			})
			return err
		}
		if err := try("other"); !errors.Is(err, database.ErrConflict) {
			t.Errorf("publishing with another's claim: %v, want ErrConflict", err)
		}
		if _, err := db.Document(t.Context(), "org.acme.A"); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("the listing: %v, want ErrNotFound", err)
		}
		if err := try("mine"); err != nil {
			t.Fatal(err)
		}
		if got, err := db.Submission(t.Context(), s.Number); err != nil || got.State != store.Accepted || got.Version != "1.0" {
			t.Errorf("the submission is %+v (%v), want it published", got, err)
		}
		_, err := db.Publish(t.Context(), database.Key{Submission: 99}, func(database.Current) (database.Change, error) { return database.Change{}, nil })
		if !errors.Is(err, database.ErrNotFound) {
			t.Errorf("a submission that is not there: %v, want ErrNotFound", err)
		}
	})
}

func TestBlobsInUse(t *testing.T) {
	withAcme(t, func(t *testing.T, b backends.Backend) {
		l := listing("org.acme.A", "1.0")
		l.Pictures = store.Pictures{Icon: &store.Picture{Digest: digestOf("icon")}, Screenshots: []store.Picture{{Digest: digestOf("shot")}, {Digest: digestOf("shot")}}}
		publish(t, b.Database, l)
		add(t, b.Database, database.NewSubmission{Submission: submission("waiting")})
		for name, when := range map[string]time.Time{"refused": time.Now(), "long-refused": time.Now().AddDate(0, 0, -31)} {
			s := submission(name)
			s.State, s.Updated = store.NeedsChanges, when
			add(t, b.Database, database.NewSubmission{Submission: s})
		}
		for name, want := range map[string]bool{"org.acme.A1.0": true, "icon": true, "shot": true, "waiting": true, "refused": true, "long-refused": false, "nothing": false} {
			if got, err := b.Database.InUse(t.Context(), digestOf(name)); err != nil || got != want {
				t.Errorf("%s is in use: %v (%v), want %v", name, got, err, want)
			}
		}
		l.Pictures = store.Pictures{}
		publish(t, b.Database, l)
		if got, err := b.Database.InUse(t.Context(), digestOf("icon")); err != nil || got {
			t.Errorf("a picture that is gone is in use: %v (%v)", got, err)
		}
	})
}
