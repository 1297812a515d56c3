package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"time"
)

// startLimit is how soon a host with many extensions must be ready.
const startLimit = 5 * time.Second

// hundred starts a host with many extensions, each signed with a key of its own: with
// files that it has never seen, and once more.
func hundred(ctx context.Context, s *stage) error {
	h, err := s.host("home", settings{"trust.policy": "require"})
	if err != nil {
		return err
	}
	publisher, err := newPublisher(filepath.Join(s.dir, "authority"))
	if err == nil {
		err = publisher.trusted(h)
	}
	if err != nil {
		return err
	}
	count := s.plan.extensions
	var all []parcel
	for i := range count {
		p := good(fmt.Sprintf("n%d", i), 1, i%2 == 0)
		all = append(all, p)
		jar, err := publisher.sign(ctx, p.name, s.kit.pack(p))
		if err == nil {
			err = h.put(p.file(), jar)
		}
		if err != nil {
			return err
		}
	}
	for _, start := range []struct{ what, must string }{
		{"first start, which accepts them", "reported"},
		{"start", "≤ " + startLimit.String()},
	} {
		if err := h.start(ctx); err != nil {
			return err
		}
		took, err := h.ready(ctx)
		if err != nil {
			return err
		}
		s.timed(fmt.Sprintf("%d extensions, %s: exec to ready", count, start.what), ms(took), start.must, start.must == "reported" || took <= startLimit)
		if err := s.allAnswer(ctx, h, all); err != nil {
			return err
		}
		if err := h.stop(); err != nil {
			return err
		}
	}
	return nil
}

// allAnswer waits until all run, and asks each once.
func (s *stage) allAnswer(ctx context.Context, h *host, all []parcel) error {
	running := 0
	err := await(ctx, 2*patience, "all extensions run", func() (bool, error) {
		rows, err := h.rows(ctx)
		running = 0
		for _, r := range rows {
			if r.State == "running" {
				running++
			}
		}
		return running == len(all), err
	})
	if err != nil {
		s.figure("extensions that run", fmt.Sprintf("%d of %d", running, len(all)), "all", false)
		return err
	}
	wrong := 0
	for _, p := range all {
		status, text, err := h.call(ctx, http.MethodPost, "http://"+h.requests+"/v1/requests/"+typeOf(p.name), "application/json", []byte(`{"n": 1}`))
		if err != nil || status != http.StatusOK {
			wrong++
			s.note("hundred: %s answers %d %s %v", p.name, status, text, err)
		}
	}
	s.figure("extensions that do not answer", fmt.Sprintf("%d of %d", wrong, len(all)), "0", wrong == 0)
	return nil
}
