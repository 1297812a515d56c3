package accounts

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/host/internal/state"
)

const (
	maxName  = 64
	maxUsers = 5000
	maxOwned = 500
	maxID    = 255 // bytes of an extension's id
)

// CheckName refuses what can not be the name of a user: 1 to 64 of a-z, 0-9 and
// . _ @ + -, with a letter or digit first, and not one of the actors of the audit trail
// that are no users.
func CheckName(name string) error {
	bad := func(why string) error {
		return &Error{Code: Invalid, Message: fmt.Sprintf("the name %q %s", clip(name, maxName), why),
			Hint: fmt.Sprintf("a name is 1 to %d of a-z, 0-9 and . _ @ + -, with a letter or digit first", maxName)}
	}
	switch {
	case name == "" || len(name) > maxName:
		return bad("is empty or too long")
	case name == "host" || name == "folder":
		return bad("stands for the host itself in the audit trail")
	case !alphanumeric(rune(name[0])):
		return bad("does not begin with a letter or digit")
	}
	for _, r := range name {
		if !alphanumeric(r) && !strings.ContainsRune("._@+-", r) {
			return bad("has other characters")
		}
	}
	return nil
}

func alphanumeric(r rune) bool { return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' }

// checkIDs returns the ids of extensions sorted and without doubles. They need not be
// installed.
func checkIDs(ids []string) ([]string, error) {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if len(ids) > maxOwned {
		return nil, &Error{Code: Invalid, Message: fmt.Sprintf("%d extensions are too many; %d is the most", len(ids), maxOwned)}
	}
	for _, id := range ids {
		if id == "" || len(id) > maxID || !utf8.ValidString(id) || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r == '/' || r == 0x7f }) {
			return nil, &Error{Code: Invalid, Message: fmt.Sprintf("%q can not be the id of an extension", clip(id, maxName))}
		}
	}
	return ids, nil
}

// clip bounds a text, at a rune.
func clip(s string, most int) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

func noUser(name string) *Error {
	return &Error{Code: NotFound, Message: fmt.Sprintf("there is no user %q", clip(name, maxName)), Hint: "the list of users has the names"}
}

// shown is what the audit trail keeps of a user.
type shown struct {
	Role       Role     `json:"role"`
	Owns       []string `json:"owns"`
	Source     Source   `json:"source"`
	Disabled   bool     `json:"disabled"`
	MustChange bool     `json:"must_change"`
}

func (u *user) shown() shown {
	return shown{u.Role, append([]string{}, u.Owns...), u.Source, u.Disabled, u.MustChange}
}

// Users returns all users by name.
func (a *Accounts) Users() []User {
	a.mu.RLock()
	defer a.mu.RUnlock()
	list := make([]User, 0, len(a.users))
	for _, u := range a.users {
		list = append(list, u.public())
	}
	slices.SortFunc(list, func(x, y User) int { return strings.Compare(x.Name, y.Name) })
	return list
}

// User returns one user. The error is NotFound.
func (a *Accounts) User(name string) (User, error) {
	u := a.user(name)
	if u == nil {
		return User{}, noUser(name)
	}
	return u.public(), nil
}

// AddUser makes a user with a password, who has to change it at the first sign-in.
func (a *Accounts) AddUser(ctx context.Context, n NewUser, by Actor) (User, error) {
	owns, err := checkIDs(n.Owns)
	if err == nil {
		err = CheckName(n.Name)
	}
	if err == nil && !n.Role.Valid() {
		err = noRole(n.Role)
	}
	if err == nil {
		err = checkPassword(n.Password, n.Name)
	}
	if err != nil {
		return User{}, err
	}
	kept, err := a.hasher.make(ctx, n.Password, a.cfg.cost)
	if err != nil {
		return User{}, err
	}
	u := &user{User: User{Name: n.Name, Role: n.Role, Owns: owns, Source: Local, MustChange: !n.Keep}, Hash: kept}
	a.changing.Lock()
	defer a.changing.Unlock()
	return a.add(ctx, u, by)
}

// add is for whoever holds changing.
func (a *Accounts) add(ctx context.Context, u *user, by Actor) (User, error) {
	a.mu.RLock()
	_, taken := a.users[u.Name]
	count := len(a.users)
	a.mu.RUnlock()
	if taken {
		return User{}, &Error{Code: Conflict, Message: fmt.Sprintf("there is a user %q already", u.Name), Hint: "take another name, or change that user"}
	}
	if count >= maxUsers {
		return User{}, &Error{Code: Conflict, Message: fmt.Sprintf("there are %d users, which is the most", count)}
	}
	u.Created, u.Revision = a.cfg.Now().UTC(), 1
	if err := a.save(ctx, entry(by, "add-user", u.Name, nil, u.shown()), u.row()); err != nil {
		return User{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.users[u.Name] = u
	return u.public(), nil
}

func noRole(r Role) error {
	return &Error{Code: Invalid, Message: fmt.Sprintf("%q is no role", clip(string(r), maxName)), Hint: "the roles are viewer, operator and administrator"}
}

// ChangeUser changes role, owned extensions or whether a user is disabled. Another role,
// or to be disabled, ends the sessions of the user. The role of somebody who signs in at
// the OpenID provider is said there.
func (a *Accounts) ChangeUser(ctx context.Context, c UserChange, by Actor) (User, error) {
	a.changing.Lock()
	defer a.changing.Unlock()
	u := a.user(c.Name)
	if u == nil {
		return User{}, noUser(c.Name)
	}
	if c.Revision != 0 && c.Revision != u.Revision {
		return User{}, &Error{Code: Changed, Message: fmt.Sprintf("the user %q was changed meanwhile", u.Name), Hint: "look at it again and repeat the change"}
	}
	next := u.copy()
	if c.Role != nil {
		switch {
		case !c.Role.Valid():
			return User{}, noRole(*c.Role)
		case u.Source == OpenID && *c.Role != u.Role:
			return User{}, &Error{Code: Conflict, Message: fmt.Sprintf("the role of %q comes from the OpenID provider", u.Name), Hint: "change it there; it holds from the next sign-in on"}
		}
		next.Role = *c.Role
	}
	if c.Owns != nil {
		owns, err := checkIDs(*c.Owns)
		if err != nil {
			return User{}, err
		}
		next.Owns = owns
	}
	if c.Disabled != nil {
		next.Disabled = *c.Disabled
	}
	return a.replace(ctx, u, next, "change-user", by)
}

// replace is put for changes that are made here: an administrator must be left. The
// caller holds changing.
func (a *Accounts) replace(ctx context.Context, u, next *user, action string, by Actor) (User, error) {
	if u.isAdministrator() && !next.isAdministrator() && a.lastAdministrator(u.Name) {
		return User{}, lastAdministrator(u.Name)
	}
	return a.put(ctx, u, next, action, by)
}

// put puts next in the place of u, and ends the sessions of u if they must not go on.
// The caller holds changing.
func (a *Accounts) put(ctx context.Context, u, next *user, action string, by Actor) (User, error) {
	next.Revision = u.Revision + 1
	rows := []state.Account{next.row()}
	var gone []string
	if next.Role != u.Role || next.Hash != u.Hash || next.Disabled && !u.Disabled {
		gone = a.sessionsOf(u.Name)
		rows = append(rows, endRows(gone)...)
	}
	if err := a.save(ctx, entry(by, action, u.Name, u.shown(), next.shown()), rows...); err != nil {
		return User{}, err
	}
	a.mu.Lock()
	a.users[u.Name] = next
	for _, d := range gone {
		delete(a.sessions, d)
	}
	a.mu.Unlock()
	if u.Initial && !next.Initial {
		a.removePasswordFile()
	}
	return next.public(), nil
}

func (u *user) isAdministrator() bool { return u.Role == Administrator && !u.Disabled }

// lastAdministrator reports whether nobody but name is an administrator.
func (a *Accounts) lastAdministrator(name string) bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	for _, u := range a.users {
		if u.Name != name && u.isAdministrator() {
			return false
		}
	}
	return true
}

func lastAdministrator(name string) error {
	return &Error{Code: Conflict, Message: fmt.Sprintf("%q is the last administrator that is enabled", name), Hint: "make somebody else an administrator first"}
}

// RemoveUser removes a user with the sessions and tokens of theirs.
func (a *Accounts) RemoveUser(ctx context.Context, name string, revision int64, by Actor) error {
	a.changing.Lock()
	defer a.changing.Unlock()
	u := a.user(name)
	if u == nil {
		return noUser(name)
	}
	if revision != 0 && revision != u.Revision {
		return &Error{Code: Changed, Message: fmt.Sprintf("the user %q was changed meanwhile", name), Hint: "look at it again and repeat the change"}
	}
	if u.isAdministrator() && a.lastAdministrator(name) {
		return lastAdministrator(name)
	}
	gone := a.sessionsOf(name)
	rows := append(endRows(gone), state.Account{Kind: kindUser, Key: name})
	var tokens []string
	a.mu.RLock()
	for d, t := range a.tokens {
		if t.User == name {
			tokens = append(tokens, d)
			rows = append(rows, state.Account{Kind: kindToken, Key: t.ID})
		}
	}
	a.mu.RUnlock()
	if err := a.save(ctx, entry(by, "remove-user", name, u.shown(), nil), rows...); err != nil {
		return err
	}
	a.mu.Lock()
	delete(a.users, name)
	for _, d := range gone {
		delete(a.sessions, d)
	}
	for _, d := range tokens {
		delete(a.tokens, d)
	}
	a.mu.Unlock()
	if u.Initial {
		a.removePasswordFile()
	}
	return nil
}

// SetPassword gives a user another password, which they have to change at the next
// sign-in unless keep says otherwise, and ends their sessions.
func (a *Accounts) SetPassword(ctx context.Context, name, password string, keep bool, by Actor) error {
	u := a.user(name)
	if u == nil {
		return noUser(name)
	}
	if u.Source != Local {
		return noPassword(name)
	}
	if err := checkPassword(password, name); err != nil {
		return err
	}
	kept, err := a.hasher.make(ctx, password, a.cfg.cost)
	if err != nil {
		return err
	}
	a.changing.Lock()
	defer a.changing.Unlock()
	return a.putPassword(ctx, name, kept, !keep, by)
}

func noPassword(name string) error {
	return &Error{Code: Conflict, Message: fmt.Sprintf("%q has no password here", name), Hint: "it is with the OpenID provider"}
}

// putPassword is for whoever holds changing.
func (a *Accounts) putPassword(ctx context.Context, name string, kept *hash, mustChange bool, by Actor) error {
	u := a.user(name)
	if u == nil {
		return noUser(name)
	}
	next := u.copy()
	next.Hash, next.MustChange, next.Initial = kept, mustChange, false
	_, err := a.replace(ctx, u, next, "set-password", by)
	return err
}

// ChangePassword is how users change their own password: old is the one that holds. All
// their sessions end, and a new one begins.
func (a *Accounts) ChangePassword(ctx context.Context, name, old, password string, from Origin) (Session, error) {
	u := a.user(name)
	if u == nil || u.Disabled {
		return Session{}, wrong()
	}
	if u.Source != Local {
		return Session{}, noPassword(name)
	}
	tried, err := a.try(u, name, from)
	if err != nil {
		return Session{}, err
	}
	right, err := a.hasher.check(ctx, u.Hash, old)
	if err != nil {
		tried.right()
		return Session{}, err
	}
	if !right {
		tried.wrong(ctx)
		return Session{}, &Error{Code: Unauthenticated, Message: "the old password is wrong"}
	}
	tried.right()
	if password == old {
		return Session{}, &Error{Code: Invalid, Message: "the new password is the old one"}
	}
	if err := checkPassword(password, name); err != nil {
		return Session{}, err
	}
	kept, err := a.hasher.make(ctx, password, a.cfg.cost)
	if err != nil {
		return Session{}, err
	}
	a.changing.Lock()
	defer a.changing.Unlock()
	if now := a.user(name); now == nil || now.Disabled || now.Hash != u.Hash { // changed meanwhile
		return Session{}, wrong()
	}
	if err := a.putPassword(ctx, name, kept, false, Actor{Name: name, Remote: from.Remote}); err != nil {
		return Session{}, err
	}
	return a.begin(ctx, a.user(name), &session{User: name, Via: ViaPassword}, nil, from)
}
