package cacmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/net/netutil"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/trust/authority"
	"github.com/jackfield-host/jackfield/trust/responder"
)

const (
	// maxConnections at a time; a request is answered in milliseconds.
	maxConnections = 512
	// farewell is how long requests may go on after the signal to stop.
	farewell = 5 * time.Second
)

// listening is what serve prints when it can be asked.
type listening struct {
	URL string `json:"url"`
}

func newServe(at *place) *cobra.Command {
	var address string
	var valid time.Duration
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "answer OCSP requests and hand out the lists of revoked certificates",
		Long: `Serve answers under the URL that was given to 'ca init --url':

  POST /ocsp, GET /ocsp/<request>   OCSP, RFC 6960 and RFC 5019
  GET /crl/root.crl, /crl/<host>.crl   the lists, in DER

Put it behind a proxy for that URL, or listen on its address. Answers are signed by
certificates that live a day and are renewed by themselves, for each CA whose key can
be opened; for another one it needs 'ca ocsp delegate', and has the list that was signed
last. What 'ca revoke' revokes is answered so at once. It stops on SIGINT and SIGTERM.`,
		Example: `  jackfield ca ocsp serve --listen 127.0.0.1:8889
  jackfield ca ocsp serve --listen :80 --passphrase-file /run/secrets/ca`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringVar(&address, "listen", "127.0.0.1:8889", "address to listen on; port 0 takes any free one")
	cmd.Flags().DurationVar(&valid, "valid", responder.AnswerValidity, "how long an answer is valid: hosts may not ask again before")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx := contextOf(cmd)
		var started atomic.Bool
		a, err := at.openWith(func(name string) ([]byte, error) {
			// Nobody sits at the terminal for organizations that are made later.
			if started.Load() && at.fileFor(name) == "" {
				return nil, errors.New("its passphrase was not given when 'ca ocsp serve' started")
			}
			return at.passphrase(cmd, name)
		})
		if err != nil {
			return err
		}
		log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
		r, err := responder.New(a, responder.Options{Validity: valid, Log: log})
		if err != nil {
			return output.Usagef("", "--valid: %w", err)
		}
		if err := firstLook(r, log); err != nil {
			return err
		}
		started.Store(true)
		ln, err := listen(ctx, address)
		if err != nil {
			return err
		}
		here := listening{URL: "http://" + ln.Addr().String()}
		if err := format.Print(cmd.OutOrStdout(), here, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "listening on %s\n", here.URL)
			return err
		}); err != nil {
			return errors.Join(err, ln.Close())
		}
		return serve(ctx, ln, r, log)
	}
	return cmd
}

// firstLook fails for what the person who starts it can put right at once, a wrong
// passphrase or a damaged file, and warns of keys that are away.
func firstLook(r *responder.Responder, log *slog.Logger) error {
	for _, err := range flat(r.Refresh()) {
		var e *authority.Error
		if !errors.As(err, &e) || e.Code != authority.CodeNoKey && e.Code != authority.CodeExpired {
			return explain(err)
		}
		log.Warn("not all is answered", "err", err, "hint", "'jackfield ca ocsp delegate' and 'jackfield ca crl' work in advance while the key is there")
	}
	return nil
}

// flat takes a joined error apart.
func flat(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	switch {
	case err == nil:
		return ln, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, output.Errorf("stop what listens there, or choose another address with --listen (port 0 takes any free one)", "the address %s is in use by another process", address)
	}
	return nil, output.Errorf("choose another address with --listen", "listening on %s: %w", address, err)
}

// serve answers until ctx ends, then lets requests that have begun end.
func serve(ctx context.Context, ln net.Listener, r *responder.Responder, log *slog.Logger) error {
	server := &http.Server{
		Handler:           r,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelDebug), // what clients do wrong
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	refreshed, served := make(chan struct{}), make(chan error, 1)
	go func() { defer close(refreshed); r.Run(running) }()
	go func() { served <- server.Serve(netutil.LimitListener(ln, maxConnections)) }()
	var err error
	select {
	case err = <-served:
		err = fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
		defer cancel()
		if server.Shutdown(last) != nil {
			err = server.Close() // those that would not end
		}
		<-served
	}
	stop()
	<-refreshed
	return err
}
