package accounts

import (
	"context"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/state"
)

// attempt is one try to show who somebody is.
type attempt struct {
	of      *Accounts
	network string
	remote  string
	name    string // "" when only the address counts
	known   bool   // there is a user with the name
}

// try counts a try, or refuses it. name is what was typed: it counts whether or not
// there is such a user, u, so that nobody can tell.
func (a *Accounts) try(u *user, name string, from Origin) (attempt, error) {
	t := attempt{of: a, network: network(from.Remote), remote: from.Remote, name: name, known: u != nil}
	if len(name) > maxName {
		t.name = name[:maxName]
	}
	now := a.cfg.Now()
	wait := a.addresses.begin(t.network, false, now)
	if wait == 0 && t.name != "" {
		if wait = a.names.begin(t.name, t.known, now); wait > 0 {
			a.addresses.right(t.network, false)
		}
	}
	if wait > 0 {
		wait = wait.Truncate(time.Second) + time.Second
		return t, &Error{Code: Exhausted, After: wait, Message: "there were too many wrong tries", Hint: "wait " + wait.String() + " and try again"}
	}
	return t, nil
}

func (t attempt) right() {
	t.of.addresses.right(t.network, false)
	if t.name != "" {
		t.of.names.right(t.name, t.known)
	}
}

// lasting is ctx for what is written down whether or not the client waits for it.
func lasting(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), writePatience)
}

// wrong writes down that a try went wrong, once in a window. A name that nobody has is
// not shown: it may be a password that was typed into the wrong field.
func (t attempt) wrong(ctx context.Context) {
	name := ""
	if t.known {
		name = t.name
	}
	first, closed := t.of.addresses.wrong(t.network, false)
	if t.name != "" {
		firstOfName, closedName := t.of.names.wrong(t.name, t.known)
		first, closed = first || firstOfName && t.known, closed || closedName && t.known
	}
	for _, e := range []struct {
		when         bool
		action, text string
	}{{first, "sign-in-failed", "a sign-in was refused"}, {closed, "lock-out", "too many sign-ins were refused; more are not looked at for a while"}} {
		if !e.when {
			continue
		}
		t.of.cfg.Log.Warn(e.text, "user", name, "remote", t.remote)
		audit := entry(Actor{Name: "host", Remote: t.remote}, e.action, name, nil, nil)
		ctx, cancel := lasting(ctx)
		defer cancel()
		if err := t.of.cfg.State.ChangeAccounts(ctx, state.AccountChange{Audit: []state.AuditEntry{audit}}); err != nil {
			t.of.cfg.Log.Error("a refused sign-in is not in the audit trail", "error", err)
		}
	}
}
