// Package admission decides which verified bundles may run on this host: trust says who
// signed and whether they may, the administrator's policy says what follows from it.
//
// New makes a Control. Judge has a bundle judged, which may ask the network; after it
// Refusal and Verdict answer at once from what is known. Run looks for another folder of
// roots, and judges what is installed again from time to time: certificates expire and
// are revoked while a host runs. Recheck does so at once.
//
// What is promised: a bundle that was not judged is refused; one that is refused stays
// so until it was judged otherwise; and Changed is called whenever the answers of
// Refusal may be others.
package admission

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/trust"
)

// Policy says which signatures are asked for: trust.policy.
type Policy string

// The policies. The zero value counts as Require.
const (
	Require Policy = "require" // signed by a chain that is trusted
	Warn    Policy = "warn"    // what is unsigned, untrusted or expired runs, and is marked
	Off     Policy = "off"     // whatever has no wrong signature runs
)

// OnRevoked says what becomes of a bundle whose signer is revoked: trust.on_revoked.
type OnRevoked string

// What may become of it. The zero value counts as Stop.
const (
	Stop OnRevoked = "stop"
	Mark OnRevoked = "warn" // it runs, and is marked
)

// Config is what a Control is made from. Judge and Log are required.
type Config struct {
	Judge     *trust.Judge
	Policy    Policy
	OnRevoked OnRevoked
	// Folder is where the trusted roots are, "" for none; it may come later.
	Folder string
	// Recheck is the time after which what is installed is judged again (1 h), Look the
	// time between two looks at the Folder (2 s).
	Recheck, Look time.Duration
	// Pinned returns the publisher that an extension must come from, "" for any. It is
	// called by Refusal.
	Pinned func(id string) string
	// Changed is told that Refusal may answer otherwise than before. It must not block.
	Changed func()
	Log     *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.Policy == "" {
		c.Policy = Require
	}
	if c.OnRevoked == "" {
		c.OnRevoked = Stop
	}
	if c.Recheck <= 0 {
		c.Recheck = time.Hour
	}
	if c.Look <= 0 {
		c.Look = 2 * time.Second
	}
	if c.Pinned == nil {
		c.Pinned = func(string) string { return "" }
	}
	if c.Changed == nil {
		c.Changed = func() {}
	}
	return c
}

// Control keeps the verdicts on the bundles of one host. Its methods may be called by
// any goroutine.
type Control struct {
	cfg Config

	rechecking sync.Mutex // one pass over what is installed at a time

	mu       sync.Mutex // guards what follows
	verdicts map[string]trust.Verdict
	looks    string // what the folder was like when it was last read
	roots    *trust.Roots
	problems []trust.FileError // of the files of the folder
}

// New makes a Control and reads the folder of roots.
func New(cfg Config) *Control {
	c := &Control{cfg: cfg.withDefaults(), verdicts: map[string]trust.Verdict{}}
	c.loadRoots()
	return c
}

// Judge has a bundle judged and keeps the verdict. It waits for the network no longer
// than ctx allows.
func (c *Control) Judge(ctx context.Context, b *bundle.Verified) {
	v := c.cfg.Judge.Judge(ctx, claim(b))
	if ctx.Err() != nil {
		// A question that was broken off says nothing. Without a verdict it is refused.
		return
	}
	c.mu.Lock()
	was, known := c.verdicts[b.Digest()]
	c.verdicts[b.Digest()] = v
	c.mu.Unlock()
	if !known || was.Code == v.Code {
		return
	}
	c.cfg.Log.Warn("the signature of a bundle is judged otherwise than before", "ext", b.Manifest().ID,
		"version", b.Manifest().Version, "digest", b.Digest(), "was", was.State, "is", v.State, "reason", v.Message)
	c.cfg.Changed()
}

func claim(b *bundle.Verified) trust.Claim {
	claim := trust.Claim{ID: b.Manifest().ID}
	signed, ok := b.Signed()
	if !ok {
		return claim
	}
	claim.Chain, claim.Staples = signed.Chain, signed.Staples
	if t := signed.Timestamp; t != nil {
		claim.SignedAt, claim.TimestampChain = t.Time, t.Chain
	}
	return claim
}

// Verdict returns what was judged of a bundle; false if it was not judged. One that may
// run on its own account is held against the publisher that its extension must come from.
func (c *Control) Verdict(b *bundle.Verified) (trust.Verdict, bool) {
	c.mu.Lock()
	v, ok := c.verdicts[b.Digest()]
	c.mu.Unlock()
	if !ok {
		return v, false
	}
	if c.cfg.Policy != Off && c.admits(v) {
		v = v.Continues(c.cfg.Pinned(b.Manifest().ID))
	}
	return v, true
}

// Refusal is why a bundle may not run.
type Refusal struct {
	Code    trust.Code
	Message string // what, and what next, for people
	// Publisher is, with trust.PublisherChanged, the pin of who signed it now: "" when
	// nobody did whom a root vouches for.
	Publisher string
}

// NotJudged is the message about a bundle of which nothing is known.
const NotJudged = "who signed it was not judged yet; it is tried again"

// Refusal says why a bundle may not run, nil if it may.
func (c *Control) Refusal(b *bundle.Verified) *Refusal {
	if c.cfg.Policy == Off {
		return nil
	}
	v, ok := c.Verdict(b)
	if !ok {
		return &Refusal{Code: trust.RevocationUnknown, Message: NotJudged}
	}
	if c.admits(v) {
		return nil
	}
	return &Refusal{Code: v.Code, Message: c.explain(b, v), Publisher: v.Publisher}
}

// admits is the policy. The state of a changed publisher is Untrusted: it is none that
// warn lets pass.
func (c *Control) admits(v trust.Verdict) bool {
	switch {
	case v.State == trust.Valid:
		return true
	case v.State == trust.Revoked:
		return c.cfg.OnRevoked == Mark
	case c.cfg.Policy != Warn:
		return false
	}
	switch v.Code {
	case trust.CodeUnsigned, trust.ChainUntrusted, trust.CodeExpired, trust.RevocationUnknown:
		return true
	}
	return false
}

// explain says what to do about a verdict.
func (c *Control) explain(b *bundle.Verified, v trust.Verdict) string {
	switch v.Code {
	case trust.CodeUnsigned:
		return "nobody has signed it: sign it (`jackfield bundle sign`), or get it signed by its publisher and trust their root (conf/trust), or let unsigned bundles run, marked (trust.policy=warn)"
	case trust.ChainUntrusted:
		return fmt.Sprintf("%s: if you trust whoever that is, put the certificate of their root into conf/trust; or let untrusted bundles run, marked (trust.policy=warn)", v.Message)
	case trust.PublisherChanged:
		return fmt.Sprintf("%s (`jackfield ext consent %s`)", v.Message, b.Manifest().ID)
	}
	return v.Message
}

// Roots returns whom the host trusts, and what is wrong with files of the folder of roots.
// The caller must not change them.
func (c *Control) Roots() (*trust.Roots, []trust.FileError) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.roots == nil {
		return &trust.Roots{}, nil
	}
	return c.roots, c.problems
}

// Run looks for other roots, and judges again what installed returns, until ctx ends.
func (c *Control) Run(ctx context.Context, installed func() []*bundle.Verified) {
	look := time.NewTicker(c.cfg.Look)
	defer look.Stop()
	again := time.NewTicker(c.cfg.Recheck)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
			if !c.loadRoots() {
				continue
			}
		case <-again.C:
		}
		if err := c.pass(ctx, installed(), true); err != nil && ctx.Err() == nil {
			c.cfg.Log.Warn("judging the signatures of what is installed again", "error", err)
		}
	}
}

// Recheck asks anew about all revocations and judges these bundles again. Whatever
// verdict comes of it holds when it returns; an error means that ctx ended before.
func (c *Control) Recheck(ctx context.Context, bundles []*bundle.Verified) error {
	c.cfg.Judge.Forget()
	c.loadRoots()
	return c.pass(ctx, bundles, false)
}

// pass judges bundles again. If they are all that is installed, verdicts on others are
// forgotten.
func (c *Control) pass(ctx context.Context, bundles []*bundle.Verified, all bool) error {
	c.rechecking.Lock()
	defer c.rechecking.Unlock()
	before := c.digests()
	for _, b := range bundles {
		c.Judge(ctx, b)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		delete(before, b.Digest())
	}
	if all {
		c.mu.Lock()
		for digest := range before { // what was judged meanwhile is not in it
			delete(c.verdicts, digest)
		}
		c.mu.Unlock()
	}
	return nil
}

func (c *Control) digests() map[string]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	set := make(map[string]bool, len(c.verdicts))
	for digest := range c.verdicts {
		set[digest] = true
	}
	return set
}

// loadRoots reads the folder of roots if it looks otherwise than before, and reports
// whether it did.
func (c *Control) loadRoots() bool {
	if c.cfg.Folder == "" {
		return false
	}
	now, err := fingerprint(c.cfg.Folder)
	if err != nil && !errors.Is(err, errTooMany) {
		c.cfg.Log.Warn("the folder of trusted roots cannot be read: those that were read before go on to count", "folder", c.cfg.Folder, "error", err)
		return false
	}
	c.mu.Lock()
	same := now == c.looks
	c.looks = now
	c.mu.Unlock()
	if same {
		return false
	}
	roots, problems := trust.LoadRoots(c.cfg.Folder)
	for _, p := range problems {
		c.cfg.Log.Error("a file in the folder of trusted roots does not count", "file", p.File, "error", p.Err)
	}
	c.mu.Lock()
	c.roots, c.problems = roots, problems
	c.mu.Unlock()
	c.cfg.Judge.SetRoots(roots)
	c.cfg.Log.Info("trusted roots are read", "folder", c.cfg.Folder, "roots", len(roots.Certificates), "timestamp_roots", len(roots.Timestamp))
	return true
}
