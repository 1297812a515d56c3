// Package responder answers whether the certificates of an authority are revoked: OCSP
// over HTTP, lists, and answers for bundles. Call New, Refresh and Run, and serve the
// Responder, which is an http.Handler; Staple needs no server.
//
// What is promised: an answer says what the folder of the authority says at that moment.
// Nothing that a client sends costs more than a small file that is read and one
// signature, and nothing of it is kept.
package responder

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/jackfield-host/jackfield/trust/authority"
)

// Responder answers OCSP requests for all certificates of an authority and hands out its
// lists of revoked certificates. It is an http.Handler, see ServeHTTP. What is revoked
// while it runs is answered so at once.
//
// A CA whose key it can use gets a delegate whose certificate lives a day and is renewed
// by itself, and new lists when they are due. For another one it answers with what
// StoreDelegate has made in advance.
type Responder struct {
	a        *authority.Authority
	validity time.Duration
	log      *slog.Logger

	refreshing sync.Mutex // held while serving is made anew
	mu         sync.Mutex
	serving    []*served // guarded by mu; the slice is replaced, never changed
}

// Options configure a Responder.
type Options struct {
	Validity time.Duration // of answers; 0: AnswerValidity
	Log      *slog.Logger  // nil: nothing is logged
}

// served is one CA that is answered for.
type served struct {
	ca *authority.CA
	by authority.Delegate // its zero value: nobody can sign answers

	mu    sync.Mutex
	given map[question]given // guarded by mu; of known certificates only
}

// question is what answers to are remembered: it holds no more than there are
// certificates, whatever strangers ask.
type question struct {
	serial string
	hash   crypto.Hash
}

type given struct {
	answer  Answer
	revoked bool
}

// maxGiven bounds what is remembered for one CA, about 1 KiB for each.
const maxGiven = 10_000

// New returns a responder that has not looked at the folder yet: call Refresh, then Run.
func New(a *authority.Authority, o Options) (*Responder, error) {
	if o.Validity == 0 {
		o.Validity = AnswerValidity
	}
	if o.Validity < time.Minute || o.Validity > 90*24*time.Hour {
		return nil, refuse(authority.CodeInvalid, "answers are valid for a minute at least and 90 days at most, not for %s", o.Validity)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Responder{a: a, validity: o.Validity, log: o.Log}, nil
}

// Run calls Refresh once a minute until ctx ends. What is missing is logged when it
// changes, not every minute.
func (r *Responder) Run(ctx context.Context) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	said := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := ""
		if err := r.Refresh(); err != nil {
			now = err.Error()
		}
		if now != said && now != "" {
			r.log.Warn("not all is answered", "err", now)
		}
		said = now
	}
}

// Refresh looks which organizations there are, renews delegates that are
// past half of their life, and signs new lists where they are due. The error joins
// what is missing, CodeNoKey, CodePassphrase or CodeExpired for a CA that there will be
// no answers for, CodeNoKey for a list that is due; all others are served.
func (r *Responder) Refresh() error {
	r.refreshing.Lock()
	defer r.refreshing.Unlock()
	hosts, err := r.a.Organizations()
	if err != nil {
		return err
	}
	cas, problems := []*authority.CA{r.a.Root()}, []error(nil)
	for _, host := range hosts {
		org, err := r.a.Organization(host)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		cas = append(cas, org.CA)
	}
	r.mu.Lock()
	before := r.serving
	r.mu.Unlock()
	var serving []*served
	for _, ca := range cas {
		s, err := r.open(ca, before)
		if err != nil {
			problems = append(problems, err)
		}
		serving = append(serving, s)
		if err := s.ca.RefreshCRL(); err != nil {
			problems = append(problems, err)
		}
	}
	r.mu.Lock()
	r.serving = serving
	r.mu.Unlock()
	return errors.Join(problems...)
}

// open returns what there was before while it will do, else a new one, which keeps the
// key of the CA. With an error it is one that answers as long as its certificate lives,
// or hands out the list alone.
func (r *Responder) open(ca *authority.CA, before []*served) (*served, error) {
	s := &served{ca: ca, given: map[question]given{}}
	for _, old := range before {
		switch {
		case old.ca.Name() != ca.Name():
		case !old.ca.Certificate().Equal(ca.Certificate()): // renewed, or made anew
			ca.KeepKey(old.ca)
		default:
			s = old
		}
	}
	if by := s.by.Certificate; by != nil && time.Until(by.NotAfter) > by.NotAfter.Sub(by.NotBefore)/2 {
		return s, nil
	}
	by, err := s.ca.Delegate(max(delegateLife, 2*r.validity))
	if err != nil && s.by.Certificate != nil && time.Now().Before(s.by.Certificate.NotAfter) {
		return s, err
	}
	return &served{ca: s.ca, by: by, given: map[question]given{}}, err
}

// Answer answers one request in DER; of several certificates in it, the first. A nonce
// is not repeated, as RFC 5019 allows. What can not be answered gets one of the answers
// of RFC 6960, 2.3, which say so: malformedRequest, unauthorized for a CA that is not
// served here, internalError.
func (r *Responder) Answer(request []byte) Answer {
	req, err := ocsp.ParseRequest(request)
	if err != nil || !req.HashAlgorithm.Available() {
		return Answer{DER: ocsp.MalformedRequestErrorResponse}
	}
	r.mu.Lock()
	serving := r.serving
	r.mu.Unlock()
	for _, s := range serving {
		if s.by.Certificate == nil || !issuer(s.ca, req) {
			continue
		}
		answer, err := s.answer(req, r.validity)
		if err != nil {
			r.log.Error("answering an OCSP request", "ca", s.ca.Name(), "serial", fmt.Sprintf("%x", req.SerialNumber), "err", err)
			return Answer{DER: ocsp.InternalErrorErrorResponse}
		}
		return answer
	}
	return Answer{DER: ocsp.UnauthorizedErrorResponse}
}

// answer gives the same answer again while it is fresh and nothing has changed: caches
// in between see one entity, and a signature is made once.
func (s *served) answer(req *ocsp.Request, validity time.Duration) (Answer, error) {
	known, err := s.ca.Lookup(req.SerialNumber)
	if err != nil {
		return Answer{}, err
	}
	if known.Certificate == nil {
		return sign(s.ca, s.by, req.SerialNumber, req.HashAlgorithm, validity)
	}
	q := question{known.Serial(), req.HashAlgorithm}
	s.mu.Lock()
	g, ok := s.given[q]
	s.mu.Unlock()
	// Half: nobody gets an answer that is about to end.
	if ok && g.revoked == (known.Revoked != nil) && time.Until(g.answer.NextUpdate) > validity/2 {
		return g.answer, nil
	}
	answer, err := sign(s.ca, s.by, req.SerialNumber, req.HashAlgorithm, validity)
	if err != nil {
		return Answer{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.given) >= maxGiven {
		clear(s.given)
	}
	s.given[q] = given{answer, known.Revoked != nil}
	return answer, nil
}

// find returns the CA of a name, if it is served here.
func (r *Responder) find(name string) *authority.CA {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.serving {
		if s.ca.Name() == name {
			return s.ca
		}
	}
	return nil
}
