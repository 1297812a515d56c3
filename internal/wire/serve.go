package wire

import (
	"errors"
	"io"
	"log/slog"
	"math"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/jackfield-host/jackfield/internal/slogbridge"
	"github.com/jackfield-host/jackfield/internal/wire/dial"
	"github.com/jackfield-host/jackfield/internal/wire/lane"
)

// connectTimeout is how long a child waits for its host after the handshake.
const connectTimeout = time.Minute

// GoneExitCode is the exit code of a child whose host has gone.
const GoneExitCode = 3

// Started reports whether a host started this process, as far as the cookie says.
func Started() bool {
	h := Handshake()
	return os.Getenv(h.MagicCookieKey) == h.MagicCookieValue
}

// Serve is the child's half: it does the handshake on stdout and serves ext until the
// host says that it is enough, and returns then. It owns the process:
//
//   - From the first call on, os.Stdout is os.Stderr as it was before Serve: what is
//     printed goes to the log. What was printed before is sorted out by the host.
//   - SIGINT and SIGTERM do nothing. A Ctrl-C in the host's terminal is for the host.
//   - When the connection to the host is gone, or none comes within a minute, the
//     process ends with GoneExitCode. On Linux the host's death kills it before.
//
// log must write to stderr. Ends are what Inherit returned, nil for none.
func Serve(ext Extension, log *slog.Logger, ends *lane.Ends) {
	serveVersion(ext, log, ends, ProtocolVersion)
}

func serveVersion(ext Extension, log *slog.Logger, ends *lane.Ends, version int) {
	stderr := os.Stderr
	// go-plugin has put pipes in their place, which nobody reads to the end. Its
	// writers stay referenced here: a collected one would close its pipe.
	var pipes [2]*os.File
	first := func() {
		pipes[0], pipes[1] = os.Stdout, os.Stderr
		os.Stdout, os.Stderr = stderr, stderr
	}
	// Received and never read: ignoring them instead would be inherited by the
	// extension's own children.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)

	watch := newHostWatch(log, connectTimeout)
	go watch.run()
	defer watch.stop()
	dialer := dialerOf(ends)
	defer dialer.Close()
	service := newServer(WithDialer(ext, dialer), log, first)
	if ends != nil {
		end, err := service.serveLane(ends, watch)
		if err != nil {
			log.Error("serving the lane, requests come over the control connection", "error", err)
			ends.Close()
		} else {
			defer end()
		}
	}
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  Handshake(),
		VersionedPlugins: map[int]plugin.PluginSet{version: {serviceName: &half{server: service}}},
		Logger:           slogbridge.Hclog(slog.New(slogbridge.Least(log.Handler(), slog.LevelWarn))),
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(opts, serverOptions(watch)...)...)
		},
	})
	os.Stdout, os.Stderr = stderr, stderr
}

// dialerOf is the Dialer of this process, nil where the host dials for nobody.
func dialerOf(ends *lane.Ends) *dial.Dialer {
	if ends == nil {
		return nil
	}
	conn := ends.DialConn()
	if conn == nil {
		return nil
	}
	return dial.NewDialer(conn)
}

// serveLane begins to serve the lane. End ends it, and waits for the handlers that
// still run.
func (s *server) serveLane(ends *lane.Ends, watch *hostWatch) (end func(), err error) {
	served, err := lane.NewServer(ends, s.onLane)
	if err != nil {
		return nil, err
	}
	s.lane = lane.Version
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		<-served.Done()
		if watch != nil {
			watch.lost(served.Err())
		}
	}()
	return func() { served.Close(); <-watching }, nil
}

// serverOptions take any size from the host, which has checked it.
func serverOptions(watch *hostWatch) []grpc.ServerOption {
	opts := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(math.MaxInt32),
		grpc.MaxSendMsgSize(math.MaxInt32),
	}
	if watch != nil {
		opts = append(opts, grpc.StreamInterceptor(watch.intercept))
	}
	return opts
}

// hostWatch ends the process when its host is gone: when the lane ends, or the one
// stream that the host keeps open for as long as it is connected, go-plugin's
// StreamStdio. Nothing is polled.
type hostWatch struct {
	log       *slog.Logger
	patience  time.Duration // how long a host may take to connect
	connected chan struct{} // gets one value for each stream that begins
	gone      chan struct{} // gets one value for each stream and lane that ends
	done      chan struct{} // closed when serving has ended by itself
	ended     chan struct{} // closed when run has ended
	exit      func(code int)
}

func newHostWatch(log *slog.Logger, patience time.Duration) *hostWatch {
	return &hostWatch{
		log: log, patience: patience, exit: os.Exit,
		connected: make(chan struct{}, 1), gone: make(chan struct{}, 1),
		done: make(chan struct{}), ended: make(chan struct{}),
	}
}

func (w *hostWatch) intercept(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if info.FullMethod != "/plugin.GRPCStdio/StreamStdio" {
		return handler(srv, stream)
	}
	notify(w.connected)
	defer notify(w.gone)
	return handler(srv, stream)
}

// lost is told that the lane has ended, which is the first sign of the host's end.
func (w *hostWatch) lost(err error) {
	if !errors.Is(err, io.EOF) {
		w.log.Debug("the lane has ended", "error", err)
	}
	notify(w.gone)
}

func notify(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (w *hostWatch) run() {
	defer close(w.ended)
	timeout := time.NewTimer(w.patience)
	defer timeout.Stop()
	select {
	case <-w.connected:
	case <-w.gone:
		notify(w.gone)
	case <-timeout.C:
		w.log.Error("no host has connected, ending", "after", w.patience)
		w.exit(GoneExitCode)
		return
	case <-w.done:
		return
	}
	select {
	case <-w.gone:
	case <-w.done:
		return
	}
	// A stop that the host asked for ends the stream, too: serving returns at once
	// then, and the process is about to end by itself.
	grace := time.NewTimer(time.Second)
	defer grace.Stop()
	select {
	case <-w.done:
	case <-grace.C:
		w.log.Error("the host is gone, ending")
		w.exit(GoneExitCode)
	}
}

func (w *hostWatch) stop() {
	close(w.done)
	<-w.ended
}
