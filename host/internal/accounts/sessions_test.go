package accounts

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSessionsLastOverARestart(t *testing.T) {
	h := newHouse(t)
	h.add("vera", Operator, "b.B", "a.A")
	secret := h.signIn("vera")
	h.pass(time.Hour)
	if _, err := h.Session(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	h.restart()
	h.pass(SessionIdle - time.Second) // since it was used last, before the restart
	id, err := h.Session(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	if id.Name != "vera" || id.Role != Operator || !slices.Equal(id.Owns, []string{"a.A", "b.B"}) || id.Extensions != nil || id.MustChange {
		t.Errorf("%+v", id)
	}
	if list := h.Sessions("vera"); len(list) != 1 || list[0].ID != id.Session || list[0].Agent != "Firefox" || list[0].Remote != "192.0.2.1" {
		t.Errorf("%+v", list)
	}
	if u, err := h.User("vera"); err != nil || u.LastSeen == nil || !u.LastSeen.Equal(h.clock()) {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestWhatEndsASession(t *testing.T) {
	viewer, yes := Viewer, true
	for what, c := range map[string]struct {
		do   func(h *house, secret string) error
		ends bool
	}{
		"nothing":                  {func(h *house, _ string) error { h.pass(SessionIdle - time.Second); return nil }, false},
		"two hours without use":    {func(h *house, _ string) error { h.pass(SessionIdle); return nil }, true},
		"twelve hours in constant": {useFor(SessionLife), true},
		"eleven hours in constant": {useFor(SessionLife - time.Hour), false},
		"two hours of being looked at": {func(h *house, s string) error {
			h.pass(SessionIdle - time.Second)
			if _, err := h.Peek(h.t.Context(), s); err != nil {
				return err
			}
			h.pass(time.Second)
			return nil
		}, true},
		"sign-out":            {func(h *house, s string) error { return h.SignOut(h.t.Context(), s, "") }, true},
		"sign-out everywhere": {func(h *house, _ string) error { return h.EndSessions(h.t.Context(), "vera", "", by) }, true},
		"ended by its id": {func(h *house, _ string) error {
			return h.EndSessions(h.t.Context(), "vera", h.Sessions("vera")[0].ID, by)
		}, true},
		"another password by an administrator": {func(h *house, _ string) error {
			return h.SetPassword(h.t.Context(), "vera", otherWord, false, by)
		}, true},
		"another password by the user": {func(h *house, _ string) error {
			_, err := h.ChangePassword(h.t.Context(), "vera", goodWord, otherWord, here)
			return err
		}, true},
		"another role": {func(h *house, _ string) error {
			_, err := h.ChangeUser(h.t.Context(), UserChange{Name: "vera", Role: &viewer}, by)
			return err
		}, true},
		"disabled": {func(h *house, _ string) error {
			_, err := h.ChangeUser(h.t.Context(), UserChange{Name: "vera", Disabled: &yes}, by)
			return err
		}, true},
		"removed": {func(h *house, _ string) error { return h.RemoveUser(h.t.Context(), "vera", 0, by) }, true},
		"other extensions of theirs": {func(h *house, _ string) error {
			_, err := h.ChangeUser(h.t.Context(), UserChange{Name: "vera", Owns: &[]string{"a.B"}}, by)
			return err
		}, false},
		"another user's change": {func(h *house, _ string) error { return h.SetPassword(h.t.Context(), "admin", otherWord, false, by) }, false},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.t = t
			h.add("vera", Operator)
			secret := h.signIn("vera")
			if err := c.do(h, secret); err != nil {
				t.Fatal(err)
			}
			for _, when := range []string{"at once", "after a restart"} {
				_, err := h.Session(t.Context(), secret)
				if c.ends {
					wantCode(t, err, Unauthenticated)
				} else if err != nil {
					t.Errorf("%s: %v", when, err)
				}
				h.restart()
			}
		})
	}
}

func useFor(d time.Duration) func(h *house, secret string) error {
	return func(h *house, secret string) error {
		for range int(d / (time.Hour)) {
			h.pass(time.Hour)
			_, _ = h.Session(h.t.Context(), secret)
		}
		return nil
	}
}

func TestAdminTokenSession(t *testing.T) {
	h := newHouse(t)
	_, err := h.SignInWithAdminToken(t.Context(), "not-the-token-of-anybody-here", here)
	wantCode(t, err, Unauthenticated)
	s, err := h.SignInWithAdminToken(t.Context(), adminToken+"\n", here)
	if err != nil {
		t.Fatal(err)
	}
	if id := s.Identity; id.Name != "admin" || id.Role != Administrator || id.Via != ViaAdminToken || id.MustChange {
		t.Errorf("%+v", id)
	}
	// It does not hang on the user admin.
	if err := h.SetPassword(t.Context(), "admin", otherWord, false, by); err != nil {
		t.Fatal(err)
	}
	h.restart()
	if _, err := h.Session(t.Context(), s.Secret); err != nil {
		t.Error(err)
	}
	// But on the token.
	h.adminToken = "another-token-since-the-old-one-was-deleted"
	h.restart()
	_, err = h.Session(t.Context(), s.Secret)
	wantCode(t, err, Unauthenticated)
}

// The newest session pushes out the one that was not used for the longest time.
func TestSessionsAreBounded(t *testing.T) {
	h := newHouse(t)
	h.add("vera", Viewer)
	h.add("otto", Viewer)
	other, first := h.signIn("otto"), h.signIn("vera")
	for range maxSessionsOf {
		h.pass(time.Second)
		h.signIn("vera")
	}
	if n := len(h.Sessions("vera")); n != maxSessionsOf {
		t.Errorf("%d sessions", n)
	}
	_, err := h.Session(t.Context(), first)
	wantCode(t, err, Unauthenticated)
	if _, err := h.Session(t.Context(), other); err != nil {
		t.Errorf("another user's: %v", err)
	}
	rows, err := h.state.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(rows); n != 3+maxSessionsOf+1 {
		t.Errorf("%d rows", n)
	}
}

// Sessions that are over leave the database without anybody asking for them.
func TestSessionsThatEndedAreForgotten(t *testing.T) {
	h := newHouse(t)
	h.add("vera", Viewer)
	h.signIn("vera")
	h.pass(SessionIdle)
	h.flush()
	if rows, err := h.state.Accounts(t.Context()); err != nil || len(rows) != 2 || len(h.sessions) != 0 {
		t.Errorf("%d rows, %d in memory, %v", len(rows), len(h.sessions), err)
	}
}

// An administrator gets in where the disk takes nothing: just then there is something to
// do. What is to be kept does not change then.
func TestSignInWithoutADisk(t *testing.T) {
	h := newHouse(t)
	h.add("vera", Administrator)
	if err := h.state.Close(); err != nil {
		t.Fatal(err)
	}
	secret := h.signIn("vera")
	if _, err := h.Session(t.Context(), secret); err != nil {
		t.Error(err)
	}
	wantCode(t, h.SetPassword(t.Context(), "vera", otherWord, false, by), Unavailable)
	if _, err := h.Session(t.Context(), secret); err != nil {
		t.Errorf("after a change that was not made: %v", err)
	}
	h.signIn("vera") // with the password that holds still
	if !strings.Contains(h.log.String(), "can not be written down") && !strings.Contains(h.log.String(), "cannot be written down") {
		t.Errorf("nothing in the log:\n%s", h.log.String())
	}
}

// A backup may have sessions that were ended since, so none of it counts.
func TestRestoredDatabaseHasNoSessions(t *testing.T) {
	h := newHouse(t)
	h.add("vera", Viewer)
	secret := h.signIn("vera")
	h.flush()
	if err := h.state.Close(); err != nil {
		t.Fatal(err)
	}
	backups := backupsOf(t, h)
	if len(backups) == 0 {
		t.Fatal("there is no backup")
	}
	for _, name := range []string{"jackfield.db", "jackfield.db-wal", "jackfield.db-shm"} {
		_ = os.Remove(filepath.Join(h.dir, name)) // not all are there
	}
	if err := os.WriteFile(filepath.Join(h.dir, "jackfield.db"), []byte("not a database at all"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.open()
	if _, err := h.User("vera"); err != nil {
		t.Fatalf("the backup was not used: %v\n%s", err, h.log.String())
	}
	_, err := h.Session(t.Context(), secret)
	wantCode(t, err, Unauthenticated)
	if err := h.state.Acknowledge(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.restart()
	_, err = h.Session(t.Context(), secret)
	wantCode(t, err, Unauthenticated)
}

// backupsOf makes a backup as a running host does and returns what there is.
func backupsOf(t *testing.T, h *house) []string {
	t.Helper()
	h.open()
	h.add(fmt.Sprintf("u%d", len(h.Users())), Viewer)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.state.Run(ctx) }()
	cancel() // the end makes the backup
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if err := h.state.Close(); err != nil {
		t.Fatal(err)
	}
	list, err := filepath.Glob(filepath.Join(h.dir, "backups", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return list
}
