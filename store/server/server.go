// Package server is the store: New makes one of a Config, Run serves it until its context
// ends.
//
// What is promised: what was answered as published is durable; what is served was verified
// when it came in, and is served by its digest; nothing that is submitted can break what
// is served. Several servers may share one database and one bucket: nothing is kept in
// memory that another would have to know.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"time"
)

// Config is what a store is made from. Defaults fills in what may be left out.
type Config struct {
	// Data is the folder of the store: store.db, blobs, keys, trust, admin-token.
	Data string
	// Database is empty for Data/store.db, or postgres://….
	Database string
	// Blobs is empty for Data/blobs, or s3://BUCKET?endpoint=….
	Blobs string
	// Trust is the folder of the roots that bundles must lead to; empty for Data/trust.
	Trust string
	// UnsignedUnsafe lets bundles in that nobody has signed. For development only.
	UnsignedUnsafe bool
	// Drop is a folder in the Jami store's layout that is watched; empty for none.
	Drop string
	// Admission says what becomes of what passes the checks: Direct or Review.
	Admission Admission
	// BaseURL is where clients reach the store, with the path prefix if it has one; nil
	// for the address of the listener.
	BaseURL *url.URL
	// Name is the store's name in its index; empty for the host of BaseURL.
	Name string
	// SigningCert and SigningKey are PEM files: the store's certificate chain and key.
	// Without them the store makes an authority of its own in Data/keys.
	SigningCert, SigningKey string
	// Listener is served; TLS is its configuration, nil for plain HTTP.
	Listener net.Listener
	TLS      *tls.Config
	// Proxies are the addresses whose X-Forwarded-For and X-Forwarded-Proto count.
	Proxies []netip.Prefix
	// MaxBytes is the size of the largest file that is taken.
	MaxBytes int64
	// Drain is how long requests may take to end when the store stops.
	Drain time.Duration
	// Version is the program's own.
	Version string
	Log     *slog.Logger
}

// Admission says what becomes of what passes the checks.
type Admission string

// The policies of admission.
const (
	Direct Admission = "direct" // it is published
	Review Admission = "review" // it waits for somebody to approve it
)

// Server is a store.
type Server struct{ cfg Config }

// New opens database and blobs, migrates, and reads the catalogue. What it has opened is
// closed by Run, or by Close when Run is never called.
func New(_ context.Context, cfg Config) (*Server, error) {
	return &Server{cfg}, errors.New("not wired")
}

// Run serves until ctx ends, then drains requests and closes everything. It returns nil
// after a graceful stop.
func (s *Server) Run(context.Context) error { return nil }

// Close gives back what New opened.
func (s *Server) Close() error { return nil }
