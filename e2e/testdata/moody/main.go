// Command moody is the extension of the stories: it behaves as the file mood says, the
// one in its data folder, which a story writes, or else the one of its bundle.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
	"github.com/jackfield-host/jackfield/sdk/serve"
)

// The moods. Any other is well.
const (
	slow  = "slow"  // Init waits until the mood is another
	sick  = "sick"  // Init fails
	crash = "crash" // requests end the process
	hold  = "hold"  // requests wait until the mood is another
)

func main() { serve.Main(&extension{}) }

type extension struct{ places []string }

func (e *extension) Handlers() []sdk.Handler { return []sdk.Handler{sdk.HandleRaw(e.answer)} }

// Init keeps where the moods stand, and does as the mood says.
func (e *extension) Init(ctx context.Context, setup sdk.Setup) error {
	e.places = []string{filepath.Join(setup.DataDir, "mood"), filepath.Join(setup.BundleDir, "mood")}
	if err := e.during(ctx, slow); err != nil {
		return err
	}
	if e.mood() == sick {
		return errors.New("the sensor table is missing")
	}
	setup.Log.Info("listening for telemetry", "port", 7400)
	return nil
}

func (e *extension) answer(ctx context.Context, req *sdk.Request) (*sdk.Response, error) {
	if e.mood() == crash {
		e.die()
	}
	if err := e.during(ctx, hold); err != nil {
		return nil, err
	}
	return &sdk.Response{MediaType: req.MediaType, Payload: req.Payload}, nil
}

func (e *extension) mood() string {
	for _, place := range e.places {
		if text, err := os.ReadFile(place); err == nil {
			return strings.TrimSpace(string(text))
		}
	}
	return ""
}

// during waits as long as the mood lasts.
func (e *extension) during(ctx context.Context, mood string) error {
	for e.mood() == mood {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// die ends the process as a fault in it would.
func (e *extension) die() {
	fmt.Fprintln(os.Stderr, "fatal: frame of 7 bytes where 8 were announced")
	os.Exit(3)
}
