package sdktest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

// callsFile is where Probe keeps the calls of its life cycle, in its data folder.
const callsFile = "calls"

// Probe returns the extension that ConformWire drives: its requests say what it shall
// do. Run it with the manifest that Start has by default.
func Probe() sdk.Extension { return &probe{} }

type probe struct {
	mu     sync.Mutex // guards what follows
	calls  []string
	path   string // of callsFile, from Activate on
	setup  sdk.Setup
	config json.RawMessage
}

// probeRequest asks for anything that a typed handler can do.
type probeRequest struct {
	Text    string `json:"text,omitempty"`
	Error   string `json:"error,omitempty"`   // a code: fail with it
	Plain   string `json:"plain,omitempty"`   // fail with an error that is no *sdk.Error
	Panic   string `json:"panic,omitempty"`   // panic
	Release string `json:"release,omitempty"` // wait for the end of the context, then keep its cause as a call
}

type probeResponse struct {
	Text     string            `json:"text"`
	ID       string            `json:"id"`
	Caller   sdk.Caller        `json:"caller"`
	Deadline time.Duration     `json:"deadline"` // until the end of the context, 0 for none
	Calls    []string          `json:"calls"`
	Manifest map[string]string `json:"manifest"`
	Config   json.RawMessage   `json:"config"`
}

func (p *probe) Handlers() []sdk.Handler {
	p.note("handlers")
	return []sdk.Handler{
		sdk.Handle("sdktest.ProbeRequest", "sdktest.ProbeResponse", p.answer),
		sdk.HandleRaw(p.echo),
	}
}

func (p *probe) answer(ctx context.Context, in probeRequest) (probeResponse, error) {
	switch {
	case in.Error != "":
		return probeResponse{}, &sdk.Error{
			Code: sdk.Code(in.Error), Message: in.Text, Retryable: true, RetryAfter: 2 * time.Second,
			Violations: []sdk.Violation{{Pointer: "/text", Message: "wrong"}},
		}
	case in.Plain != "":
		return probeResponse{}, errors.New(in.Plain)
	case in.Panic != "":
		panic(in.Panic)
	case in.Release != "":
		p.note(in.Release + " waits")
		<-ctx.Done()
		p.note(in.Release + ": " + ctx.Err().Error())
		return probeResponse{}, ctx.Err()
	}
	req := sdk.RequestFrom(ctx)
	out := probeResponse{Text: in.Text, ID: req.ID, Caller: req.Caller}
	if deadline, ok := ctx.Deadline(); ok {
		out.Deadline = time.Until(deadline)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	out.Calls = append(out.Calls, p.calls...)
	out.Manifest, out.Config = p.setup.Manifest, p.config
	return out, nil
}

// echo answers with what it got, and with headers left empty when it got nothing.
func (p *probe) echo(_ context.Context, req *sdk.Request) (*sdk.Response, error) {
	if len(req.Payload) == 0 {
		return nil, nil
	}
	return &sdk.Response{Type: "sdktest.Response", MediaType: req.MediaType, Payload: append([]byte(nil), req.Payload...)}, nil
}

// note keeps a call, in the data folder as soon as that may be written.
func (p *probe) note(call string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, call)
	if p.path != "" {
		_ = os.WriteFile(p.path, []byte(strings.Join(p.calls, "\n")), 0o600) // the suite finds out
	}
}

func (p *probe) Init(_ context.Context, setup sdk.Setup) error {
	p.note("init")
	p.mu.Lock()
	defer p.mu.Unlock()
	p.setup, p.config = setup, setup.Config
	if string(setup.Config) == `{"init":"fail"}` {
		return errors.New("told to fail")
	}
	return nil
}

func (p *probe) Activate(context.Context) error {
	p.mu.Lock()
	p.path = filepath.Join(p.setup.DataDir, callsFile)
	p.mu.Unlock()
	p.note("activate")
	return nil
}

func (p *probe) Check(context.Context) error {
	p.note("check")
	return nil
}

func (p *probe) Configure(_ context.Context, config json.RawMessage) error {
	if !json.Valid(config) || config[0] != '{' {
		return errors.New("the configuration is not an object")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.config = append(json.RawMessage(nil), config...)
	return nil
}

func (p *probe) ProjectParameters(_ context.Context, project, locale string) (any, error) {
	if project == "" {
		return nil, nil
	}
	return map[string]string{"project": project, "locale": locale}, nil
}

func (p *probe) Collect(context.Context) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return fmt.Appendf(nil, "# HELP probe_calls_total Calls of the life cycle.\n# TYPE probe_calls_total counter\nprobe_calls_total %d\n", len(p.calls)), nil
}

func (p *probe) Destroy(context.Context) error {
	p.note("destroy")
	return nil
}
