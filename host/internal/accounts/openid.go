package accounts

import (
	"context"
	"fmt"
	"strings"
)

// Admit begins a session of somebody for whom the OpenID provider speaks. The first time
// it makes a user of theirs, whom issuer and subject name from then on; the role is what
// the provider says each time. A name that another user has is Conflict, a user who is
// disabled here is PermissionDenied.
func (a *Accounts) Admit(ctx context.Context, c Claim, from Origin) (Session, error) {
	if c.Issuer == "" || c.Subject == "" || !c.Role.Valid() {
		return Session{}, &Error{Code: PermissionDenied, Message: "the OpenID provider gives no role here", Hint: "ask an administrator of this host which roles let in"}
	}
	a.changing.Lock()
	defer a.changing.Unlock()
	by := Actor{Name: "host", Remote: from.Remote}
	u := a.bySubject(c)
	switch {
	case u == nil:
		n := &user{User: User{Name: nameOf(c.Name), Role: c.Role, Owns: []string{}, Source: OpenID}, Issuer: c.Issuer, Subject: c.Subject}
		if err := CheckName(n.Name); err != nil {
			return Session{}, err
		}
		if _, err := a.add(ctx, n, by); err != nil {
			return Session{}, err
		}
		u = n
	case u.Disabled:
		return Session{}, &Error{Code: PermissionDenied, Message: fmt.Sprintf("the user %q is disabled", u.Name), Hint: "an administrator of this host can enable it"}
	case u.Role != c.Role:
		if err := a.setRole(ctx, u, c.Role, by); err != nil {
			return Session{}, err
		}
		u = a.user(u.Name)
	}
	return a.begin(ctx, u, &session{User: u.Name, Via: ViaOpenID}, nil, from)
}

// setRole gives u the role that the provider says, also if u was the last administrator:
// what the provider took away must not stay.
func (a *Accounts) setRole(ctx context.Context, u *user, role Role, by Actor) error {
	next := u.copy()
	next.Role = role
	if u.isAdministrator() && role != Administrator && a.lastAdministrator(u.Name) {
		a.cfg.Log.Warn("the OpenID provider has taken the role from the last administrator; conf/admin.token is what is left", "user", u.Name)
	}
	_, err := a.put(ctx, u, next, "change-user", by)
	return err
}

func (a *Accounts) bySubject(c Claim) *user {
	a.mu.RLock()
	defer a.mu.RUnlock()
	for _, u := range a.users {
		if u.Source == OpenID && u.Issuer == c.Issuer && u.Subject == c.Subject {
			return u
		}
	}
	return nil
}

// nameOf makes a name of what the provider calls somebody.
func nameOf(s string) string {
	s = strings.Map(func(r rune) rune {
		if alphanumeric(r) || strings.ContainsRune("._@+-", r) {
			return r
		}
		return '-'
	}, strings.ToLower(strings.TrimSpace(s)))
	return strings.TrimLeft(s[:min(len(s), maxName)], "._@+-")
}
