package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// heard is what comes over a WebSocket.
type heard struct {
	ID      string
	Status  int
	Payload json.RawMessage
	Event   string
	Data    struct {
		Extension, Version, State string
		Types                     []struct{ Type string }
	}
}

// TestConnect: over one WebSocket a program hears of an extension that is dropped,
// has it answer, hears of its removal, and is told when the host stops.
func TestConnect(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	h, err := startHost(home)
	if err != nil {
		t.Fatal(err)
	}
	defer h.kill()
	ws, _, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(h.requests, "http")+"/v1/connect", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	_ = ws.SetReadDeadline(time.Now().Add(2 * patience))
	send := func(message string) {
		t.Helper()
		if err := ws.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
			t.Fatal(err)
		}
	}
	// until reads on until ok.
	until := func(what string, ok func(m heard) bool) {
		t.Helper()
		for {
			var m heard
			if err := ws.ReadJSON(&m); err != nil {
				t.Fatalf("waiting for %s: %v\n%s", what, err, h.log())
			}
			if ok(m) {
				return
			}
		}
	}
	const id, request = "examples.hello.HelloExtension", "examples.hello.HelloRequest"
	state := func(want string) {
		t.Helper()
		until(want, func(m heard) bool { return m.Event == "states" && m.Data.Extension == id && m.Data.State == want })
	}

	send(`{"subscribe":"states"}`)
	send(`{"subscribe":"types"}`)
	until("no types", func(m heard) bool { return m.Event == "types" && len(m.Data.Types) == 0 })
	jar, err := os.ReadFile(filepath.Join(os.Getenv(envBundles), "hello.jar"))
	if err != nil {
		t.Fatal(err)
	}
	if err := dropInto(home, "hello.jar", jar); err != nil {
		t.Fatal(err)
	}
	state("running")
	send(`{"id":"1","type":"` + request + `","payload":{"name":"World"}}`)
	until("the answer", func(m heard) bool {
		return m.ID == "1" && m.Status == 200 && string(m.Payload) == `{"greeting":"Hello, World"}`
	})
	if err := os.Remove(filepath.Join(home, "extensions", "hello.jar")); err != nil {
		t.Fatal(err)
	}
	until("no types again", func(m heard) bool { return m.Event == "types" && len(m.Data.Types) == 0 })
	state("removed")

	if err := h.stop(); err != nil {
		t.Error(err)
	}
	for err == nil {
		_, _, err = ws.ReadMessage()
	}
	if !websocket.IsCloseError(err, websocket.CloseGoingAway) {
		t.Errorf("the host stopped with %v", err)
	}
}
