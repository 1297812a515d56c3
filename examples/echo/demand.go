package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

// The bounds of a demand. A value outside of them is an invalid_argument.
const (
	demandBytes = 4096           // a longer payload asks nothing
	maxSleepMS  = 10 * 60 * 1000 // milliseconds
	maxExit     = 255
	maxAllocMB  = 16 * 1024 // MiB in one request
)

// demand is what a JSON payload may ask before it is echoed. Several at once are
// met in the order of the fields.
type demand struct {
	// AllocMB takes that many MiB of memory, touches every page, and keeps them
	// until the process ends: for tests of memory limits.
	AllocMB int `json:"alloc_mb"`
	// Metrics is what the extension says of itself from then on when the host asks for
	// its metrics; an empty text asks nothing.
	Metrics string `json:"metrics"`
	// SleepMS waits, or fails with the context's error when that ends first.
	SleepMS int `json:"sleep_ms"`
	// Panic panics.
	Panic bool `json:"panic"`
	// Exit ends the process at once with this code, 0 included.
	Exit *int `json:"exit"`
}

// demandOf reads the demand in a payload, nil when it asks nothing. Payloads that
// are not JSON, long, or without one of the five words are not decoded: echo is
// what the speed of a host is measured with.
func demandOf(req *sdk.Request) (*demand, error) {
	body := req.Payload
	if len(body) > demandBytes || !maybeJSON(req.MediaType) || !asks(body) {
		return nil, nil
	}
	var d demand
	if json.Unmarshal(body, &d) != nil {
		return nil, nil // no demand, just bytes
	}
	switch {
	case d.SleepMS < 0 || d.SleepMS > maxSleepMS:
		return nil, sdk.Errorf(sdk.InvalidArgument, "sleep_ms must be between 0 and %d", maxSleepMS)
	case d.AllocMB < 0 || d.AllocMB > maxAllocMB:
		return nil, sdk.Errorf(sdk.InvalidArgument, "alloc_mb must be between 0 and %d", maxAllocMB)
	case d.Exit != nil && (*d.Exit < 0 || *d.Exit > maxExit):
		return nil, sdk.Errorf(sdk.InvalidArgument, "exit must be between 0 and %d", maxExit)
	}
	return &d, nil
}

// maybeJSON reports whether a payload of this media type may be JSON: it says so,
// or says nothing (a request without Content-Type arrives as octet-stream).
func maybeJSON(mediaType string) bool {
	name, _, _ := strings.Cut(mediaType, ";")
	name = strings.ToLower(strings.TrimSpace(name))
	return name == "application/json" || strings.HasSuffix(name, "+json") || name == "application/octet-stream"
}

// asks reports whether body looks like a JSON object with one of the five words.
func asks(body []byte) bool {
	body = bytes.TrimLeft(body, " \t\r\n")
	if len(body) == 0 || body[0] != '{' {
		return false
	}
	for _, word := range [...]string{`"alloc_mb"`, `"metrics"`, `"sleep_ms"`, `"panic"`, `"exit"`} {
		if bytes.Contains(body, []byte(word)) {
			return true
		}
	}
	return false
}

func (d *demand) obey(ctx context.Context, e *echo) error {
	if err := e.kept.take(ctx, d.AllocMB); err != nil {
		return err
	}
	if d.Metrics != "" {
		e.metrics.Store(&d.Metrics)
	}
	if d.SleepMS > 0 {
		timer := time.NewTimer(time.Duration(d.SleepMS) * time.Millisecond)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if d.Panic {
		panic("asked to panic")
	}
	if d.Exit != nil {
		os.Exit(*d.Exit)
	}
	return nil
}

// memory is what alloc_mb has taken; nothing gives it back.
type memory struct {
	mu     sync.Mutex
	blocks [][]byte
}

// take allocates n MiB and writes to every page, so that they become resident. It
// stops early when ctx ends; what was taken until then stays taken.
func (m *memory) take(ctx context.Context, n int) error {
	const mib, page = 1 << 20, 4096
	for range n {
		if err := ctx.Err(); err != nil {
			return err
		}
		block := make([]byte, mib)
		for i := 0; i < len(block); i += page {
			block[i] = 1
		}
		m.mu.Lock()
		m.blocks = append(m.blocks, block)
		m.mu.Unlock()
	}
	return nil
}
