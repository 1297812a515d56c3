package accounts

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/jackfield-host/jackfield/host/internal/state"
)

const (
	// TokenPrefix is how the secret of every token begins, so that a search for secrets
	// that have got lost finds it.
	TokenPrefix = "jfk_"
	secretChars = 40 // after the prefix: 200 bits
	maxTokens   = 10_000
	maxTokensOf = 100
	maxLabel    = 80 // characters
)

// Bearer returns who has the token with this secret, and counts as its use.
func (a *Accounts) Bearer(_ context.Context, secret string) (Identity, error) {
	none := &Error{Code: Unauthenticated, Message: "the host does not know this token"}
	if secret == "" || len(secret) > 256 {
		return Identity{}, none
	}
	d, now := digestOf(secret), a.cfg.Now()
	if a.adminToken != "" && subtle.ConstantTimeCompare([]byte(d), []byte(a.adminToken)) == 1 {
		return bearerOfAdminToken(), nil
	}
	a.mu.RLock()
	defer a.mu.RUnlock()
	t := a.tokens[d]
	if t == nil {
		return Identity{}, none
	}
	u := a.users[t.User]
	switch {
	case u == nil || u.Disabled:
		return Identity{}, none
	case t.Expires != nil && !now.Before(*t.Expires):
		return Identity{}, &Error{Code: Unauthenticated, Message: "this token has expired"}
	}
	t.used.touch(now)
	u.seen.touch(now)
	id := Identity{Name: u.Name, Role: t.Role, Extensions: t.Extensions, Via: ViaToken, Expires: t.Expires}
	if !u.Role.Covers(t.Role) {
		id.Role = u.Role
	}
	if t.Owner {
		id.Owns = u.Owns
		if t.Extensions != nil {
			id.Owns = common(u.Owns, t.Extensions)
		}
	}
	return id, nil
}

func common(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(id string) bool { return !slices.Contains(b, id) })
}

// Tokens returns the tokens of a user, or with "" all of them, the newest first.
func (a *Accounts) Tokens(user string) []Token {
	a.mu.RLock()
	defer a.mu.RUnlock()
	list := []Token{}
	for _, t := range a.tokens {
		if user == "" || t.User == user {
			list = append(list, t.public())
		}
	}
	slices.SortFunc(list, func(x, y Token) int {
		if c := y.Created.Compare(x.Created); c != 0 {
			return c
		}
		return strings.Compare(x.ID, y.ID)
	})
	return list
}

// Token returns one token. The error is NotFound.
func (a *Accounts) Token(id string) (Token, error) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	for _, t := range a.tokens {
		if t.ID == id {
			return t.public(), nil
		}
	}
	return Token{}, &Error{Code: NotFound, Message: fmt.Sprintf("there is no token %q", clip(id, maxName)), Hint: "the list of tokens has the ids"}
}

// AddToken makes a token and returns its secret, which nobody can see again. It is worth
// no more than maker is: no higher role, no other extensions, no later end; and only an
// administrator makes one for somebody else.
func (a *Accounts) AddToken(ctx context.Context, n NewToken, maker Identity, remote string) (Token, string, error) {
	if n.User == "" {
		n.User = maker.Name
	}
	if n.Extensions != nil {
		ids, err := checkIDs(n.Extensions)
		if err != nil {
			return Token{}, "", err
		}
		n.Extensions = ids
	}
	now := a.cfg.Now().UTC()
	if err := n.check(now); err != nil {
		return Token{}, "", err
	}
	if err := n.within(maker); err != nil {
		return Token{}, "", err
	}
	a.changing.Lock()
	defer a.changing.Unlock()
	u := a.user(n.User)
	switch {
	case u == nil:
		return Token{}, "", noUser(n.User)
	case !u.Role.Covers(n.Role):
		return Token{}, "", &Error{Code: Invalid, Message: fmt.Sprintf("%s is no %s", u.Name, n.Role), Hint: "the role of a token is at most that of its user, " + string(u.Role)}
	}
	a.mu.RLock()
	all, own := len(a.tokens), 0
	for _, t := range a.tokens {
		if t.User == u.Name {
			own++
		}
	}
	a.mu.RUnlock()
	if all >= maxTokens || own >= maxTokensOf {
		return Token{}, "", &Error{Code: Conflict, Message: fmt.Sprintf("%s has %d tokens, all users together %d", u.Name, own, all), Hint: "revoke those that nobody uses"}
	}
	secret := TokenPrefix + (rand.Text() + rand.Text())[:secretChars]
	t := &token{Digest: digestOf(secret), Token: Token{
		ID: strings.ToLower(rand.Text()[:12]), Label: n.Label, User: u.Name, Role: n.Role, Owner: n.Owner,
		Extensions: n.Extensions, Created: now, Expires: n.Expires,
	}}
	by := Actor{Name: maker.Name, Remote: remote}
	if err := a.save(ctx, entry(by, "add-token", t.ID, nil, t.public()), t.row()); err != nil {
		return Token{}, "", err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tokens[t.Digest] = t
	return t.public(), secret, nil
}

func (n *NewToken) check(now time.Time) error {
	bad := func(message, hint string) error { return &Error{Code: Invalid, Message: message, Hint: hint} }
	switch {
	case !n.Role.Valid():
		return noRole(n.Role)
	case n.Label == "" || len([]rune(n.Label)) > maxLabel || strings.ContainsFunc(n.Label, func(r rune) bool { return !unicode.IsPrint(r) }):
		return bad(fmt.Sprintf("the label must be 1 to %d visible characters", maxLabel), "say what the token is for")
	case n.Extensions != nil && len(n.Extensions) == 0:
		return bad("the list of extensions is empty", "leave it out for all extensions")
	}
	if n.Expires == nil {
		return nil
	}
	end := n.Expires.UTC().Truncate(time.Second)
	if !now.Before(end) || end.Year() > 9000 {
		return bad("the token would have expired already, or never does", "give a time that is to come")
	}
	n.Expires = &end
	return nil
}

// within refuses a token that is worth more than maker.
func (n *NewToken) within(maker Identity) error {
	denied := func(message string) error { return &Error{Code: PermissionDenied, Message: message} }
	switch {
	case n.User != maker.Name && maker.Role != Administrator:
		return denied("only an administrator makes tokens for others")
	case !maker.Role.Covers(n.Role):
		return denied("a token can not have a higher role than its maker, " + string(maker.Role))
	case maker.Extensions != nil && (n.Extensions == nil || len(common(n.Extensions, maker.Extensions)) < len(n.Extensions)):
		return denied("a token can not be good for more extensions than the one that makes it")
	case maker.Expires != nil && (n.Expires == nil || n.Expires.After(*maker.Expires)):
		return denied("a token can not last longer than the one that makes it")
	case maker.Via == ViaToken && n.Owner && len(maker.Owns) == 0:
		return denied("the token that makes it does not carry what its user owns")
	}
	return nil
}

// RevokeToken ends a token.
func (a *Accounts) RevokeToken(ctx context.Context, id string, by Actor) error {
	a.changing.Lock()
	defer a.changing.Unlock()
	before, err := a.Token(id)
	if err != nil {
		return err
	}
	audit := entry(by, "revoke-token", id, before, nil)
	if err := a.save(ctx, audit, state.Account{Kind: kindToken, Key: id}); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for d, t := range a.tokens {
		if t.ID == id {
			delete(a.tokens, d)
		}
	}
	return nil
}
