// Package trust judges who may sign what. Whoever has proven what was signed hands the
// evidence over as a Claim; the Judge answers with a Verdict that carries its whole
// reasoning, one Check after the other.
//
//	roots, problems := trust.LoadRoots("conf/trust")
//	judge := trust.New(trust.Config{Roots: roots, Revocation: trust.Soft, Cache: "run/trust"})
//	verdict := judge.Judge(ctx, trust.Claim{ID: "org.acme.hello", Chain: chain})
//
// What is promised: a Verdict is Valid only when the chain is exactly root >
// organization > extension by the profile of profile.go, leads to one of the roots that
// were given (never to those of the operating system), names the claimed id, was valid
// when it signed, and is not known to be revoked. Nothing of a claim is followed, no
// address in it is asked, before its chain has led to a root.
//
// Texts that come from certificates (Signer, Organization, details) are as they stand
// there: whoever shows them makes them safe to look at.
package trust

import (
	"crypto/x509"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/jackfield-host/jackfield/trust/revocation"
)

// Claim is what a signature says of itself: that the holder of the key of Chain[0]
// signed the extension ID. The signature itself must have been verified before.
type Claim struct {
	ID             string              // the id of the extension that was signed
	Chain          []*x509.Certificate // leaf first, each followed by its issuer; the root may be left out; empty: unsigned
	SignedAt       time.Time           // what a timestamp says; zero: nothing proves when it was signed
	TimestampChain []*x509.Certificate // of the authority that made the timestamp, its signer first; not judged yet
	Staples        [][]byte            // OCSP answers in DER that came with the signature, not verified yet
}

// State is the condition of a signature, one of the words that `bundle verify` prints.
type State string

// The states. Invalid never runs, under any policy; of the others policy decides.
const (
	Unsigned  State = "unsigned"  // no signature at all
	Valid     State = "valid"     // a trusted chain, for this id, not revoked
	Untrusted State = "untrusted" // by somebody whom nobody here trusts, or whose revocation could not be ruled out
	Expired   State = "expired"   // outside of the time for which the chain is good
	Revoked   State = "revoked"   // its issuer has taken a certificate back
	Invalid   State = "invalid"   // wrong: broken chain, another id, weak algorithms
)

// Code says why a signature is not valid: the closed set of bundle.md.
type Code string

// The codes that are trust's to give. OK belongs to Valid alone.
const (
	OK                Code = ""
	CodeUnsigned      Code = "unsigned"
	ChainUntrusted    Code = "chain_untrusted"
	ChainInvalid      Code = "chain_invalid"
	CodeExpired       Code = "expired" // also: not yet valid
	CodeRevoked       Code = "revoked"
	RevocationUnknown Code = "revocation_unknown"
	IdentityMismatch  Code = "identity_mismatch"
	PublisherChanged  Code = "publisher_changed" // wants an administrator's consent, whatever the policy
	WeakAlgorithm     Code = "weak_algorithm"    // also: one that is not on the list of package algorithm
)

// Codes lists every Code but OK.
func Codes() []Code {
	return []Code{
		CodeUnsigned, ChainUntrusted, ChainInvalid, CodeExpired, CodeRevoked,
		RevocationUnknown, IdentityMismatch, PublisherChanged, WeakAlgorithm,
	}
}

// State returns the state that a code leads to.
func (c Code) State() State {
	switch c {
	case OK:
		return Valid
	case CodeUnsigned:
		return Unsigned
	case ChainUntrusted, RevocationUnknown, PublisherChanged:
		return Untrusted
	case CodeExpired:
		return Expired
	case CodeRevoked:
		return Revoked
	}
	return Invalid
}

// Check is one step of the reasoning. OK is false for the check that decided, which is the
// last one (Continues may add another one to it). Warning marks a check that holds with a remark that a person should
// read: nobody answered whether the certificate is revoked, a timestamp does not count.
type Check struct {
	Name    string `json:"name"` // one of the names in judge.go
	OK      bool   `json:"ok"`
	Warning bool   `json:"warning,omitempty"`
	Detail  string `json:"detail"`
}

// Verdict is the judgement on one claim. Its zero value is not valid.
type Verdict struct {
	State   State
	Code    Code
	Message string // empty when valid; else what, which and what next, for people

	// Signer and Organization are how the leaf and its issuer call themselves. They are
	// filled in for every claim with a chain; only a chain that leads to a root proves them.
	Signer, Organization string
	// Publisher is the pin of the organization, see Pin; empty unless the chain leads to
	// a root and is as the profile wants it.
	Publisher string
	// Chain is leaf … root where it leads to a root, else as it was claimed.
	Chain []*x509.Certificate
	// SignedAt is the time that a timestamp proves; zero: none does.
	SignedAt time.Time
	// Until is when the first certificate ends that has to be valid for the signature to
	// hold: with a timestamp that is the root alone. In the past for what has expired. Zero
	// unless it came that far.
	Until time.Time
	// Checks is the whole reasoning, in order.
	Checks []Check
}

// Continues compares the publisher of v with the one that was pinned when the id was
// first seen, "" being none. Whatever policy could let run, valid or not, becomes
// PublisherChanged when it is not proven to be by the pinned publisher; what is Invalid
// stays so.
func (v Verdict) Continues(pinned string) Verdict {
	if pinned == "" || v.Publisher == pinned || v.State == Invalid {
		return v
	}
	now := "by " + v.Publisher + ": ask the publisher whether that is right"
	switch {
	case v.State == Unsigned:
		now = "not at all: get the signed bundle"
	case v.Publisher == "":
		now = "by somebody whom no root here vouches for: get the genuine bundle"
	}
	return v.fail(checkSame, PublisherChanged, "it was signed by "+pinned+" before, and now "+now+", or consent to the change")
}

// fail returns v with one more check, which did not hold.
func (v Verdict) fail(check string, code Code, message string) Verdict {
	checks := make([]Check, len(v.Checks), len(v.Checks)+1)
	copy(checks, v.Checks)
	v.Checks = append(checks, Check{Name: check, Detail: message})
	v.State, v.Code, v.Message = code.State(), code, message
	return v
}

// RevocationPolicy says what becomes of a signature of which nobody says whether its
// certificates are revoked.
type RevocationPolicy string

// The policies. The zero value counts as Hard: a host that forgets to choose is strict.
const (
	Soft RevocationPolicy = "soft" // accepted, with a check that says so
	Hard RevocationPolicy = "hard" // refused: RevocationUnknown
	Off  RevocationPolicy = "off"  // not asked at all; even a known revocation does not count
)

// Config is all that a Judge depends on. The zero value trusts nobody.
type Config struct {
	Roots      *Roots           // whom to trust; nil: nobody
	Revocation RevocationPolicy // empty: Hard
	// Cache is the folder in which answers about revocation are kept; it is made, with
	// mode 0700, when there is something to keep. Empty: they are kept in memory alone.
	Cache string
	// Refresh is the age at which an answer is asked for again although it says that it
	// is good for longer. For revocations to be seen within one interval of judging again,
	// let it be half of that interval. Zero: an hour.
	Refresh time.Duration
	// Offline never asks over the network: staples, the cache and CRLs in the folder of
	// roots are all there is.
	Offline bool
	// AllowPrivate lets addresses in certificates lead to loopback and private networks,
	// for a company whose responder is inside. Link-local addresses and the metadata
	// services of clouds are never asked.
	AllowPrivate bool
	// Transport carries the questions; nil: one of its own, which uses no proxy and
	// checks every address at the moment at which it connects. With another one that
	// check, and AllowPrivate, are the caller's.
	Transport http.RoundTripper
	// Timeout bounds one question; zero: 5 seconds.
	Timeout time.Duration
	Now     func() time.Time // nil: time.Now
	Log     *slog.Logger     // nil: nothing is logged
}

// Judge judges claims. It is safe for concurrent use.
type Judge struct {
	config     Config
	roots      atomic.Pointer[Roots]
	revocation *revocation.Checker
}

// New makes a Judge.
func New(config Config) *Judge {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Revocation == "" {
		config.Revocation = Hard
	}
	j := &Judge{config: config}
	j.SetRoots(config.Roots)
	j.revocation = revocation.New(revocation.Config{
		Dir: config.Cache, Refresh: config.Refresh, Offline: config.Offline, AllowPrivate: config.AllowPrivate,
		Transport: config.Transport, Timeout: config.Timeout, Now: config.Now, Log: config.Log,
	})
	return j
}

// SetRoots replaces whom the judge trusts: the folder may change while a host runs.
// Verdicts that are being made still follow the old ones.
func (j *Judge) SetRoots(roots *Roots) {
	if roots == nil {
		roots = &Roots{}
	}
	j.roots.Store(roots)
}

// Forget makes every answer about revocation one to ask for again, whatever time it says
// it is good for, and forgets which responders did not answer. What is known stays known
// where nobody answers, revocations above all.
func (j *Judge) Forget() { j.revocation.Forget() }
