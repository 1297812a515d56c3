package accounts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/state"
)

// The kinds of rows in the database.
const (
	kindUser    = "user"
	kindToken   = "token"
	kindSession = "session"
)

const (
	// flushEvery is how often the times of last use are written.
	flushEvery = time.Minute
	// writePatience bounds a write that nobody waits for.
	writePatience = 10 * time.Second
)

// digest is what is kept of a random secret, in hexadecimal.
func digestOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// user, token and session are rows. What is in one is never changed once it is in a map,
// but for the time of last use: a change puts another one in its place.
type (
	user struct {
		User
		Hash            *hash  `json:"hash,omitempty"`
		Issuer, Subject string `json:",omitempty"`
		// Initial says that its password is the one of conf/initial-admin-password.
		Initial bool `json:"initial,omitempty"`
		seen    lastUse
	}
	token struct {
		Token
		Digest string `json:"digest"`
		used   lastUse
	}
	session struct {
		User    string    `json:"user"`
		Via     Via       `json:"via"`
		Created time.Time `json:"created"`
		LastUse time.Time `json:"used"`
		Remote  string    `json:"remote"`
		Agent   string    `json:"agent"`
		// AdminToken is the digest of the token by which it began, if it was that one.
		AdminToken string `json:"admin_token,omitempty"`
		digest     string
		used       lastUse
	}
)

// lastUse is when something was used last, and what of that is written down.
type lastUse struct {
	now   atomic.Int64 // Unix seconds
	saved int64        // guarded by Accounts.changing
}

func (l *lastUse) touch(now time.Time) {
	if s := now.Unix(); s > l.now.Load() {
		l.now.Store(s)
	}
}

func (l *lastUse) time() *time.Time {
	s := l.now.Load()
	if s == 0 {
		return nil
	}
	t := time.Unix(s, 0).UTC()
	return &t
}

// Accounts are all who may use a host. All methods may be called from several goroutines.
type Accounts struct {
	cfg        Config
	adminToken string // its digest, or ""
	hasher     *hasher
	addresses  *limit
	names      *limit
	first      string // the first password, if Open has made it

	// changing is held by whoever changes something, from looking at it to having
	// written it.
	changing sync.Mutex

	mu       sync.RWMutex // guards the maps; taken for writing only after the commit
	users    map[string]*user
	tokens   map[string]*token // by digest
	sessions map[string]*session
}

// Open reads the accounts. A host that has no users gets one, admin, with a first
// password that lies in PasswordFile: what is there already, else a random one.
func Open(cfg Config) (*Accounts, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	a := &Accounts{
		cfg: cfg, hasher: newHasher(cfg.cost),
		addresses: newLimit(maxOfAddress, addressWindow), names: newLimit(maxOfName, nameWindow),
		users: map[string]*user{}, tokens: map[string]*token{}, sessions: map[string]*session{},
	}
	if cfg.AdminToken != "" {
		a.adminToken = digestOf(cfg.AdminToken)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := a.load(ctx); err != nil {
		return nil, err
	}
	return a, a.firstUser(ctx)
}

func (a *Accounts) load(ctx context.Context) error {
	rows, err := a.cfg.State.Accounts(ctx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		switch row.Kind {
		case kindUser:
			u := &user{}
			if err = json.Unmarshal(row.Body, u); err == nil {
				u.seen.load(u.LastSeen)
				a.users[row.Key] = u
			}
		case kindToken:
			t := &token{}
			if err = json.Unmarshal(row.Body, t); err == nil {
				t.used.load(t.LastUsed)
				a.tokens[t.Digest] = t
			}
		case kindSession:
			s := &session{digest: row.Key}
			if err = json.Unmarshal(row.Body, s); err == nil {
				s.used.load(&s.LastUse)
				a.sessions[row.Key] = s
			}
		}
		if err != nil {
			return fmt.Errorf("reading the %s %q: %w", row.Kind, row.Key, err)
		}
	}
	a.forgetEnded(ctx)
	return nil
}

// forgetEnded takes out the sessions that are over; and all where the database is a
// backup, which may have some that were ended since.
func (a *Accounts) forgetEnded(ctx context.Context) {
	origin := a.cfg.State.Origin()
	stale := origin == state.Restored || origin == state.Lost
	var gone []string
	for d, s := range a.sessions {
		if stale || a.ended(s, a.cfg.Now()) {
			gone = append(gone, d)
			delete(a.sessions, d)
		}
	}
	if len(gone) == 0 {
		return
	}
	if err := a.cfg.State.ChangeAccounts(ctx, state.AccountChange{Rows: endRows(gone)}); err != nil {
		a.cfg.Log.Warn("sessions that are over can not be taken out of the database", "error", err) // they are over all the same
	}
}

func (l *lastUse) load(t *time.Time) {
	if t != nil && !t.IsZero() {
		l.saved = t.Unix()
		l.now.Store(l.saved)
	}
}

// Run writes down when users, tokens and sessions were used last, and forgets sessions
// that have ended, once a minute and at the end.
func (a *Accounts) Run(ctx context.Context) {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			a.flush()
		case <-ctx.Done():
			a.flush()
			return
		}
	}
}

// flush writes the times of last use. What cannot be written now is written next time.
func (a *Accounts) flush() {
	ctx, cancel := context.WithTimeout(context.Background(), writePatience)
	defer cancel()
	a.changing.Lock()
	defer a.changing.Unlock()
	now := a.cfg.Now()
	var rows []state.Account
	var saved []*lastUse
	var ended []string
	a.mu.RLock()
	for _, u := range a.users {
		if u.seen.now.Load() > u.seen.saved {
			rows, saved = append(rows, u.row()), append(saved, &u.seen)
		}
	}
	for _, t := range a.tokens {
		if t.used.now.Load() > t.used.saved {
			rows, saved = append(rows, t.row()), append(saved, &t.used)
		}
	}
	for _, s := range a.sessions {
		if a.ended(s, now) {
			rows, ended = append(rows, state.Account{Kind: kindSession, Key: s.digest}), append(ended, s.digest)
		} else if s.used.now.Load() > s.used.saved {
			rows, saved = append(rows, s.row()), append(saved, &s.used)
		}
	}
	a.mu.RUnlock()
	if len(rows) == 0 {
		return
	}
	if err := a.cfg.State.ChangeAccounts(ctx, state.AccountChange{Rows: rows, Passing: true}); err != nil {
		a.cfg.Log.Warn("when users, tokens and sessions were used last cannot be written down, trying again", "error", err)
		return
	}
	for _, l := range saved {
		l.saved = l.now.Load()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, d := range ended {
		delete(a.sessions, d)
	}
}

// row makes the row of something; the time of last use is that of now.
func row(kind, key string, v any) state.Account {
	body, err := json.Marshal(v)
	if err != nil { // structs of strings, numbers and times
		body = []byte{} // which is refused: nil would take the row out
	}
	return state.Account{Kind: kind, Key: key, Body: body}
}

func (u *user) row() state.Account { return row(kindUser, u.Name, u.copy()) }

// copy is the row of now, which shares no time of last use with u.
func (u *user) copy() *user {
	c := &user{User: u.public(), Hash: u.Hash, Issuer: u.Issuer, Subject: u.Subject, Initial: u.Initial}
	c.seen.load(u.seen.time())
	c.seen.saved = u.seen.saved
	return c
}

// public is what may be known of u. It is the caller's to keep.
func (u *user) public() User {
	p := u.User
	p.Owns, p.LastSeen = append([]string{}, p.Owns...), u.seen.time()
	return p
}

func (t *token) row() state.Account {
	c := &token{Token: t.public(), Digest: t.Digest}
	return row(kindToken, t.ID, c)
}

func (t *token) public() Token {
	p := t.Token
	p.Extensions, p.LastUsed = slices.Clone(p.Extensions), t.used.time()
	return p
}

func (s *session) row() state.Account {
	c := &session{User: s.User, Via: s.Via, Created: s.Created, LastUse: s.lastUse(), Remote: s.Remote, Agent: s.Agent, AdminToken: s.AdminToken}
	return row(kindSession, s.digest, c)
}

func (s *session) lastUse() time.Time {
	if t := s.used.time(); t != nil {
		return *t
	}
	return s.Created
}

// save makes a change durable. The error says what the caller can tell a client.
func (a *Accounts) save(ctx context.Context, audit state.AuditEntry, rows ...state.Account) error {
	err := a.cfg.State.ChangeAccounts(ctx, state.AccountChange{Rows: rows, Audit: []state.AuditEntry{audit}})
	switch {
	case err == nil:
		return nil
	case errors.Is(err, state.ErrFull), errors.Is(err, state.ErrReadOnly), errors.Is(err, state.ErrClosed),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &Error{Code: Unavailable, Message: "it cannot be written down just now: " + err.Error(), Hint: "nothing has changed; make room, or try again"}
	}
	return fmt.Errorf("saving accounts: %w", err)
}

// entry is a line of the audit trail. before and after are nil or what is shown.
func entry(by Actor, action, target string, before, after any) state.AuditEntry {
	return state.AuditEntry{Actor: by.Name, Remote: by.Remote, Action: action, Target: target, Before: rawJSON(before), After: rawJSON(after)}
}

func rawJSON(v any) json.RawMessage {
	if v == nil {
		return nil
	}
	body, err := json.Marshal(v)
	if err != nil { // structs of strings, numbers and times
		return nil
	}
	return body
}
