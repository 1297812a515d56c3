package edge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/jackfield-host/jackfield/host/internal/edge/envelope"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/router"
)

// The subjects that a WebSocket may subscribe to.
const (
	subjectTypes  = "types"
	subjectStates = "states"
)

// Run looks after WebSockets and tells them of changes, until ctx ends. Then it cuts
// those that are left, and returns when nothing of them is left.
func (h Handler) Run(ctx context.Context) {
	var lines sync.WaitGroup
	lines.Go(func() { h.lines.Run(ctx) })
	defer lines.Wait()
	w := &watcher{edge: h.edge, states: map[string]stateEvent{}}
	for {
		changed := h.router.Changed()
		if err := w.look(h.router.Table()); err != nil {
			h.log.Error("computing events", "err", err)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// Shutdown ends batches and WebSockets in good order: what is at work is answered
// until ctx ends, WebSockets are closed with code 1001. An error says what was cut.
func (h Handler) Shutdown(ctx context.Context) error { return h.lines.Shutdown(ctx) }

// watcher finds out what has changed from one table to the next.
type watcher struct {
	edge   *edge
	types  []byte
	states map[string]stateEvent // by extension
}

// stateEvent is the data of an event of states.
type stateEvent struct {
	Extension string          `json:"extension"`
	Version   string          `json:"version"`
	State     lifecycle.State `json:"state"`
}

// look publishes the difference between t and the table before.
func (w *watcher) look(t *router.Table) error {
	doc, err := w.edge.types.of(t)
	if err != nil {
		return err
	}
	if !bytes.Equal(doc.json, w.types) {
		w.types = doc.json
		events := [][]byte{envelope.AppendEvent(nil, subjectTypes, doc.json)}
		w.edge.lines.Publish(subjectTypes, events, events)
	}
	now := statesOf(t)
	var changes, present [][]byte
	for _, id := range slices.Sorted(maps.Keys(now)) {
		event, err := render(now[id])
		present = append(present, event)
		if now[id] != w.states[id] {
			changes = append(changes, event)
		}
		if err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(w.states)) {
		if _, stays := now[id]; !stays {
			last := w.states[id]
			last.State = lifecycle.Removed
			event, err := render(last)
			if err != nil {
				return err
			}
			changes = append(changes, event)
		}
	}
	w.states = now
	if len(changes) > 0 {
		w.edge.lines.Publish(subjectStates, changes, present)
	}
	return nil
}

func render(e stateEvent) ([]byte, error) {
	data, err := json.Marshal(e)
	return envelope.AppendEvent(nil, subjectStates, data), errors.Join(err)
}

// statesOf is the state of every extension that has types in t. While two versions of
// one have, that of the one that runs.
func statesOf(t *router.Table) map[string]stateEvent {
	states := map[string]stateEvent{}
	for _, route := range t.Types() {
		if _, known := states[route.Extension]; !known || route.State == lifecycle.Running {
			states[route.Extension] = stateEvent{route.Extension, route.Version, route.State}
		}
	}
	return states
}
