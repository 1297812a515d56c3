package chain_test

import (
	"bytes"
	"crypto/x509"
	"errors"
	"slices"
	"testing"

	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/bundle/jpl/internal/chain"
	"github.com/jackfield-host/jackfield/bundle/jpl/jpltest"
)

// TestStages: what each stage is for, and that a root which is none vouches for nobody. The
// rules themselves are told by package jpl, with whole archives.
func TestStages(t *testing.T) {
	list, err := chain.Read(bundletest.ChainPEM(jpltest.Publisher().Chain...))
	if err != nil || len(list) != 2 {
		t.Fatalf("%v %v", list, err)
	}
	now := jpltest.Now()
	whole, err := chain.Build(list, jpltest.Roots(), now)
	if err != nil || len(whole) != 3 {
		t.Fatalf("%v %v", whole, err)
	}
	// At a time when it is not valid it is still a chain.
	late := now.AddDate(3, 0, 0)
	if again, err := chain.Build(list, jpltest.Roots(), late); err != nil || len(again) != 3 {
		t.Errorf("%v", err)
	}
	for _, c := range []struct {
		fault chain.Fault
		err   error
	}{
		{"", chain.CheckTime(whole, now)},
		{chain.Expired, chain.CheckTime(whole, late)},
		{chain.Expired, chain.CheckTime(whole, now.AddDate(-1, 0, 0))},
		{chain.Untrusted, second(chain.Build(list, nil, now))},
		{chain.Untrusted, second(chain.Build(list, []*x509.Certificate{list[0]}, now))},
		{chain.Invalid, second(chain.Build(list[:1], list[:1], now))}, // a signer as a root
		{chain.Invalid, second(chain.Read(nil))},
		{chain.Invalid, second(chain.Read(bundletest.ChainPEM(slices.Repeat(list[:1], 7)...)))},
	} {
		var e *chain.Error
		errors.As(c.err, &e)
		if c.fault == "" && c.err != nil || c.fault != "" && (e == nil || e.Fault != c.fault) {
			t.Errorf("%v, want %q", c.err, c.fault)
		}
	}
	if known, err := chain.CheckRevocation(whole, nil); known != 0 || err != nil {
		t.Errorf("%d %v", known, err)
	}
}

func second[T any](_ T, err error) error { return err }

// FuzzRead reads anything as certificates. What is taken, written again as PEM, is read as
// the same; building a chain of it ends without a root.
func FuzzRead(f *testing.F) {
	good := bundletest.ChainPEM(jpltest.Publisher().Chain...)
	f.Add(good)
	f.Add(jpltest.Root().Certificate.Raw)
	f.Add(append([]byte("text\n"), good...))
	f.Add(bytes.Replace(good, []byte("-----BEGIN CERTIFICATE-----\n"), []byte("-----BEGIN CERTIFICATE-----\nProc-Type: 4\n\n"), 1))
	f.Add(good[:len(good)-30])
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := chain.Read(data)
		if err != nil {
			return
		}
		again, err := chain.Read(bundletest.ChainPEM(list...))
		if err != nil || !slices.EqualFunc(list, again, (*x509.Certificate).Equal) || len(list) == 0 || len(list) > chain.Max {
			t.Fatalf("%d certificates, then %d: %v", len(list), len(again), err)
		}
		if whole, err := chain.Build(list, nil, jpltest.Now()); err == nil {
			t.Fatalf("%v without a root", whole)
		}
	})
}
