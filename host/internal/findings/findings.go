// Package findings is what repositories say of what is installed: newer weaknesses, what is
// deprecated, withdrawn or revoked. Run looks at it every hour, and whenever Look says that
// something may be otherwise; Findings and Revoked give what the last look has found.
//
// What is promised: what a repository has revoked stays revoked, over restarts and while it
// is not installed, until the same repository takes that back in an answer that is whole. A
// repository that is broken, slow to be read or taken out of the configuration takes nothing
// back, and keeps nothing back of what others say.
package findings

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/jackfield-host/jackfield/store"
)

// Finding is what repositories say of an extension that is installed, as it is installed.
type Finding struct {
	ID         string     `json:"id"`
	Version    string     `json:"version"`
	Digest     string     `json:"digest"`
	Repository string     `json:"repository"`
	Advisories []Advisory `json:"advisories"` // never nil
	// Deprecated, Withdrawn and Revoked say why, "" for not.
	Deprecated string `json:"deprecated"`
	Withdrawn  string `json:"withdrawn"`
	Revoked    string `json:"revoked"`
}

// Advisory is a weakness of a version that is installed.
type Advisory struct {
	ID       string `json:"id"`
	Severity string `json:"severity"`
	Title    string `json:"title"`
	Fixed    string `json:"fixed"` // in which version, "" for none yet
	URL      string `json:"url"`
}

// Origin is an extension that is there, and where it came from.
type Origin struct {
	ID, Version, Digest string
	Repository          string // "" for an upload or the extensions folder
}

// Prospect is what a repository says of an extension that is installed.
type Prospect struct {
	ID, Digest string // as installed
	Repository string // that answers for the id, "" for none
	// Deprecated and Withdrawn say why, "" for not.
	Deprecated, Withdrawn string
	Revocation            *store.Revocation
	Advisories            []store.Advisory
	// Err is why this may not be all that the repository says, nil if it is.
	Err error
}

// Repositories are where extensions come from.
type Repositories interface {
	// Outlook says what has become of what is installed, in any order. Where nobody answers
	// for something, that is said by an empty Repository or by leaving it out. The error means
	// that nothing could be found out at all.
	Outlook(ctx context.Context, installed []Origin) ([]Prospect, error)
}

// House is the host in which extensions are installed.
type House interface {
	// AwaitLooked waits until it is known what is installed: the extensions folder was read.
	AwaitLooked(ctx context.Context) error
	// Origins returns what is installed. It is quick.
	Origins() []Origin
	// Apply has what Revoked says now taken into account, and returns when it is.
	Apply(ctx context.Context) error
}

// Rows keep what must outlive the host, durably: a text under a key.
type Rows interface {
	Value(key string) string
	SetValue(ctx context.Context, key, value string) error
}

// Config is what a Keeper is made from. All but StopRevoked and Looked is required.
type Config struct {
	Repositories Repositories
	House        House
	Rows         Rows
	// StopRevoked says that what a repository has revoked is stopped; else it is marked only.
	StopRevoked bool
	// Looked is told of each look. It must not block.
	Looked func()
	Log    *slog.Logger
}

// Keeper keeps the findings of one host.
type Keeper struct {
	cfg     Config
	looks   chan struct{} // capacity 1: many looks are one
	outlook atomic.Pointer[outlook]
}

// New makes a Keeper, which knows what was revoked when the host ran last.
func New(cfg Config) (*Keeper, error) {
	if cfg.Repositories == nil || cfg.House == nil || cfg.Rows == nil || cfg.Log == nil {
		return nil, errors.New("findings: a part of the configuration is missing")
	}
	if cfg.Looked == nil {
		cfg.Looked = func() {}
	}
	k := &Keeper{cfg: cfg, looks: make(chan struct{}, 1)}
	k.outlook.Store(&outlook{})
	k.rememberRevoked()
	return k, nil
}

const (
	// lookPatience bounds how long one look at what has become of what is installed takes.
	lookPatience = 5 * time.Minute
	// lookEvery is the time between two looks that nothing has caused.
	lookEvery = time.Hour
	// revokedKey is under which what is revoked is remembered over restarts.
	revokedKey = "findings.revoked"
	// maxRevoked bounds how much is remembered that is not installed any more.
	maxRevoked = 1000
)

// outlook is what the last look has found. It is not changed once it is made.
type outlook struct {
	findings []Finding
	// revoked is by digest, with what is not installed any more: it may come back.
	revoked map[string]Finding
}

// Look has what is installed looked at again soon: what is known of it, or what is installed,
// is otherwise than before. It never blocks.
func (k *Keeper) Look() {
	select {
	case k.looks <- struct{}{}:
	default:
	}
}

// Run looks at what is installed until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	if k.cfg.House.AwaitLooked(ctx) != nil {
		return // the host stops
	}
	k.Look()
	for {
		timer := time.NewTimer(lookEvery)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-k.looks:
			timer.Stop()
		}
		k.look(ctx)
		k.cfg.Looked()
	}
}

// look asks what has become of what is installed, and of what was revoked.
func (k *Keeper) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	before := k.outlook.Load()
	origins := k.cfg.House.Origins()
	installed := map[string]bool{}
	for _, o := range origins {
		installed[o.Digest] = true
	}
	for digest, f := range before.revoked {
		if !installed[digest] {
			origins = append(origins, Origin{ID: f.ID, Version: f.Version, Digest: digest, Repository: f.Repository})
		}
	}
	prospects, err := k.cfg.Repositories.Outlook(ctx, origins)
	if err != nil {
		if ctx.Err() == nil {
			k.cfg.Log.Warn("what has become of what is installed is not known", "error", err)
		}
		return
	}
	answers := map[string]Prospect{}
	broken := map[string]error{}
	for _, p := range prospects {
		answers[p.Digest] = p
		if p.Err != nil {
			broken[p.Repository] = p.Err
		}
	}
	for name, err := range broken {
		k.cfg.Log.Warn("what a repository says of what is installed is not known", "repository", name, "error", err)
	}
	was := map[string]Finding{}
	for _, f := range before.findings {
		was[f.Digest] = f
	}
	maps.Copy(was, before.revoked)
	next := &outlook{findings: []Finding{}, revoked: map[string]Finding{}}
	for _, o := range origins {
		f := judge(o, was[o.Digest], answers[o.Digest])
		here := installed[o.Digest]
		if f.Revoked != "" && (here || len(next.revoked) < maxRevoked) {
			next.revoked[o.Digest] = f
		}
		if here && f.says() {
			next.findings = append(next.findings, f)
		}
	}
	slices.SortFunc(next.findings, func(a, b Finding) int { return cmp.Compare(a.ID, b.ID) })
	k.outlook.Store(next)
	k.applyRevoked(ctx, before.revoked, next.revoked)
}

// judge makes of what was found before and of what is answered now what holds from now on.
// Only who has revoked something takes that back, and only by an answer that is whole: a
// repository that is broken, or was taken out of the configuration, does not.
func judge(o Origin, was Finding, p Prospect) Finding {
	now := finding(o, p)
	switch {
	case was.Revoked != "" && p.Repository != was.Repository:
		return was // whatever another one says: what it revokes it could take back
	case now.Revoked != "":
		return now
	case p.Err != nil && was.says():
		return was
	}
	return now
}

// says reports whether something is found.
func (f Finding) says() bool {
	return f.Revoked+f.Deprecated+f.Withdrawn != "" || len(f.Advisories) > 0
}

func finding(o Origin, p Prospect) Finding {
	f := Finding{
		ID: o.ID, Version: o.Version, Digest: o.Digest, Repository: p.Repository, Advisories: []Advisory{},
		Deprecated: p.Deprecated, Withdrawn: p.Withdrawn,
	}
	if r := p.Revocation; r != nil {
		f.Revoked = cmp.Or(r.Reason, "no reason is given")
	}
	for _, a := range p.Advisories {
		f.Advisories = append(f.Advisories, Advisory{ID: a.ID, Severity: string(a.Severity), Title: a.Title, Fixed: a.Fixed, URL: a.URL})
	}
	return f
}

// applyRevoked has what is revoked stopped, or run again, and remembers it for the next start.
func (k *Keeper) applyRevoked(ctx context.Context, before, now map[string]Finding) {
	same := func(a, b Finding) bool { return a.Revoked == b.Revoked && a.Repository == b.Repository }
	if maps.EqualFunc(before, now, same) {
		return
	}
	body, err := json.Marshal(now)
	if err == nil {
		err = k.cfg.Rows.SetValue(ctx, revokedKey, string(body))
	}
	if err != nil {
		k.cfg.Log.Error("what is revoked cannot be written down: the next start learns of it a moment later", "error", err)
	}
	for digest, f := range now {
		if !same(before[digest], f) {
			k.cfg.Log.Warn("what is installed is revoked", "ext", f.ID, "version", f.Version, "digest", digest, "repository", f.Repository, "reason", f.Revoked)
		}
	}
	if err := k.cfg.House.Apply(ctx); err != nil && ctx.Err() == nil {
		k.cfg.Log.Warn("waiting for what is revoked to stop", "error", err)
	}
}

// rememberRevoked reads what was revoked when the host ran last.
func (k *Keeper) rememberRevoked() {
	text := k.cfg.Rows.Value(revokedKey)
	if text == "" {
		return
	}
	o := &outlook{}
	if err := json.Unmarshal([]byte(text), &o.revoked); err != nil {
		k.cfg.Log.Error("what was revoked cannot be read", "error", err)
		return
	}
	k.outlook.Store(o)
}

// Revoked says why a bundle must not run that is installed, "" if it may. It is quick.
func (k *Keeper) Revoked(digest string) string {
	if !k.cfg.StopRevoked {
		return ""
	}
	return k.outlook.Load().revoked[digest].Revoked
}

// Findings returns what repositories say of what is installed, by id, without those of which
// nothing is said.
func (k *Keeper) Findings() []Finding { return slices.Clone(k.outlook.Load().findings) }
