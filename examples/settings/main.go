// Command settings is an extension with a configuration: an administrator changes how it
// greets while it runs, and gives it a key that nobody gets to see again.
package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"

	"github.com/jackfield-host/jackfield/sdk"
	"github.com/jackfield-host/jackfield/sdk/serve"
)

// settings is the extension. Every request reads one configuration, whole.
type settings struct{ config atomic.Pointer[config] }

// config is what config.schema.json describes. The host has checked it by that, and has
// filled the defaults in.
type config struct {
	Greeting string `json:"greeting"`
	Mark     string `json:"mark"`
	Key      string `json:"key"`
}

// Init takes the configuration with which the process starts.
func (s *settings) Init(ctx context.Context, setup sdk.Setup) error {
	return s.Configure(ctx, setup.Config)
}

// Configure takes another one while requests are answered. What a schema cannot say is
// checked here: on an error the old configuration goes on.
func (s *settings) Configure(_ context.Context, raw json.RawMessage) error {
	var c config
	if err := json.Unmarshal(raw, &c); err != nil {
		return err
	}
	if strings.TrimSpace(c.Greeting) == "" {
		err := sdk.Errorf(sdk.ValidationFailed, "a greeting needs a word")
		err.Violations = []sdk.Violation{{Pointer: "/greeting", Message: "there is no word in it"}}
		return err
	}
	if c.Key != "" && strings.Trim(c.Key, c.Key[:1]) == "" {
		return errors.New("the key is one character, again and again: take another one") // and does not say which
	}
	s.config.Store(&c)
	return nil
}

type request struct {
	Name string `json:"name"`
}

type response struct {
	Greeting string `json:"greeting"`
	// Signature is the HMAC-SHA-256 of the greeting, in hexadecimal digits.
	Signature string `json:"signature,omitempty"`
}

func (s *settings) greet(_ context.Context, req request) (response, error) {
	c := s.config.Load()
	out := response{Greeting: c.Greeting + ", " + req.Name + c.Mark}
	if c.Key != "" {
		mac := hmac.New(sha256.New, []byte(c.Key))
		mac.Write([]byte(out.Greeting))
		out.Signature = hex.EncodeToString(mac.Sum(nil))
	}
	return out, nil
}

// Handlers implements sdk.Extension.
func (s *settings) Handlers() []sdk.Handler {
	return []sdk.Handler{sdk.Handle("examples.settings.GreetRequest", "examples.settings.GreetResponse", s.greet)}
}

func main() { serve.Main(new(settings)) }
