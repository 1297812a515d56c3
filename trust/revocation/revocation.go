// Package revocation finds out whether the issuer of a certificate has taken it back:
// from OCSP answers that came with a signature, from CRLs that an administrator put
// down, from what is known already, and over the network. Call New once and
// Checker.Check for each certificate.
//
// What is promised: an answer counts only with the signature of the issuer of that very
// certificate, or of a responder that this issuer appointed; nothing else can say Good
// or Revoked. A revocation that was seen once stays known, whatever is said later, except
// that an issuer may lift a hold. The caller must have verified that the certificate leads
// to a trusted root: only then may its addresses be asked.
//
// A certificate may name several responders and lists; two of each are asked at most, the
// responders first, and lists only where no responder answers. There is no nonce: until it
// ends, an answer can be played again by whoever sits in the line, which takes nothing back
// that was seen.
package revocation

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ocsp"
)

// Status is what is known of a certificate.
type Status int

// The statuses. Unknown is the zero value.
const (
	Unknown  Status = iota // nobody who counts has answered
	Good                   // not revoked
	Revoked                // taken back, or on hold
	Disowned               // the responder of the issuer does not know that it was ever issued
)

// Answer is what was found out about one certificate.
type Answer struct {
	Status     Status
	Source     string    // who says so, for people: "OCSP answer of http://…", "CRL issuer.crl"
	ThisUpdate time.Time // when that was so
	NextUpdate time.Time // until when it may be believed
	RevokedAt  time.Time // only of Revoked
	Reason     Reason    // only of Revoked
	Problems   []string  // what did not count, or did not answer, and why
}

// Config is all that a Checker depends on; trust.Config says what the fields mean.
type Config struct {
	Dir          string
	Refresh      time.Duration
	Offline      bool
	AllowPrivate bool
	Transport    http.RoundTripper
	Timeout      time.Duration
	Now          func() time.Time
	Log          *slog.Logger
}

// maxAsked bounds how many responders, and how many lists, of one certificate are asked;
// maxStaples how many staples are looked at.
const (
	maxAsked   = 2
	maxStaples = 8
)

// maxGET bounds the address of an OCSP request by GET: RFC 5019, 5.
const maxGET = 255

// Checker answers for certificates. It is safe for concurrent use.
type Checker struct {
	now     func() time.Time
	refresh time.Duration
	offline bool
	fetcher *fetcher
	cache   *cache

	mu        sync.Mutex
	forgotten time.Time // what was asked until then is to be asked again
}

// New makes a Checker.
func New(config Config) *Checker {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Refresh <= 0 {
		config.Refresh = time.Hour
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	return &Checker{
		now: config.Now, refresh: config.Refresh, offline: config.Offline,
		fetcher: newFetcher(config), cache: newCache(config.Dir, config.Log),
	}
}

// Check says what is known of cert, which issuer has signed. Staples are OCSP answers in
// DER, crls are lists by whatever issuers; both are verified here.
func (c *Checker) Check(ctx context.Context, cert, issuer *x509.Certificate, staples [][]byte, crls []CRL) Answer {
	q := newQuestion(cert, issuer, c.now())
	f := &findings{now: q.now}
	latest := c.atHand(q, f, staples, crls)
	if !f.revoked.settled() && c.due(f) && !c.offline {
		if answered := c.askResponders(ctx, q, f); answered != nil {
			latest = newest(latest, answered)
		} else {
			c.askLists(ctx, q, f)
		}
	}
	if lift := f.lift(); lift != nil {
		c.cache.keep(q, latest, nil, lift)
	} else {
		c.cache.keep(q, latest, f.revoked, nil)
	}
	return f.answer()
}

// Forget makes every answer one to ask for again, and forgets who did not answer.
func (c *Checker) Forget() {
	c.fetcher.forget()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forgotten = c.now()
}

// due reports whether somebody should be asked: nobody has said anything, or not lately.
func (c *Checker) due(f *findings) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return f.asked.After(f.now) || f.now.Sub(f.asked) >= c.refresh || !f.asked.After(c.forgotten)
}

// atHand finds what can be had without asking anybody. It returns the OCSP answer that
// was kept, if any.
func (c *Checker) atHand(q *question, f *findings, staples [][]byte, crls []CRL) *evidence {
	k := c.cache.of(q)
	if k.revoked != nil {
		f.take(k.revoked)
	}
	if k.latest != nil && k.latest.fresh(q.now) == nil {
		f.take(k.latest)
	}
	for i, der := range staples {
		if i == maxStaples {
			break
		}
		e, err := verifyOCSP(der, q, q.now)
		if errors.Is(err, errOther) {
			continue // of the other certificate of the chain
		}
		if err != nil {
			f.problem("stapled OCSP answer", err)
			continue
		}
		e.source, e.asked = "stapled OCSP answer", e.thisUpdate
		f.take(e)
	}
	for _, crl := range crls {
		if !crl.by(q.issuer) {
			continue
		}
		if err := crl.verify(q.issuer); err != nil {
			f.problem("CRL "+crl.Name, err)
			continue
		}
		e := crl.about(q.cert.SerialNumber)
		e.asked = e.thisUpdate
		f.take(e)
	}
	for _, address := range first(q.cert.CRLDistributionPoints) {
		if l, ok := c.cache.listAt(q, address); ok {
			e := l.crl.about(q.cert.SerialNumber)
			e.asked = l.asked
			if e.status == Revoked || e.fresh(q.now) == nil {
				f.take(e)
			}
		}
	}
	return k.latest
}

// askResponders asks the responders of a certificate, until one of them answers.
func (c *Checker) askResponders(ctx context.Context, q *question, f *findings) *evidence {
	if len(q.cert.OCSPServer) == 0 {
		return nil
	}
	// SHA-1 names the issuer, and every responder understands it (RFC 5019, 2.1.1);
	// nothing rests on it, since the answer is signed by that issuer.
	request, err := ocsp.CreateRequest(q.cert, q.issuer, &ocsp.RequestOptions{Hash: crypto.SHA1})
	if err != nil {
		f.problem("OCSP", err)
		return nil
	}
	for _, address := range first(q.cert.OCSPServer) {
		var answered *evidence
		what := fetch{
			issuer: keyOf(q.issuer, nil), base: address, limit: MaxOCSP,
			take: func(body []byte) error {
				e, err := verifyOCSP(body, q, q.now)
				if err == nil {
					err = e.fresh(q.now)
				}
				if err == nil {
					e.source, e.asked = "OCSP answer of "+address, q.now
					answered = e
				}
				return err
			},
		}
		what.url = strings.TrimSuffix(address, "/") + "/" + url.QueryEscape(base64.StdEncoding.EncodeToString(request))
		if len(what.url) > maxGET || strings.Contains(address, "?") {
			what.url, what.post, what.media = address, request, "application/ocsp-request"
		}
		if err := c.fetcher.get(ctx, what); err != nil {
			f.problem("OCSP at "+address, err)
			continue
		}
		f.take(answered)
		return answered
	}
	return nil
}

// askLists fetches the lists that a certificate names, until there is one.
func (c *Checker) askLists(ctx context.Context, q *question, f *findings) {
	for _, address := range first(q.cert.CRLDistributionPoints) {
		if c.late(q) {
			f.problem("CRL at "+address, errors.New("it is not asked: the others took too long"))
			break
		}
		var fetched CRL
		err := c.fetcher.get(ctx, fetch{
			issuer: keyOf(q.issuer, nil), base: address, url: address, limit: MaxCRL,
			take: func(body []byte) error {
				crl, err := ParseCRL("of "+address, body)
				if err == nil {
					err = crl.verify(q.issuer)
				}
				if err == nil {
					err = crl.freshAt(q.now)
				}
				fetched = crl
				return err
			},
		})
		if err != nil {
			f.problem("CRL at "+address, err)
			continue
		}
		l := c.cache.keepList(q, address, fetched)
		e := l.crl.about(q.cert.SerialNumber)
		e.asked = l.asked
		f.take(e)
		return
	}
}

// late reports whether so much time went by that no list is asked for. One responder that
// keeps silent leaves time for one.
func (c *Checker) late(q *question) bool { return time.Since(q.began) >= 2*c.fetcher.timeout }

// first bounds how many addresses of a certificate are looked at.
func first(addresses []string) []string { return addresses[:min(len(addresses), maxAsked)] }
