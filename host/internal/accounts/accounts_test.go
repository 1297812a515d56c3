package accounts

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/state"
)

const (
	adminToken = "the-administrators-token-of-the-tests"
	goodWord   = "correct horse battery"
	otherWord  = "another horse battery"
)

// house is a home with its accounts, which can be closed and opened again.
type house struct {
	t   *testing.T
	dir string
	log bytes.Buffer

	mu  sync.Mutex // guards now and log
	now time.Time

	state *state.Store
	*Accounts
	adminToken string
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func (h *house) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.log.Write(p)
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), now: time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC), adminToken: adminToken}
	t.Cleanup(func() { h.state.Close() })
	h.open()
	return h
}

func (h *house) open() {
	h.t.Helper()
	log := slog.New(slog.NewTextHandler(h, nil))
	var err error
	h.state, err = state.Open(state.Config{Path: filepath.Join(h.dir, "jackfield.db"), Backups: filepath.Join(h.dir, "backups"), Log: log})
	if err != nil {
		h.t.Fatal(err)
	}
	h.Accounts, err = Open(h.config(log))
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) config(log *slog.Logger) Config {
	return Config{
		State: h.state, AdminToken: h.adminToken, PasswordFile: h.passwordFile(), Log: log, Now: h.clock,
		cost: cost{Memory: 64, Passes: 2, Threads: 1},
	}
}

func (h *house) passwordFile() string { return filepath.Join(h.dir, "initial-admin-password") }

// restart is a host that stops in good order and starts again.
func (h *house) restart() {
	h.t.Helper()
	h.flush()
	if err := h.state.Close(); err != nil {
		h.t.Fatal(err)
	}
	h.open()
}

func (h *house) add(name string, role Role, owns ...string) {
	h.t.Helper()
	_, err := h.AddUser(h.t.Context(), NewUser{Name: name, Role: role, Owns: owns, Password: goodWord, Keep: true}, by)
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) signIn(name string) string {
	h.t.Helper()
	s, err := h.SignIn(h.t.Context(), name, goodWord, here)
	if err != nil {
		h.t.Fatal(err)
	}
	return s.Secret
}

func (h *house) token(n NewToken) string {
	h.t.Helper()
	if n.Label == "" {
		n.Label = "of a test"
	}
	_, secret, err := h.AddToken(h.t.Context(), n, root, "192.0.2.9")
	if err != nil {
		h.t.Fatal(err)
	}
	return secret
}

// audited returns the actions of the audit trail, the oldest first.
func (h *house) audited() []string {
	h.t.Helper()
	entries, _, err := h.state.Audit(h.t.Context(), "", 500)
	if err != nil {
		h.t.Fatal(err)
	}
	var list []string
	for _, e := range slices.Backward(entries) {
		list = append(list, strings.TrimSpace(e.Actor+" "+e.Action+" "+e.Target))
	}
	return list
}

var (
	by   = Actor{Name: "admin", Remote: "192.0.2.9"}
	here = Origin{Remote: "192.0.2.1", Agent: "Firefox"}
	root = Identity{Name: "admin", Role: Administrator, Via: ViaAdminToken}
)

func wantCode(t *testing.T, err error, want Code) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Code != want {
		t.Fatalf("got %v, want %s", err, want)
	}
	return e
}

func TestFirstUser(t *testing.T) {
	h := newHouse(t)
	first := h.FirstPassword()
	text, err := os.ReadFile(h.passwordFile())
	if err != nil || strings.TrimSpace(string(text)) != first || len(first) < 20 {
		t.Fatalf("%q, %v: the file and FirstPassword differ", text, err)
	}
	if info, err := os.Stat(h.passwordFile()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	h.restart()
	if h.FirstPassword() != "" {
		t.Error("a second start has made a password, too")
	}
	s, err := h.SignIn(t.Context(), " Admin ", first, here)
	if err != nil {
		t.Fatal(err)
	}
	if id := s.Identity; id.Name != "admin" || id.Role != Administrator || !id.MustChange || id.Via != ViaPassword {
		t.Errorf("%+v", id)
	}
	if h.users["admin"].Hash.Cost != h.cfg.cost {
		t.Error("after the first sign-in the password is kept at less than the full cost")
	}
	s, err = h.ChangePassword(t.Context(), "admin", first, goodWord, here)
	if err != nil {
		t.Fatal(err)
	}
	if s.Identity.MustChange {
		t.Error("the password is to be changed again")
	}
	if _, err := os.Stat(h.passwordFile()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
	h.restart()
	if _, err := os.Stat(h.passwordFile()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a start has made the file again: %v", err)
	}
	_, err = h.SignIn(t.Context(), "admin", first, here)
	wantCode(t, err, Unauthenticated)
	if strings.Contains(h.log.String(), first) {
		t.Error("the password is in the log")
	}
}

// What an administrator has put there before the first start is the first password; so
// is what a host has put there that was killed before it wrote the user down.
func TestFirstPasswordIsThereAlready(t *testing.T) {
	h := newHouse(t)
	fresh := &house{t: t, dir: t.TempDir(), now: h.now}
	t.Cleanup(func() { fresh.state.Close() })
	if err := os.WriteFile(fresh.passwordFile(), []byte(goodWord+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	fresh.open()
	if fresh.FirstPassword() != "" {
		t.Error("a password was made beside the one that was there")
	}
	if id, err := fresh.SignIn(t.Context(), "admin", goodWord, here); err != nil || !id.Identity.MustChange {
		t.Errorf("%+v, %v", id, err)
	}

	// One that is too easy to guess is no password.
	short := &house{t: t, dir: t.TempDir(), now: h.now}
	if err := os.WriteFile(short.passwordFile(), []byte("admin\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	short.state, err = state.Open(state.Config{Path: filepath.Join(short.dir, "db"), Backups: filepath.Join(short.dir, "b"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer short.state.Close()
	_, err = Open(short.config(slog.New(slog.DiscardHandler)))
	if err == nil || !strings.Contains(err.Error(), short.passwordFile()) || !strings.Contains(err.Error(), "12 characters") {
		t.Errorf("got %v", err)
	}
}

// A file of the first password that is left although the password is another one goes at
// the next start.
func TestStalePasswordFile(t *testing.T) {
	h := newHouse(t)
	if err := h.SetPassword(t.Context(), "admin", goodWord, true, by); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.passwordFile(), []byte("left behind by somebody"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.restart()
	if _, err := os.Stat(h.passwordFile()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

// Whatever is wrong, the answer is the same, and takes the same work.
func TestWrongSignIns(t *testing.T) {
	h := newHouse(t)
	h.add("vera", Viewer)
	h.add("dora", Viewer)
	yes := true
	if _, err := h.ChangeUser(t.Context(), UserChange{Name: "dora", Disabled: &yes}, by); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Admit(t.Context(), Claim{"https://id.example", "7", "olga", Viewer}, here); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct{ name, password string }{
		"a wrong password":     {"vera", otherWord},
		"no password":          {"vera", ""},
		"a prefix":             {"vera", goodWord[:len(goodWord)-1]},
		"a name nobody has":    {"nobody", goodWord},
		"no name":              {"", goodWord},
		"a hostile name":       {"vera\x00' OR 1=1", goodWord},
		"one who is disabled":  {"dora", goodWord},
		"one without password": {"olga", goodWord},
		"a huge password":      {"vera", strings.Repeat("x", 1<<16)},
	} {
		t.Run(what, func(t *testing.T) {
			h.pass(nameWindow)
			_, err := h.SignIn(t.Context(), c.name, c.password, here)
			if e := wantCode(t, err, Unauthenticated); e.Message != wrong().Message {
				t.Errorf("it tells more: %q", e.Message)
			}
		})
	}
	if _, err := h.SignIn(t.Context(), "vera", goodWord, here); err != nil {
		t.Errorf("the right one: %v", err)
	}
}

func TestPasswordRules(t *testing.T) {
	for password, ok := range map[string]bool{
		"correct horse battery": true, "élémentaire!": true, "vera": false, "elevenchars": false,
		"aaaaaaaaaaaaaaaa": false, "                 ": false, " vera-of-the-host ": false,
		strings.Repeat("ab", 600): false, "bytes \xff\xfe no text": false, "with a \x00 in it…": false,
	} {
		name := "vera"
		if strings.Contains(password, "vera-") {
			name = "vera-of-the-host"
		}
		if err := checkPassword(password, name); (err == nil) != ok {
			t.Errorf("%q: %v", password, err)
		}
	}
}

func TestNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"a": true, "vera": true, "vera.k@example.org": true, "7of9": true, "o'neil": false, "": false, "Vera": false, "-x": false, ".x": false,
		"host": false, "folder": false, "a/b": false, "a b": false, "vérà": false, strings.Repeat("a", 64): true, strings.Repeat("a", 65): false,
	} {
		if err := CheckName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// No secret may be in what is written down or logged; the database has digests.
func TestSecretsAreNowhere(t *testing.T) {
	h := newHouse(t)
	first := h.FirstPassword()
	h.add("vera", Administrator)
	session, token := h.signIn("vera"), h.token(NewToken{User: "vera", Role: Viewer})
	if _, err := h.ChangePassword(t.Context(), "vera", goodWord, otherWord, here); err != nil {
		t.Fatal(err)
	}
	for range maxOfName + 1 { // somebody types a password into the field of the name
		_, _ = h.SignIn(t.Context(), "my secret word", "vera", here)
	}
	entries, _, err := h.state.Audit(t.Context(), "", 500)
	if err != nil || len(entries) < 5 {
		t.Fatal(len(entries), err)
	}
	rows, err := h.state.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	kept := h.log.String()
	for _, e := range entries {
		kept += e.Actor + e.Target + string(e.Before) + string(e.After)
	}
	for _, r := range rows {
		kept += r.Key + string(r.Body)
	}
	for what, secret := range map[string]string{
		"first password": first, "password": goodWord, "new password": otherWord, "session": session, "token": token,
		"administrator's token": adminToken, "what was typed as a name": "my secret",
	} {
		if strings.Contains(kept, secret) {
			t.Errorf("the %s is written down", what)
		}
	}
}

func TestAuditOfEverything(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.add("vera", Viewer, "a.B")
	secret := h.signIn("vera")
	if err := h.SignOut(ctx, secret, "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	h.signIn("vera")
	if err := h.EndSessions(ctx, "vera", "", by); err != nil {
		t.Fatal(err)
	}
	operator := Operator
	if _, err := h.ChangeUser(ctx, UserChange{Name: "vera", Role: &operator}, by); err != nil {
		t.Fatal(err)
	}
	made, _, err := h.AddToken(ctx, NewToken{User: "vera", Label: "ci", Role: Viewer}, root, "192.0.2.9")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.RevokeToken(ctx, made.ID, by); err != nil {
		t.Fatal(err)
	}
	if err := h.SetPassword(ctx, "vera", otherWord, false, by); err != nil {
		t.Fatal(err)
	}
	_, _ = h.SignIn(ctx, "vera", goodWord, here)
	_, _ = h.SignIn(ctx, "vera", goodWord, here)
	if err := h.RemoveUser(ctx, "vera", 0, by); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"host add-user admin", "admin add-user vera", "vera sign-in vera", "vera sign-out vera", "vera sign-in vera", "admin end-sessions vera",
		"admin change-user vera", "admin add-token " + made.ID, "admin revoke-token " + made.ID, "admin set-password vera",
		"host sign-in-failed vera", "admin remove-user vera",
	}
	if got := h.audited(); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	entries, _, err := h.state.Audit(ctx, "", 500)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Action == "change-user" && (!strings.Contains(string(e.Before), `"viewer"`) || !strings.Contains(string(e.After), `"operator"`)) {
			t.Errorf("before %s, after %s", e.Before, e.After)
		}
	}
}

// Many at once: nothing is torn, and no administrator is lost.
func TestManyAtOnce(t *testing.T) {
	h := newHouse(t)
	h.add("ann", Administrator)
	h.add("bob", Administrator)
	viewer := Viewer
	var group sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	group.Go(func() { h.Run(ctx) })
	token := h.token(NewToken{User: "ann", Role: Operator})
	for _, name := range []string{"admin", "ann", "bob"} {
		group.Go(func() { _, _ = h.ChangeUser(ctx, UserChange{Name: name, Role: &viewer}, by) })
		group.Go(func() {
			for range 50 {
				_, _ = h.Bearer(ctx, token)
				h.Users()
				h.Tokens("")
			}
		})
		group.Go(func() {
			for range 3 {
				if s, err := h.SignIn(ctx, name, goodWord, Origin{Remote: name}); err == nil {
					_, _ = h.Session(ctx, s.Secret)
					_ = h.SignOut(ctx, s.Secret, "")
				}
			}
		})
	}
	group.Go(func() { h.flush(); cancel() })
	group.Wait()
	left := 0
	for _, u := range h.Users() {
		if u.Role == Administrator {
			left++
		}
	}
	if left == 0 {
		t.Error("nobody is an administrator any more")
	}
	h.restart()
	if len(h.Users()) != 3 {
		t.Errorf("%+v", h.Users())
	}
}
