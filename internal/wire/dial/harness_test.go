package dial

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

// wantError checks code and a part of the message.
func wantError(t *testing.T, err error, code sdk.Code, text string) {
	t.Helper()
	var e *sdk.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an *sdk.Error", err)
	}
	if e.Code != code || !strings.Contains(e.Message, text) {
		t.Fatalf("got %v, want %s with %q", e, code, text)
	}
}

// eventually waits for what others bring about.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("did not happen: %s", what)
		}
		<-tick.C
	}
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
