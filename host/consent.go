package host

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/state"
)

// Grant is what somebody has decided about one permission of an extension.
type Grant struct {
	// Permission is in the one spelling of extension_permissions.
	Permission string `json:"permission"`
	// By is who decided: folder for who put the first version there, admin, or host.
	By string    `json:"by"`
	At time.Time `json:"at"`
	// Unused says that the current version does not ask for it. It is kept for the
	// versions that can be rolled back to, and forgotten with the last that asks.
	Unused bool `json:"unused"`
}

// Consent is what a version waits for: nobody has decided about Needs.
type Consent struct {
	Version string `json:"version"`
	Digest  string `json:"digest"`
	File    string `json:"file"`
	Needs   []Need `json:"needs"` // never empty
}

// Need is one thing that is to be consented to.
type Need struct {
	Kind NeedKind `json:"kind"`
	// What is the permission, in the one spelling of extension_permissions; or the
	// publisher.
	What string `json:"what"`
}

// String is the need in a list for people.
func (n Need) String() string {
	switch {
	case n.Kind == NeedPermission:
		return n.What
	case n.What == "":
		return "publisher unknown"
	}
	return "publisher " + n.What
}

// NeedKind says of which kind a Need is. The set is closed.
type NeedKind string

// The kinds.
const (
	NeedPermission NeedKind = "permission"
	// NeedPublisher is that somebody else has signed it than the versions before. What
	// is their pin (trust.Pin), or "" when nobody has signed it whom a root vouches for.
	NeedPublisher NeedKind = "publisher"
)

// needsOf is what an extension that asks for these permissions needs and nobody has
// decided about. Before anything was decided about an extension that is all of it.
func needsOf(is state.Extension, asks []string) []Need {
	needs := []Need{}
	for _, p := range asks {
		if _, decided := is.Decision(p); !decided {
			needs = append(needs, Need{NeedPermission, p})
		}
	}
	return needs
}

// permissionsOf are the permissions among needs.
func permissionsOf(needs []Need) []string {
	var list []string
	for _, n := range needs {
		if n.Kind == NeedPermission {
			list = append(list, n.What)
		}
	}
	return list
}

// newPublisherOf is the publisher among them, nil for none.
func newPublisherOf(needs []Need) *string {
	i := slices.IndexFunc(needs, func(n Need) bool { return n.Kind == NeedPublisher })
	if i < 0 {
		return nil
	}
	return &needs[i].What
}

// granted is what of these permissions was granted: all that a process may do.
func granted(is state.Extension, asks []string) []string {
	var list []string
	for _, p := range asks {
		if d, _ := is.Decision(p); d.Granted {
			list = append(list, p)
		}
	}
	return list
}

// grantNeeds grants what nobody has decided about yet. What was denied stays so.
func grantNeeds(x *state.Extension, asks []string, by string, at time.Time) {
	for _, p := range asks {
		if _, decided := x.Decision(p); !decided {
			x.Decide(state.Decision{Permission: p, Granted: true, By: by, At: at})
		}
	}
	x.Consented = true
	x.Rejected = withoutWaiting(x.Rejected)
}

// withoutWaiting leaves those out that wait for consent: whether they still do is for
// the reconciler to see.
func withoutWaiting(list []state.Rejection) []state.Rejection {
	return slices.DeleteFunc(slices.Clone(list), func(r state.Rejection) bool { return r.Code == lifecycle.CodeNeedsConsent })
}

// waiting returns the rejection of the highest version that waits for consent and of
// which there says that it is still to be had, nil for none.
func waiting(is state.Extension, there func(digest string) bool) *state.Rejection {
	var best *state.Rejection
	for i, r := range is.Rejected {
		if r.Code != lifecycle.CodeNeedsConsent || !there(r.Digest) || len(needsOf(is, r.Asks)) == 0 {
			continue
		}
		if best == nil || compareVersions(r.Version, best.Version) > 0 {
			best = &is.Rejected[i]
		}
	}
	return best
}

func compareVersions(a, b string) int {
	one, err1 := bundle.ParseVersion(a)
	two, err2 := bundle.ParseVersion(b)
	if err1 != nil || err2 != nil {
		return cmp.Compare(a, b)
	}
	return one.Compare(two)
}

// namedNeeds bounds how many needs one message names.
const namedNeeds = 20

// needsConsent is the reason of a version that waits.
func needsConsent(id, version string, needs []Need) *lifecycle.Reason {
	return lifecycle.Reasonf(lifecycle.StageManifest, lifecycle.CodeNeedsConsent,
		"version %s asks for %s, which nobody has decided about; `jackfield ext consent %s` grants it, and so does Consent on the admin page",
		version, nameNeeds(needs), id)
}

func nameNeeds(needs []Need) string {
	var names []string
	for i, n := range needs {
		if i == namedNeeds {
			names = append(names, fmt.Sprintf("%d more", len(needs)-i))
			break
		}
		names = append(names, n.What)
	}
	return strings.Join(names, ", ")
}

// grantsOf are the decisions as a row shows them. asks is what the current version asks
// for.
func grantsOf(is state.Extension, asks []string) (grants, denied []Grant) {
	grants, denied = []Grant{}, []Grant{}
	for _, d := range is.Decisions {
		g := Grant{Permission: d.Permission, By: d.By, At: d.At, Unused: !slices.Contains(asks, d.Permission)}
		if d.Granted {
			grants = append(grants, g)
		} else {
			denied = append(denied, g)
		}
	}
	return grants, denied
}

// decide does consent and revoke.
func (h *Host) decide(ctx context.Context, a Action, row Extension) (Extension, error) {
	h.journal.flush(ctx)
	is, _ := h.state.Extension(a.ID)
	d := &decision{action: a, row: row, is: is, at: time.Now()}
	plan := d.consent
	if a.Verb == VerbRevoke {
		plan = d.revoke
	}
	if err := plan(); err != nil {
		return row, err
	}
	d.asked = h.askedFor(a.ID, row.Permissions)
	change := state.Change{ID: a.ID, Edit: d.apply}
	after, _ := h.state.Extension(a.ID)
	d.apply(&after)
	change.Events = []state.Event{{
		Time: d.at, Kind: string(a.Verb), Version: d.version, Digest: d.digest, Actor: a.Actor.Name, Message: d.message(),
	}}
	change.Audit = []state.AuditEntry{auditOf(a, decisionsOf(is), decisionsOf(after))}
	if err := h.state.Change(ctx, change); err != nil {
		return row, err
	}
	h.reconciler.order(a.ID, func(o *orders) {
		more := !d.waits && slices.ContainsFunc(d.grant, func(p string) bool { return slices.Contains(row.Permissions, p) })
		switch {
		case len(granted(is, d.deny)) > 0: // whichever of its processes may do that
			o.renew++
		case more && row.State == lifecycle.Running:
			o.restart++
		case more:
			o.renew++
		}
	})
	h.catalog.Wake()
	return h.synced(ctx, row)
}

// decision is a consent or a revocation on its way.
type decision struct {
	action Action
	row    Extension
	is     state.Extension
	at     time.Time

	version, digest string   // that it is about
	asks            []string // the permissions that may be named
	waits           bool     // the version waits
	publisher       *string  // that is consented to, nil for none
	grant, deny     []string
	asked           func(permission string) bool // by a version that can run
}

// consent finds out which version is meant, and what of it.
func (d *decision) consent() error {
	a, row := d.action, d.row
	d.version, d.digest, d.asks = row.Version, row.Digest, row.Permissions
	if w := row.Consent; w != nil && (a.Digest == "" || a.Digest == w.Digest) {
		d.version, d.digest, d.waits = w.Version, w.Digest, true
		d.asks, d.publisher = permissionsOf(w.Needs), newPublisherOf(w.Needs)
		for _, r := range d.is.Rejected {
			if r.Digest == w.Digest && len(r.Asks) > 0 {
				d.asks = r.Asks
			}
		}
	}
	if a.Digest != "" && a.Digest != d.digest {
		return d.changed()
	}
	if a.Permissions == nil {
		d.grant = d.without(d.asks, func(p string) bool {
			s, decided := d.is.Decision(p)
			return decided && (s.Granted || d.waits)
		})
		return nil
	}
	if err := d.known(a.Permissions, "version "+d.version+" of "+a.ID+" does not ask for"); err != nil {
		return err
	}
	granted := func(p string) bool { s, _ := d.is.Decision(p); return s.Granted }
	d.grant = d.without(a.Permissions, granted)
	if d.waits {
		d.deny = d.without(permissionsOf(needsOf(d.is, d.asks)), func(p string) bool { return slices.Contains(a.Permissions, p) })
	}
	return nil
}

// changed is the error when the bundle that was seen is not there any more.
func (d *decision) changed() error {
	now := fmt.Sprintf("its version is %s (%s), and nothing waits for consent", d.row.Version, d.row.Digest)
	if w := d.row.Consent; w != nil {
		now = fmt.Sprintf("what waits for consent is version %s (%s)", w.Version, w.Digest)
	}
	return &Error{
		Code: CodeConflict, Message: fmt.Sprintf("%s is not what it was when it was looked at: %s", d.action.ID, now),
		Hint: "look at what it asks for now, and consent to that",
	}
}

// revoke finds out what is taken back.
func (d *decision) revoke() error {
	a := d.action
	d.version, d.digest = d.row.Version, d.row.Digest
	if a.Digest != "" {
		return &Error{Code: CodeInvalidArgument, Message: "revoke takes permissions from an extension, whatever its version: it has no digest"}
	}
	d.asks = slices.Clone(d.row.Permissions)
	for _, s := range d.is.Decisions {
		d.asks = append(d.asks, s.Permission)
	}
	if w := d.row.Consent; w != nil {
		d.asks = append(d.asks, permissionsOf(w.Needs)...)
	}
	if a.Permissions == nil {
		for _, s := range d.is.Decisions {
			if s.Granted {
				d.deny = append(d.deny, s.Permission)
			}
		}
		return nil
	}
	if err := d.known(a.Permissions, a.ID+" has not, and does not ask for,"); err != nil {
		return err
	}
	d.deny = d.without(a.Permissions, func(p string) bool { s, decided := d.is.Decision(p); return decided && !s.Granted })
	return nil
}

// known refuses what is not among the permissions that may be named.
func (d *decision) known(list []string, lacks string) error {
	for _, p := range list {
		if !slices.Contains(d.asks, p) {
			return &Error{Code: CodeInvalidArgument, Message: fmt.Sprintf("%s %q", lacks, p),
				Hint: "permissions are written as the extension's row shows them"}
		}
	}
	return nil
}

// without returns the items of list, each once, for which skip is false.
func (d *decision) without(list []string, skip func(string) bool) []string {
	var left []string
	for _, p := range list {
		if !skip(p) && !slices.Contains(left, p) {
			left = append(left, p)
		}
	}
	return left
}

func (d *decision) apply(x *state.Extension) {
	for _, p := range d.grant {
		x.Decide(state.Decision{Permission: p, Granted: true, By: d.action.Actor.Name, At: d.at})
	}
	for _, p := range d.deny {
		x.Decide(state.Decision{Permission: p, By: d.action.Actor.Name, At: d.at})
	}
	x.Forget(func(p string) bool { return d.asked(p) || slices.Contains(d.asks, p) && d.waits })
	if d.publisher != nil {
		x.Publisher = *d.publisher
	}
	x.Consented = true
	x.Rejected = withoutWaiting(x.Rejected)
}

func (d *decision) message() string {
	var parts []string
	for _, part := range []struct {
		done string
		list []string
	}{{"granted ", d.grant}, {"denied ", d.deny}} {
		if len(part.list) > 0 {
			parts = append(parts, part.done+strings.Join(part.list, ", "))
		}
	}
	if d.publisher != nil {
		parts = append(parts, "accepted as publisher: "+cmp.Or(*d.publisher, "whoever"))
	}
	return cmp.Or(strings.Join(parts, "; "), "nothing was left to decide")
}

// decisionsOf is what was decided as the audit trail shows it.
func decisionsOf(is state.Extension) json.RawMessage {
	lists := struct {
		Granted   []string `json:"granted"`
		Denied    []string `json:"denied"`
		Publisher string   `json:"publisher,omitempty"`
	}{[]string{}, []string{}, is.Publisher}
	for _, d := range is.Decisions {
		if d.Granted {
			lists.Granted = append(lists.Granted, d.Permission)
		} else {
			lists.Denied = append(lists.Denied, d.Permission)
		}
	}
	raw, err := json.Marshal(lists)
	if err != nil { // a struct of strings
		return nil
	}
	return raw
}
