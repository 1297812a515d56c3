// Command tracking is the extension that the JMap manual takes as its example:
// devices report their positions, clients ask where the devices are and which way
// they went. README.md is its manual.
//
// The way through the files: a request enters in report.go, current.go or track.go,
// which check it and speak to the store in history.go. add.go says how positions get
// into the store, prune.go how they leave it, open.go how its file is begun, checked
// and closed, position.go what is in it. geography.go is the arithmetic on the
// earth's surface, geojson.go the shape of the answers, config.go what an
// administrator can set. This file is the life cycle.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
	"github.com/jackfield-host/jackfield/sdk/serve"
)

// types is what the names of all types begin with.
const types = "jmap.extensions.tracking.common."

func main() { serve.Main(newTracking(time.Now)) }

// tracking is the extension. Init and Activate fill it in, in this order, before
// the first request.
type tracking struct {
	now    func() time.Time
	log    *slog.Logger
	folder string

	// Configure replaces config and Activate sets history while others read them.
	config  atomic.Pointer[config]
	history atomic.Pointer[history]
	pruner  pruner
}

func newTracking(now func() time.Time) *tracking {
	return &tracking{now: now, log: slog.New(slog.DiscardHandler), pruner: newPruner()}
}

// Handlers implements sdk.Extension.
func (t *tracking) Handlers() []sdk.Handler {
	return []sdk.Handler{
		sdk.Handle(types+"ReportPositionsRequest", types+"ReportPositionsResponse", t.report),
		sdk.Handle(types+"CurrentPositionsRequest", types+"CurrentPositionsResponse", t.current),
		sdk.Handle(types+"TrackRequest", types+"TrackResponse", t.track),
	}
}

// Init reads the configuration. It leaves the history alone: the previous version
// may still be writing it.
func (t *tracking) Init(_ context.Context, setup sdk.Setup) error {
	cfg, err := parseConfig(setup.Config)
	if err != nil {
		return err
	}
	info, err := os.Stat(setup.DataDir)
	if err != nil {
		return fmt.Errorf("looking for the data folder: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("the data folder %s is no folder", setup.DataDir)
	}
	if setup.Log != nil {
		t.log = setup.Log
	}
	t.folder = setup.DataDir
	t.config.Store(&cfg)
	return nil
}

// Activate opens the history and starts to prune it.
func (t *tracking) Activate(context.Context) error {
	h, err := openHistory(t.folder)
	if err != nil {
		return err
	}
	t.history.Store(h)
	t.pruner.start(t)
	return nil
}

// Check tells whether the history can be used.
func (t *tracking) Check(context.Context) error {
	if h := t.history.Load(); h != nil {
		return h.check()
	}
	return nil // not active yet
}

// Configure takes other bounds of the history, which are enforced soon after.
func (t *tracking) Configure(_ context.Context, data json.RawMessage) error {
	cfg, err := parseConfig(data)
	if err != nil {
		return err
	}
	t.config.Store(&cfg)
	t.pruner.wake()
	return nil
}

// Destroy stops pruning and closes the history.
func (t *tracking) Destroy(context.Context) error {
	t.pruner.stop()
	if h := t.history.Swap(nil); h != nil {
		return h.close()
	}
	return nil
}

// open returns what a handler needs.
func (t *tracking) open() (*history, config, error) {
	h, cfg := t.history.Load(), t.config.Load()
	if h == nil || cfg == nil {
		return nil, config{}, errors.New("a request has come before the history was opened, or after it was closed")
	}
	return h, *cfg, nil
}
