// Command panel is an extension with pages of its own in the admin page: ui/ shows its
// configuration and lets a person try it. docs/ui-bridge.md explains how.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"

	"github.com/jackfield-host/jackfield/sdk"
	"github.com/jackfield-host/jackfield/sdk/serve"
)

type request struct {
	Name string `json:"name"`
}
type response struct {
	Greeting string `json:"greeting"`
}

// config is what an administrator can set; config.schema.json says the same.
type config struct {
	Salutation string `json:"salutation"`
}

// panel is the extension. Configure replaces config while handlers read it.
type panel struct{ config atomic.Pointer[config] }

func main() { serve.Main(&panel{}) }

// Handlers implements sdk.Extension.
func (p *panel) Handlers() []sdk.Handler {
	return []sdk.Handler{sdk.Handle("examples.panel.GreetRequest", "examples.panel.GreetResponse", p.greet)}
}

// Init takes the configuration that there is at the start.
func (p *panel) Init(ctx context.Context, setup sdk.Setup) error {
	return p.Configure(ctx, setup.Config)
}

// Configure takes another one, without a restart.
func (p *panel) Configure(_ context.Context, data json.RawMessage) error {
	c := config{Salutation: "Hello"}
	if len(data) > 0 {
		if err := json.Unmarshal(data, &c); err != nil {
			return fmt.Errorf("reading the configuration: %w", err)
		}
	}
	p.config.Store(&c)
	return nil
}

func (p *panel) greet(_ context.Context, req request) (response, error) {
	return response{Greeting: p.config.Load().Salutation + ", " + req.Name}, nil
}
