package accounts

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/state"
)

const (
	// SessionIdle and SessionLife are how long a session lasts without being used, and
	// at most.
	SessionIdle = 2 * time.Hour
	SessionLife = 12 * time.Hour
	// maxSessionsOf bounds the sessions of one user, maxSessions those of all. The one
	// that was not used for the longest time goes first.
	maxSessionsOf = 20
	maxSessions   = 4096
	maxAgent      = 200 // bytes
)

// wrong is the answer to all that does not let somebody in: it never tells what of it
// was wrong, or whether there is such a user.
func wrong() *Error {
	return &Error{Code: Unauthenticated, Message: "the name or the password is wrong"}
}

// SignIn begins a session of the user with this name and password. The refusals are
// Unauthenticated; Exhausted after too many of them from one network, or for one name;
// and Unavailable.
func (a *Accounts) SignIn(ctx context.Context, name, password string, from Origin) (Session, error) {
	name = strings.ToLower(strings.TrimSpace(name))
	u := a.user(name)
	var kept *hash
	if u != nil && !u.Disabled {
		kept = u.Hash
	}
	tried, err := a.try(u, name, from)
	if err != nil {
		return Session{}, err
	}
	right, err := a.hasher.check(ctx, kept, password)
	if err != nil {
		tried.right()
		return Session{}, err
	}
	if !right {
		tried.wrong(ctx)
		return Session{}, wrong()
	}
	tried.right()
	var better *hash
	if kept.Cost != a.cfg.cost {
		if better, err = a.hasher.make(ctx, password, a.cfg.cost); err != nil {
			better = nil // next time
		}
	}
	a.changing.Lock()
	defer a.changing.Unlock()
	now := a.user(name)
	if now == nil || now.Disabled || now.Hash != kept { // changed meanwhile
		return Session{}, wrong()
	}
	return a.begin(ctx, now, &session{User: name, Via: ViaPassword}, better, from)
}

// SignInWithAdminToken begins a session of the bearer of conf/admin.token.
func (a *Accounts) SignInWithAdminToken(ctx context.Context, secret string, from Origin) (Session, error) {
	tried, err := a.try(nil, "", from)
	if err != nil {
		return Session{}, err
	}
	if a.adminToken == "" || digestOf(strings.TrimSpace(secret)) != a.adminToken {
		tried.wrong(ctx)
		return Session{}, &Error{Code: Unauthenticated, Message: "this is not the administrator's token"}
	}
	tried.right()
	a.changing.Lock()
	defer a.changing.Unlock()
	return a.begin(ctx, nil, &session{User: LocalAdministrator, Via: ViaAdminToken, AdminToken: a.adminToken}, nil, from)
}

// begin makes s a session of u, which is nil for the bearer of the administrator's
// token. The caller holds changing. Where the disk does not take it the session lives in
// memory until it does: just then an administrator has something to do.
func (a *Accounts) begin(ctx context.Context, u *user, s *session, better *hash, from Origin) (Session, error) {
	now := a.cfg.Now().UTC().Truncate(time.Second)
	secret := rand.Text() + rand.Text()
	s.digest, s.Created, s.Remote, s.Agent = digestOf(secret), now, from.Remote, clip(from.Agent, maxAgent)
	s.used.touch(now)
	rows := []state.Account{s.row()}
	gone := a.surplus(s.User)
	for _, d := range gone {
		rows = append(rows, state.Account{Kind: kindSession, Key: d})
	}
	var next *user
	if u != nil {
		next = u.copy()
		next.seen.touch(now)
		if better != nil {
			next.Hash = better
		}
		rows = append(rows, next.row())
	}
	by := Actor{Name: s.User, Remote: from.Remote}
	ctx, cancel := lasting(ctx)
	defer cancel()
	err := a.save(ctx, entry(by, "sign-in", s.User, nil, map[string]Via{"via": s.Via}), rows...)
	if err != nil {
		a.cfg.Log.Error("a sign-in cannot be written down; the session ends with the host", "user", s.User, "remote", from.Remote, "error", err)
	} else {
		s.used.saved = now.Unix()
		a.cfg.Log.Info("signed in", "user", s.User, "via", string(s.Via), "remote", from.Remote)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, d := range gone {
		delete(a.sessions, d)
	}
	if next != nil && err == nil {
		a.users[next.Name] = next
	}
	a.sessions[s.digest] = s
	id, _ := a.identityOf(s, now)
	return Session{Secret: secret, Identity: id, Expires: now.Add(SessionLife)}, nil
}

// surplus returns the sessions that make room for one more of name.
func (a *Accounts) surplus(name string) []string {
	a.mu.RLock()
	defer a.mu.RUnlock()
	var all, own []*session
	for _, s := range a.sessions {
		all = append(all, s)
		if s.User == name {
			own = append(own, s)
		}
	}
	var gone []string
	for _, l := range []struct {
		list []*session
		most int
	}{{own, maxSessionsOf}, {all, maxSessions}} {
		slices.SortFunc(l.list, func(x, y *session) int { return x.lastUse().Compare(y.lastUse()) })
		for i := range max(0, len(l.list)-l.most+1) {
			if d := l.list[i].digest; !slices.Contains(gone, d) {
				gone = append(gone, d)
			}
		}
	}
	return gone
}

// Session returns who has the session with this secret, and counts as its use.
func (a *Accounts) Session(_ context.Context, secret string) (Identity, error) {
	return a.session(secret, true)
}

// Peek is Session for what is not asked for by a person: it does not count as use.
func (a *Accounts) Peek(_ context.Context, secret string) (Identity, error) {
	return a.session(secret, false)
}

func (a *Accounts) session(secret string, use bool) (Identity, error) {
	none := &Error{Code: Unauthenticated, Message: "there is no such session, or it has ended"}
	if secret == "" || len(secret) > 256 {
		return Identity{}, none
	}
	d, now := digestOf(secret), a.cfg.Now()
	a.mu.RLock()
	defer a.mu.RUnlock()
	s := a.sessions[d]
	if s == nil {
		return Identity{}, none
	}
	id, ok := a.identityOf(s, now)
	if !ok {
		return Identity{}, none
	}
	if !use {
		return id, nil
	}
	s.used.touch(now)
	if u := a.users[s.User]; u != nil && s.Via != ViaAdminToken {
		u.seen.touch(now)
	}
	return id, nil
}

// identityOf returns whose session s is, false when it has ended. The caller holds mu.
func (a *Accounts) identityOf(s *session, now time.Time) (Identity, bool) {
	if a.ended(s, now) {
		return Identity{}, false
	}
	if s.Via == ViaAdminToken {
		id := bearerOfAdminToken()
		id.Session = s.id()
		return id, true
	}
	u := a.users[s.User]
	return Identity{Name: u.Name, Role: u.Role, Owns: u.Owns, Via: s.Via, MustChange: u.MustChange, Session: s.id()}, true
}

func bearerOfAdminToken() Identity {
	return Identity{Name: LocalAdministrator, Role: Administrator, Via: ViaAdminToken}
}

// ended reports whether s is over. The caller holds mu, or is Open.
func (a *Accounts) ended(s *session, now time.Time) bool {
	if !now.Before(s.Created.Add(SessionLife)) || !now.Before(s.lastUse().Add(SessionIdle)) {
		return true
	}
	if s.Via == ViaAdminToken {
		return a.adminToken == "" || s.AdminToken != a.adminToken
	}
	u := a.users[s.User]
	return u == nil || u.Disabled
}

// id names a session without giving it away.
func (s *session) id() string { return s.digest[:16] }

// SignOut ends the session with this secret.
func (a *Accounts) SignOut(ctx context.Context, secret, remote string) error {
	a.changing.Lock()
	defer a.changing.Unlock()
	a.mu.RLock()
	s := a.sessions[digestOf(secret)]
	a.mu.RUnlock()
	if s == nil {
		return nil
	}
	return a.end(ctx, entry(Actor{Name: s.User, Remote: remote}, "sign-out", s.User, nil, nil), s.digest)
}

// end ends sessions. The caller holds changing. They are over also when that could not be
// written down; then the host has them again after a restart, which the error says.
func (a *Accounts) end(ctx context.Context, audit state.AuditEntry, digests ...string) error {
	a.mu.Lock()
	for _, d := range digests {
		delete(a.sessions, d)
	}
	a.mu.Unlock()
	return a.save(ctx, audit, endRows(digests)...)
}

func endRows(digests []string) []state.Account {
	rows := make([]state.Account, len(digests))
	for i, d := range digests {
		rows[i] = state.Account{Kind: kindSession, Key: d}
	}
	return rows
}

// Sessions returns the sessions of a user, the one that was used last first. Those that
// began with the administrator's token are those of admin.
func (a *Accounts) Sessions(name string) []OpenSession {
	now := a.cfg.Now()
	a.mu.RLock()
	defer a.mu.RUnlock()
	list := []OpenSession{}
	for _, s := range a.sessions {
		if s.User == name && !a.ended(s, now) {
			list = append(list, OpenSession{ID: s.id(), Via: s.Via, Created: s.Created, Used: s.lastUse(), Remote: s.Remote, Agent: s.Agent})
		}
	}
	slices.SortFunc(list, func(x, y OpenSession) int { return y.Used.Compare(x.Used) })
	return list
}

// EndSessions ends the session of a user with this id, or with id "" all of them.
func (a *Accounts) EndSessions(ctx context.Context, name, id string, by Actor) error {
	a.changing.Lock()
	defer a.changing.Unlock()
	var gone []string
	a.mu.RLock()
	for _, s := range a.sessions {
		if s.User == name && (id == "" || s.id() == id) {
			gone = append(gone, s.digest)
		}
	}
	a.mu.RUnlock()
	if len(gone) == 0 {
		if id == "" {
			return nil
		}
		return &Error{Code: NotFound, Message: "there is no such session of " + name}
	}
	return a.end(ctx, entry(by, "end-sessions", name, map[string]int{"sessions": len(gone)}, nil), gone...)
}

// sessionsOf returns the digests of all sessions of a user that did not begin with the
// administrator's token.
func (a *Accounts) sessionsOf(name string) []string {
	a.mu.RLock()
	defer a.mu.RUnlock()
	var list []string
	for _, s := range a.sessions {
		if s.User == name && s.Via != ViaAdminToken {
			list = append(list, s.digest)
		}
	}
	return list
}

func (a *Accounts) user(name string) *user {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.users[name]
}
