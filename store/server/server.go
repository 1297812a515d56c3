// Package server is the store: New makes one of a Config, Run serves it until its context
// ends.
//
// What is promised: what was answered as published is durable; what is served was verified
// when it came in, and is served by its digest; nothing that is submitted can break what
// is served. Several servers may share one database and one bucket: nothing is kept in
// memory that another would have to know.
package server

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/google/renameio/v2"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/jackfield-host/jackfield/store/server/internal/blobs"
	"github.com/jackfield-host/jackfield/store/server/internal/catalogue"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
	"github.com/jackfield-host/jackfield/store/server/internal/drop"
	"github.com/jackfield-host/jackfield/store/server/internal/ingest"
	"github.com/jackfield-host/jackfield/store/server/internal/signing"
	"github.com/jackfield-host/jackfield/store/server/internal/web"
)

const (
	// headerTime is how long a client may take for the header of a request, bodyTime for a
	// body that is no file, answerTime for taking an answer that is none.
	headerTime = 10 * time.Second
	bodyTime   = time.Minute
	answerTime = 2 * time.Minute
	idleTime   = 2 * time.Minute
	// maxHeader bounds the header of a request, in bytes.
	maxHeader = 32 << 10
	// countEvery is how often downloads that were counted are written down.
	countEvery = 2 * time.Second
	// settleTime bounds how long an answer waits for the catalogue to show what was changed.
	settleTime = 2 * time.Second
	// maintainEvery is how often what nobody needs any more is forgotten.
	maintainEvery = time.Hour
	// sweepGrace is how long a blob that nothing needs is kept.
	sweepGrace = 24 * time.Hour
)

// GCPercent is for debug.SetGCPercent in a process that is all one store: its catalogue is
// large, and hardly anything to look at for the collector.
const GCPercent = catalogue.GCPercent

// Server is a store.
type Server struct {
	cfg       Config
	release   func() // gives the data folder free
	database  *database.Database
	queries   *queries
	blobs     blobs.Store
	keys      *signing.Keys
	archives  *archives
	catalogue *catalogue.Catalogue
	desk      *ingest.Desk
	drop      *drop.Watcher // nil for none
	counter   *database.Counter
	jamiCRL   []byte // what Jami's root has revoked, DER; nil for none
	handler   http.Handler
	ahead     []func(context.Context) error // what the faces do before somebody asks
	// blobCount and blobBytes are as of the last time that somebody counted.
	blobCount, blobBytes atomic.Int64
}

// New opens database and blobs, migrates them, and puts the store together. What it has
// opened is closed by Run, or by Close when Run is never called.
func New(ctx context.Context, cfg Config) (_ *Server, err error) {
	if cfg, err = cfg.complete(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, queries: newQueries()}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.release, err = prepare(cfg.Data); err != nil {
		return nil, err
	}
	if s.database, err = database.Open(ctx, cfg.Database, database.Options{Log: cfg.Log, Took: s.queries.took}); err != nil {
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	options := blobs.Options{Limit: cfg.MaxBytes, Temp: cfg.temp(), AccessKey: cfg.S3AccessKey, SecretKey: cfg.S3SecretKey}
	if s.blobs, err = blobs.Open(ctx, cfg.Blobs, options); err != nil {
		return nil, fmt.Errorf("opening the blobs: %w", err)
	}
	if s.keys, err = cfg.signer(); err != nil {
		return nil, fmt.Errorf("opening the key that signs the index: %w", err)
	}
	if err := writeRoot(cfg.Data, s.keys.RootPEM()); err != nil {
		return nil, err
	}
	s.catalogue = catalogue.New(catalogue.Config{
		Database: s.database, Signer: s.keys, Store: s.keys.Store(), Log: cfg.Log,
	})
	if err := s.openDesk(); err != nil {
		return nil, err
	}
	s.counter = database.NewCounter(s.database, countEvery)
	if err := firstToken(ctx, s.database, cfg.Data); err != nil {
		return nil, err
	}
	if s.archives, err = s.openArchives(ctx); err != nil {
		return nil, err
	}
	s.handler, err = s.newHandler(prometheus.NewRegistry(), web.NewMetrics())
	return s, err
}

// Handler is what the store answers with, for who listens himself.
func (s *Server) Handler() http.Handler { return s.handler }

// writeRoot writes the certificate that hosts need to trust this store's index where the
// administrator finds it; nothing when only the administrator knows it.
func writeRoot(data string, root []byte) error {
	path := filepath.Join(data, "root.pem")
	if old, err := os.ReadFile(path); root == nil || err == nil && bytes.Equal(old, root) {
		return nil
	}
	if err := renameio.WriteFile(path, root, 0o644); err != nil {
		return fmt.Errorf("writing the root of the index: %w", err)
	}
	return nil
}

// Close gives back what New opened.
func (s *Server) Close() error {
	var err error
	if s.database != nil {
		err = s.database.Close()
	}
	if s.release != nil {
		s.release()
	}
	return err
}

// Run serves listener until ctx ends, then lets requests end, for Config.Drain at most, and
// closes everything. It returns nil after a graceful stop.
func (s *Server) Run(ctx context.Context, listener net.Listener) error {
	// What the requests need outlives them.
	behind, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	work, behind := errgroup.WithContext(behind)
	work.Go(func() error { return s.catalogue.Run(behind) })
	work.Go(func() error { return s.desk.Run(behind) })
	if s.drop != nil {
		work.Go(func() error { return s.drop.Run(behind) })
	}
	work.Go(func() error {
		return s.counter.Run(behind, func(err error) { s.cfg.Log.Warn("downloads can not be written down yet", "error", err) })
	})
	work.Go(func() error { s.maintain(behind); return nil })
	work.Go(func() error { s.lookAhead(behind); return nil })
	work.Go(func() error {
		defer stop()
		return s.serve(ctx, behind, listener)
	})
	err := work.Wait()
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return errors.Join(err, s.Close())
}

// serve answers requests until ctx ends, or behind does.
func (s *Server) serve(ctx, behind context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: cmp.Or(s.cfg.Stall, headerTime), ReadTimeout: bodyTime, WriteTimeout: answerTime, IdleTimeout: idleTime,
		MaxHeaderBytes: maxHeader, TLSConfig: s.cfg.TLS, ErrorLog: slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() {
		if s.cfg.TLS != nil {
			failed <- server.ServeTLS(listener, "", "")
			return
		}
		failed <- server.Serve(listener)
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	case <-behind.Done():
	}
	s.cfg.Log.Info("stopping: requests may end", "within", s.cfg.Drain)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Drain)
	defer cancel()
	err := server.Shutdown(drain)
	if errors.Is(err, context.DeadlineExceeded) {
		s.cfg.Log.Warn("requests took too long to end; they are broken off")
		err = server.Close()
	}
	<-failed // http.ErrServerClosed
	return err
}

// settle waits until what was changed is in the catalogue that this server shows, for two
// seconds at most: who is told that something is published finds it.
func (s *Server) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	sequence, err := s.database.Sequence(ctx)
	if err != nil {
		return
	}
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for s.catalogue.Current().Sequence() < sequence {
		s.catalogue.Wake()
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
	}
}

// maintain forgets what nobody needs any more, and counts the blobs, until ctx ends.
func (s *Server) maintain(ctx context.Context) {
	tick := time.NewTicker(maintainEvery)
	defer tick.Stop()
	for hour := 0; ; hour++ {
		if err := s.count(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("the blobs can not be counted", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if _, err := s.database.Maintain(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("the database can not be maintained", "error", err)
		}
		if hour%24 != 0 {
			continue
		}
		swept, err := s.blobs.Sweep(ctx, s.database.InUse, sweepGrace)
		if err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("blobs that nothing needs can not be removed", "error", err)
		}
		if swept.Blobs > 0 {
			s.cfg.Log.Info("removed blobs that nothing needs", "blobs", swept.Blobs, "bytes", swept.Bytes)
		}
	}
}

// count counts what the blobs are.
func (s *Server) count(ctx context.Context) error {
	var n, bytes int64
	err := s.blobs.Walk(ctx, func(info blobs.Info) error {
		n++
		bytes += info.Size
		return ctx.Err()
	})
	if err == nil {
		s.blobCount.Store(n)
		s.blobBytes.Store(bytes)
	}
	return err
}
