package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackfield-host/jackfield/bench/chaos/behaviour"
)

// record is one request as its client saw it. Times are since the load began.
type record struct {
	client         int
	n              int64
	sent, done     time.Duration
	status         int    // 0 when there was no answer
	code           string // of a problem
	retryable      bool
	version, found string // of an answer
	fault          string // no answer, or one that is wrong
}

// waited is how long the client waited for the answer.
func (r record) waited() time.Duration { return r.done - r.sent }

// loadSpec is who asks what, and how often.
type loadSpec struct {
	url     string // of the type
	rate    int    // requests a second, all clients together
	clients int    // each waits for its answer before it asks again
	timeout time.Duration
}

// load is a constant load: requests are due at fixed times whatever became of those
// before. It ends with end.
type load struct {
	loadSpec
	client *http.Client
	began  time.Time
	number atomic.Int64
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	records []record // of the window that is open
}

func startLoad(ctx context.Context, spec loadSpec) *load {
	ctx, cancel := context.WithCancel(ctx)
	l := &load{
		loadSpec: spec, began: time.Now(), cancel: cancel,
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: spec.clients, DisableCompression: true}},
	}
	for id := range spec.clients {
		l.wg.Go(func() { l.work(ctx, id) })
	}
	return l
}

// work is one client. Each has its own place in the period that all share.
func (l *load) work(ctx context.Context, id int) {
	period := time.Second * time.Duration(l.clients) / time.Duration(l.rate)
	due := period * time.Duration(id) / time.Duration(l.clients)
	for {
		if pause(ctx, time.Until(l.began.Add(due))) != nil {
			return
		}
		r := l.ask(id)
		l.mu.Lock()
		l.records = append(l.records, r)
		l.mu.Unlock()
		due += period
		// Who is a second late has waited for something that is on record: the backlog
		// is not to become a flood.
		due = max(due, time.Since(l.began)-time.Second)
	}
}

// ask sends one request. It goes on to its end when the load ends.
func (l *load) ask(id int) record {
	r := record{client: id, n: l.number.Add(1), sent: time.Since(l.began)}
	// The host's deadline comes first; ours is for a host that forgets.
	ctx, cancel := context.WithTimeout(context.Background(), l.timeout+5*time.Second)
	defer cancel()
	body, err := json.Marshal(behaviour.Request{N: r.n})
	if err == nil {
		var req *http.Request
		if req, err = http.NewRequestWithContext(ctx, http.MethodPost, l.url, bytes.NewReader(body)); err == nil {
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Request-Timeout", strconv.FormatFloat(l.timeout.Seconds(), 'f', 3, 64))
			err = r.send(l.client, req)
		}
	}
	if err != nil {
		r.status, r.fault = 0, err.Error()
	}
	r.done = time.Since(l.began)
	return r
}

// send fills in what came back.
func (r *record) send(client *http.Client, req *http.Request) error {
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	r.status = resp.StatusCode
	if r.status != http.StatusOK {
		var problem struct {
			Code      string
			Retryable bool
		}
		if json.Unmarshal(text, &problem) != nil || problem.Code == "" {
			r.fault = "an error that is no problem: " + string(text[:min(len(text), 200)])
		}
		r.code, r.retryable = problem.Code, problem.Retryable
		return nil
	}
	var answer behaviour.Answer
	switch err := json.Unmarshal(text, &answer); {
	case err != nil || answer.N != r.n:
		r.fault = "answered with " + string(text[:min(len(text), 200)])
	case resp.Header.Get("Extension-Version") != answer.Version:
		r.fault = "version " + answer.Version + " answered under the name of " + resp.Header.Get("Extension-Version")
	}
	r.version, r.found = answer.Version, answer.Found
	return nil
}

// now is the time on the load's clock.
func (l *load) now() time.Duration { return time.Since(l.began) }

// cut closes the window and returns what was answered in it, each client's in order.
func (l *load) cut() []record {
	l.mu.Lock()
	defer l.mu.Unlock()
	records := l.records
	l.records = nil
	return records
}

// peek returns a copy of the open window.
func (l *load) peek() []record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.records)
}

// end stops the clients, waits for their last answers, and returns the last window.
func (l *load) end() []record {
	l.cancel()
	l.wg.Wait()
	l.client.CloseIdleConnections()
	return l.cut()
}
