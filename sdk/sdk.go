// Package sdk is the dictionary of Jackfield: the nouns that an extension, the
// host and the wire between them agree on.
//
// An author writes handlers and hands them to serve.Main, which is the last line
// of every extension:
//
//	func main() {
//		serve.Main(sdk.Handlers{
//			sdk.Handle("examples.hello.HelloRequest", "examples.hello.HelloResponse", hello),
//		})
//	}
//
// What the extension is called, which version it has and which base types it
// answers stands in its manifest and is not repeated in code; the host passes the
// manifest at start. Everything an extension may do beyond answering requests is a
// small interface of its own (Initializer, Activator, Checker, Configurer,
// ParametersProvider, Collector, Destroyer): implement it on the Extension value and the host
// finds it. Package sdk imports the standard library only and does no I/O.
package sdk

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
)

// Extension is what serve.Main runs. Handlers is called once, before Describe; the
// set of handlers does not change while the process lives. Handlers (the type) is
// the Extension of those who need no life cycle of their own.
type Extension interface {
	Handlers() []Handler
}

// Handlers is the simplest Extension: a list of handlers.
type Handlers []Handler

// Handlers returns h.
func (h Handlers) Handlers() []Handler { return h }

// Initializer is an Extension that prepares itself. The host calls Init once,
// before any request, and waits at most timeouts.start for it. Init may read
// Setup.DataDir but must not write there: during an upgrade the previous version
// may still be running. An error ends the process, and the host tries again with
// back-off.
type Initializer interface {
	Init(ctx context.Context, setup Setup) error
}

// Activator is an Extension that owns data. Activate follows a successful Init and
// Check; from here on the extension may write its data folder, and requests follow.
// An error ends the process.
type Activator interface {
	Activate(ctx context.Context) error
}

// Checker is an Extension that knows its own health. The host calls Check before
// the first request and then every check.interval, on a connection that requests do
// not share, concurrently with handlers. Nil means healthy. An Extension without
// Checker is healthy while its process answers.
type Checker interface {
	Check(ctx context.Context) error
}

// Configurer is an Extension that takes a new configuration without a restart. The
// new configuration holds when Configure returns nil; on an error the old one still
// holds. Configure may be called while handlers run.
type Configurer interface {
	Configure(ctx context.Context, config json.RawMessage) error
}

// ParametersProvider is an Extension that contributes parameters to a project when
// a client opens it. The result is encoded as JSON; nil is legal and means none.
// Locale is as the client sent it, for example fr_CA.
type ParametersProvider interface {
	ProjectParameters(ctx context.Context, project, locale string) (any, error)
}

// Collector is an Extension with metrics of its own. The host calls Collect whenever
// somebody scrapes its /metrics, concurrently with handlers, and shows the answer there
// under names that begin with ext_ and with the label extension. The answer is text in
// the format of Prometheus, version 0.0.4, of at most 512 KiB:
//
//	# HELP mail_queue_length Mails that wait to be sent.
//	# TYPE mail_queue_length gauge
//	mail_queue_length 3
//
// A family that is not as docs/metrics.md says is left out and counted; sdktest.Conform
// says which, and why. Collect must answer within a second: what takes longer is measured
// elsewhere and read here.
type Collector interface {
	Collect(ctx context.Context) ([]byte, error)
}

// Destroyer is an Extension that has something to close. Destroy is the last call:
// no handler runs any more and none follows. It is not called when the process is
// killed, so what must survive is written before a handler answers.
type Destroyer interface {
	Destroy(ctx context.Context) error
}

// Setup is what the host tells an extension at Init.
type Setup struct {
	// Manifest holds the main attributes of the bundle's manifest, names in lower
	// case: extension_id, extension_version and the rest.
	Manifest map[string]string
	// Config is the configuration as JSON, nil when there is none.
	Config json.RawMessage
	// DataDir is the extension's private folder, an absolute path. It exists, and
	// it survives restarts and upgrades.
	DataDir string
	// BundleDir is the unpacked bundle, an absolute path, read-only.
	BundleDir string
	// Log is the extension's log, kept by the host. Its level follows the host's
	// log.level for this extension.
	Log *slog.Logger
	// DialContext connects to a host and port that the manifest has the permission
	// net:HOST:PORT for; it fits http.Transport. An extension has no network of its
	// own: the host checks the grant, resolves the name, dials and hands the connected
	// socket over, a *net.TCPConn. The network is "tcp", "tcp4" or "tcp6"; address is
	// HOST:PORT as in the manifest. A dial takes 60 s at most, and 64 may be under way
	// at once. Without the grant the error has an *Error with PermissionDenied in its
	// chain, whose message names the missing permission; a name that leads to this
	// machine or its link-local neighbours is refused, too, unless the grant is for
	// localhost or the address itself. Check ahead of returning such an error from a
	// handler: the client would read it. It is never nil.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	// KeyValue is the extension's own key-value store, kept by the host. It needs the
	// permission kv, without which every method fails with PermissionDenied. It is
	// never nil.
	KeyValue KeyValue
	// Call has another extension answer a request, of a type that the manifest has the
	// permission call:TYPE for; exactly that type. Of req it takes Type, MediaType (empty
	// for the usual one of the type), Payload and, if set, Trace. What is called within a
	// handler, with the handler's context or one made from it, is asked in the name of
	// the handler's Caller, ends when the handled request ends, and is counted against
	// the limit of 8 calls within each other; anything else is asked in the name of nobody.
	// The one who is asked sees this extension as Caller.Extension.
	//
	// Every error is an *Error: what the other extension answers, what the host says
	// instead of it, as to any client (unknown_type, unavailable, exhausted,
	// validation_failed and the rest), or permission_denied, which names the missing
	// permission. The answer is the caller's until its Free. It is never nil.
	Call func(ctx context.Context, req *Request) (*Response, error)
}
