package database_test

import (
	"crypto/sha256"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/backends"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

var entry = database.Entry{Actor: "admin", Action: "test", Target: "test"}

func TestOrganizations(t *testing.T) {
	withAcme(t, func(t *testing.T, b backends.Backend) {
		db := b.Database
		publish(t, db, listing("org.acme.A", "1.0"))
		zeta := database.Organization{Name: "Zeta & Co", Title: "Zeta", Pins: []string{"z-2", "z-1"}, Created: day}
		if err := db.SaveOrganization(t.Context(), zeta, entry); err != nil {
			t.Fatal(err)
		}
		zeta.Pins = []string{"z-1", "z-2"}
		if got, err := db.Organization(t.Context(), zeta.Name); err != nil || !reflect.DeepEqual(got, zeta) {
			t.Errorf("it is %+v (%v), want %+v", got, err, zeta)
		}
		if got, err := db.OrganizationOf(t.Context(), "z-2"); err != nil || got.Name != zeta.Name {
			t.Errorf("z-2 is of %+v (%v), want %s", got, err, zeta.Name)
		}
		if err := db.SaveOrganization(t.Context(), database.Organization{Name: "thief.example", Pins: []string{"pin-1"}}, entry); !errors.Is(err, database.ErrExists) {
			t.Errorf("another's key: %v, want ErrExists", err)
		}
		if err := db.SaveOrganization(t.Context(), database.Organization{Name: zeta.Name, Title: "Zeta II", Pins: []string{"z-3"}}, entry); err != nil {
			t.Fatal(err)
		}
		list, err := db.Organizations(t.Context())
		if err != nil || len(list) != 2 || list[0].Name != zeta.Name || list[0].Title != "Zeta II" || !list[0].Created.Equal(day) || list[1].Pins[0] != "pin-1" {
			t.Errorf("there are %+v (%v), want Zeta II and Acme", list, err)
		}
		if _, err := db.OrganizationOf(t.Context(), "z-1"); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("a key that was taken away: %v, want ErrNotFound", err)
		}
		if err := db.RemoveOrganization(t.Context(), acme, entry); !errors.Is(err, database.ErrConflict) {
			t.Errorf("removing who owns listings: %v, want ErrConflict", err)
		}
		token := database.Token{ID: "t", Organization: zeta.Name, Role: database.RolePublisher}
		if err := db.AddToken(t.Context(), token, sha256.Sum256([]byte("secret")), entry); err != nil {
			t.Fatal(err)
		}
		if err := db.RemoveOrganization(t.Context(), zeta.Name, entry); err != nil {
			t.Fatal(err)
		}
		if _, err := db.TokenOf(t.Context(), sha256.Sum256([]byte("secret"))); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("the token of who is gone: %v, want ErrNotFound", err)
		}
		if err := db.RemoveOrganization(t.Context(), zeta.Name, entry); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("removing who is gone: %v, want ErrNotFound", err)
		}
	})
}

func TestTokens(t *testing.T) {
	withAcme(t, func(t *testing.T, b backends.Backend) {
		c := &clock{now: day}
		db := b.OpenDatabase(t, database.Options{Now: c.Now})
		hash := func(secret string) [32]byte { return sha256.Sum256([]byte(secret)) }
		first := database.Token{ID: "tok-1", Name: "CI", Role: database.RolePublisher, Organization: acme, Created: day, Expires: day.Add(time.Hour)}
		if err := db.AddToken(t.Context(), first, hash("one"), entry); err != nil {
			t.Fatal(err)
		}
		c.Pass(time.Second)
		if err := db.AddToken(t.Context(), database.Token{ID: "tok-2", Role: database.RoleAdministrator}, hash("two"), entry); err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			token  database.Token
			secret string
			want   error
		}{
			"an id that is there":     {database.Token{ID: "tok-1"}, "three", database.ErrExists},
			"a secret that is there":  {database.Token{ID: "tok-3"}, "one", database.ErrExists},
			"an unknown organization": {database.Token{ID: "tok-3", Organization: "who.example"}, "three", database.ErrNotFound},
		} {
			if err := db.AddToken(t.Context(), c.token, hash(c.secret), entry); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", name, err, c.want)
			}
		}
		used := first
		used.LastUsed = c.Now()
		for range 2 {
			if got, err := db.TokenOf(t.Context(), hash("one")); err != nil || got != used {
				t.Errorf("the token is %+v (%v), want %+v", got, err, used)
			}
		}
		if _, err := db.TokenOf(t.Context(), hash("wrong")); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("a wrong secret: %v, want ErrNotFound", err)
		}
		list, err := db.Tokens(t.Context())
		if err != nil || len(list) != 2 || list[0] != used || list[1].ID != "tok-2" || !list[1].Expires.IsZero() {
			t.Errorf("there are %+v (%v), want both, the older first", list, err)
		}
		c.Pass(time.Hour)
		if _, err := db.TokenOf(t.Context(), hash("one")); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("a token that has expired: %v, want ErrNotFound", err)
		}
		if err := db.RemoveToken(t.Context(), "tok-2", entry); err != nil {
			t.Fatal(err)
		}
		if err := db.RemoveToken(t.Context(), "tok-2", entry); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("removing it again: %v, want ErrNotFound", err)
		}
		c.Pass(32 * 24 * time.Hour)
		if done, err := db.Maintain(t.Context()); err != nil || done.Tokens != 1 {
			t.Errorf("maintaining did %+v (%v), want one token removed", done, err)
		}
	})
}

func TestTheAuditTrailShowsEdits(t *testing.T) {
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		db := b.Database
		for _, target := range []string{"a", "b", "a"} {
			e := database.Entry{Actor: "tok-1", Action: "withdraw", Target: target, Reason: "broken <&>", Detail: `{"a":1}`, Remote: "127.0.0.1"}
			if err := db.Append(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		last, err := db.VerifyAudit(t.Context())
		if err != nil || last.Number != 3 || len(last.Hash) != 64 {
			t.Fatalf("the trail ends at %+v (%v), want entry 3", last, err)
		}
		list, err := db.Audit(t.Context(), database.AuditFilter{Target: "a", Actor: "tok-1"})
		if err != nil || len(list) != 2 || list[0] != last {
			t.Errorf("of a there are %+v (%v), want two, the newest first", list, err)
		}
		if list, err := db.Audit(t.Context(), database.AuditFilter{Before: 3, Limit: 1}); err != nil || len(list) != 1 || list[0].Number != 2 {
			t.Errorf("the next page is %+v (%v), want entry 2", list, err)
		}
		raw := b.Raw(t)
		for _, statement := range []string{`UPDATE audit SET reason = 'fine' WHERE number = 2`, `DELETE FROM audit WHERE number = 2`} {
			if _, err := raw.ExecContext(t.Context(), statement); err == nil {
				t.Errorf("%s: done, want it refused", statement)
			}
		}
		for _, statement := range raw.Unguard {
			if _, err := raw.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct{ name, edit, undo string }{
			{"an entry is changed", `UPDATE audit SET reason = 'fine' WHERE number = 2`, `UPDATE audit SET reason = 'broken <&>' WHERE number = 2`},
			{"a number is changed", `UPDATE audit SET number = 9 WHERE number = 2`, `UPDATE audit SET number = 2 WHERE number = 9`},
			{"the end is cut off", `UPDATE audit SET number = 9 WHERE number = 3`, `UPDATE audit SET number = 3 WHERE number = 9`},
			{"the last hash is another", `UPDATE counter SET note = '0' WHERE name = 'audit'`, `UPDATE counter SET note = '` + last.Hash + `' WHERE name = 'audit'`},
		} {
			if _, err := raw.ExecContext(t.Context(), c.edit); err != nil {
				t.Fatal(err)
			}
			if _, err := db.VerifyAudit(t.Context()); !errors.Is(err, database.ErrAudit) {
				t.Errorf("%s: %v, want ErrAudit", c.name, err)
			}
			if _, err := raw.ExecContext(t.Context(), c.undo); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := db.VerifyAudit(t.Context()); err != nil {
			t.Errorf("undone: %v", err)
		}
	})
}

// Texts that PostgreSQL refuses are kept without what it refuses, on both.
func TestTextsThatAreNone(t *testing.T) {
	withAcme(t, func(t *testing.T, b backends.Backend) {
		db, bad := b.Database, "a\x00b\xffc"
		e := database.Entry{Actor: bad, Action: bad, Target: bad, Reason: bad, Detail: bad, Remote: bad}
		if err := db.AddToken(t.Context(), database.Token{ID: bad, Name: bad, Role: database.RolePublisher}, [32]byte{1}, e); err != nil {
			t.Fatal(err)
		}
		const want = "a\ufffdb\ufffdc"
		if token, err := db.TokenOf(t.Context(), [32]byte{1}); err != nil || token.Name != want || token.ID != want {
			t.Errorf("the token is %+q (%v), want %+q", token, err, want)
		}
		if last, err := db.VerifyAudit(t.Context()); err != nil || last.Reason != want {
			t.Errorf("the audit trail ends with %+q (%v), want %+q", last.Reason, err, want)
		}
		s := submission(bad)
		s.File, s.Listing, s.Organization, s.Problems = bad, bad, bad, []store.Problem{{Message: bad}}
		added := add(t, db, database.NewSubmission{Submission: s, Request: bad})
		if _, err := db.AddSubmission(t.Context(), database.NewSubmission{Submission: s, Request: bad}); !errors.Is(err, database.ErrExists) {
			t.Errorf("the same request again: %v, want ErrExists", err)
		}
		if list, err := db.Submissions(t.Context(), database.SubmissionFilter{Organization: bad, Listing: bad}); err != nil || len(list) != 1 || list[0].Number != added.Number {
			t.Errorf("the filter finds %+v (%v), want it", list, err)
		}
		for name, err := range map[string]error{
			"document":     second(db.Document(t.Context(), bad)),
			"detail":       second(db.Detail(t.Context(), "org.acme.A", bad)),
			"organization": second(db.Organization(t.Context(), bad)),
		} {
			if !errors.Is(err, database.ErrNotFound) {
				t.Errorf("%s: %v, want ErrNotFound", name, err)
			}
		}
		if err := db.AddDownloads(t.Context(), []database.Downloads{{Day: day, Listing: bad, Version: bad, Platform: bad, Count: 1}}); err != nil {
			t.Error(err)
		}
	})
}

func second[T any](_ T, err error) error { return err }
