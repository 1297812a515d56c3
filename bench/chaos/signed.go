package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"os"
	"path/filepath"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/internal/keyfile"
	"github.com/jackfield-host/jackfield/trust/authority"
)

// publisher signs bundles for hosts that ask for a signature.
type publisher struct {
	authority    *authority.Authority
	organization *authority.Organization
}

// newPublisher makes an authority in dir, with one organization.
func newPublisher(dir string) (*publisher, error) {
	o := authority.Options{Name: "Chaos Root", Kind: keyfile.ECDSAP256, Passphrase: []byte(rand.Text())}
	a, err := authority.Init(dir, o)
	if err != nil {
		return nil, err
	}
	o.Name = "Chaos Publisher"
	org, err := a.AddOrganization("chaos.example", o)
	return &publisher{authority: a, organization: org}, err
}

// trusted has a host trust the authority.
func (p *publisher) trusted(h *host) error {
	dir := filepath.Join(h.home, "conf", "trust")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "chaos.pem"), p.authority.RootPEM(), 0o644)
}

// sign signs the bundle of an extension with a key of its own.
func (p *publisher) sign(ctx context.Context, name string, jar []byte) ([]byte, error) {
	issued, err := p.organization.Issue(idOf(name), authority.IssueOptions{Kind: keyfile.ECDSAP256})
	if err != nil {
		return nil, err
	}
	f, err := bundle.NewFile(bytes.NewReader(jar), int64(len(jar)), bundle.DefaultLimits())
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = bundle.Sign(ctx, f, &out, bundle.SignOptions{Signer: issued.Key, Chain: issued.Chain})
	return out.Bytes(), err
}
