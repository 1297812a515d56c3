// Package wire is the protocol between the host and an extension, both halves side by
// side.
//
// The host makes a go-plugin client from ClientConfig, and Lanes for the process that
// this starts, connects with Connect and talks to the Child. An extension's SDK calls
// Inherit, first thing, and Serve with its Extension. Child has the methods of
// Extension: what is called on one side arrives on the other. Pair joins the two
// halves in one process, for tests.
//
// Requests travel on the lane (package lane) where the extension serves it, else over
// the control connection as everything else does. Connections to others are made by
// the host and handed over (package dial). What an extension asks of its host comes over
// a stream of the control connection (package service): Child.Offer says who answers.
//
// Promised on the host side: every error of Process and ProjectParameters is an
// *sdk.Error, and whatever a child answers, the host gets known codes, valid UTF-8
// and bounded sizes from it. Promised on the child side: a panic of one call answers
// that call, and the process lives on.
package wire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"github.com/hashicorp/go-plugin"

	"github.com/jackfield-host/jackfield/internal/wire/dial"
	"github.com/jackfield-host/jackfield/internal/wire/lane"
	"github.com/jackfield-host/jackfield/sdk"
)

// ProtocolVersion is the version of proto/extension/v1 that this package speaks.
const ProtocolVersion = 1

// serviceName is the name under which go-plugin dispenses the service. It never
// crosses the wire.
const serviceName = "extension"

// MaxMetricsBytes bounds what Collect may answer.
const MaxMetricsBytes = 512 << 10

// maxTypesBytes and maxTypes bound what Describe may report, as for types.json.
const (
	maxTypesBytes = 4 << 20
	maxTypes      = 10_000
)

// overhead is what a message may hold beside its payload: names, media type, caller,
// an error with its violations.
const overhead = 1 << 20

// maxHeaders bounds headers and trailers of a child's answer, in bytes.
const maxHeaders = 64 << 10

// Lanes are the sockets that a child inherits: those for its requests, and the dial
// pair. Their child's ends are the first of its exec.Cmd.ExtraFiles (ChildFiles), and
// it is told so by Env.
type Lanes struct {
	*lane.Pairs
	// InFlight is how many requests may be out at once, 0 for 512.
	InFlight int
	dial     *net.UnixConn // the host's end of the dial pair, until DialConn
}

// NewLanes makes the sockets for one child. Connect takes them over, but for what
// DialConn has handed over before.
func NewLanes() (*Lanes, error) {
	pairs, err := lane.NewPairs()
	if err != nil {
		return nil, err
	}
	l := &Lanes{Pairs: pairs}
	host, child, err := dial.Pair()
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return l, nil
	case err != nil:
		l.Close()
		return nil, fmt.Errorf("making the dial pair: %w", err)
	}
	l.dial = host
	l.AddDial(child)
	return l, nil
}

// DialConn hands the host's end of the dial pair over, for dial.Serve. Nil means that
// there is none on this platform, or that it was handed over or closed before.
func (l *Lanes) DialConn() *net.UnixConn {
	conn := l.dial
	l.dial = nil
	return conn
}

// Close closes both sides.
func (l *Lanes) Close() {
	l.Pairs.Close()
	l.closeDial()
}

func (l *Lanes) closeDial() {
	if conn := l.DialConn(); conn != nil {
		_ = conn.Close() // nothing was written to it
	}
}

// Inherit takes over what the host passed to this process, and keeps it from the
// processes that this one starts. It is called first thing in main.
func Inherit() (*lane.Ends, error) { return lane.Inherit() }

// Handshake returns the cookie by which a child recognises that a host started it.
// It prevents a start by hand and protects nothing.
func Handshake() plugin.HandshakeConfig {
	return plugin.HandshakeConfig{
		ProtocolVersion:  ProtocolVersion,
		MagicCookieKey:   "JACKFIELD_EXTENSION",
		MagicCookieValue: "c1d3f9a4-routes-typed-requests",
	}
}

// Extension is what the child half serves; sdk/serve implements it on an
// sdk.Extension. The calls come in the order Describe, Init, Check, Activate, then
// any number of Process, ProjectParameters, Configure, Collect and Check at once, then
// Destroy.
type Extension interface {
	// Describe gets the main attributes of the manifest, names in lower case.
	Describe(ctx context.Context, manifest map[string]string) ([]sdk.Type, Capabilities, error)
	Init(ctx context.Context, args InitArgs) error
	Activate(ctx context.Context) error
	Check(ctx context.Context) error
	Configure(ctx context.Context, config json.RawMessage) error
	// Process answers one request. An error that is no *sdk.Error is logged and
	// answered as internal.
	Process(ctx context.Context, req *sdk.Request) (*sdk.Response, error)
	// ProjectParameters returns one JSON value, nil for none.
	ProjectParameters(ctx context.Context, project, locale string) (json.RawMessage, error)
	// Collect returns metrics in the text format of Prometheus, nil for none.
	Collect(ctx context.Context) ([]byte, error)
	Destroy(ctx context.Context) error
}

// LevelSetter is an Extension whose log can change its lowest level while it runs. One
// that is wrapped in another is found if that one has the method Unwrap.
type LevelSetter interface {
	SetLogLevel(level slog.Level)
}

// Capabilities says which optional calls an extension takes. The others need not be
// made.
type Capabilities struct {
	Activate, Configure, Check, ProjectParameters, Collect, Destroy bool
}

// InitArgs is what the host tells an extension beside its manifest.
type InitArgs struct {
	// Config is the configuration as JSON, nil when there is none.
	Config json.RawMessage
	// DataDir and BundleDir are absolute paths.
	DataDir, BundleDir string
	// LogLevel is the lowest level that the extension's log keeps.
	LogLevel slog.Level
	// DialContext is that of the child's Dialer. The child half sets it; it is never
	// sent.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	// KeyValue and Call ask the host. The child half sets them; they are never sent.
	KeyValue sdk.KeyValue
	Call     func(ctx context.Context, req *sdk.Request) (*sdk.Response, error)
}

// WithDialer is ext with the DialContext of d, which may be nil, in what Init gets.
func WithDialer(ext Extension, d *dial.Dialer) Extension { return dialling{ext, d} }

// dialling is an Extension whose host dials for it.
type dialling struct {
	Extension
	dialer *dial.Dialer
}

// Unwrap returns the Extension that this one was made of.
func (e dialling) Unwrap() Extension { return e.Extension }

// levelSetterOf returns what sets the level of ext's log, nil for nothing.
func levelSetterOf(ext Extension) LevelSetter {
	for {
		if setter, ok := ext.(LevelSetter); ok {
			return setter
		}
		outer, ok := ext.(interface{ Unwrap() Extension })
		if !ok {
			return nil
		}
		ext = outer.Unwrap()
	}
}

func (e dialling) Init(ctx context.Context, args InitArgs) error {
	args.DialContext = e.dialer.DialContext
	return e.Extension.Init(ctx, args)
}
