package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// line is what comes back of a line, or of a message.
type line struct {
	ID      string          `json:"id"`
	Status  int             `json:"status"`
	Payload json.RawMessage `json:"payload"`
}

// lineOf is a line with a payload that nobody else sends.
func lineOf(id int, r *rand.Rand) (text, payload string) {
	payload = fmt.Sprintf(`{"n":%d,"pad":"%s"}`, r.Uint64()>>1, strings.Repeat("x", r.IntN(1000)))
	return fmt.Sprintf(`{"id":"%d","type":"%s","payload":%s}`, id, echoType, payload), payload
}

// check holds an answer to what was sent under its id, which it takes out of sent.
func (l line) check(sent map[string]string) error {
	want, ok := sent[l.ID]
	switch {
	case !ok:
		return fmt.Errorf("an answer to %q, which was not asked", l.ID)
	case l.Status == http.StatusOK && string(l.Payload) != want:
		return fmt.Errorf("%.100s came back as %.100s", want, l.Payload)
	case l.Status != http.StatusOK:
		return &answered{l.Status, l.Payload}
	}
	delete(sent, l.ID)
	return nil
}

// batch sends some lines at once and wants all of them back, in any order.
func batch(ctx context.Context, h *host, r *rand.Rand) error {
	sent := map[string]string{}
	var body strings.Builder
	for id := range 1 + r.IntN(200) {
		text, payload := lineOf(id, r)
		sent[fmt.Sprint(id)] = payload
		body.WriteString(text + "\n")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+h.requests+"/v1/batch", strings.NewReader(body.String()))
	if err != nil {
		return err
	}
	resp, err := h.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return err
		}
		if err := l.check(sent); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if len(sent) > 0 {
		return fmt.Errorf("%d lines were not answered", len(sent))
	}
	return nil
}

// batchBroken leaves a batch with lines at work.
func batchBroken(ctx context.Context, h *host, r *rand.Rand) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(1+r.IntN(50))*time.Millisecond)
	defer cancel()
	body := fmt.Sprintf(`{"id":"1","type":"%s","payload":{"sleep_ms":30000}}`+"\n", echoType)
	// The rest never comes.
	in, out := io.Pipe()
	defer context.AfterFunc(ctx, func() { out.CloseWithError(ctx.Err()) })()
	defer out.Close()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+h.requests+"/v1/batch", io.MultiReader(strings.NewReader(body), in))
	if err != nil {
		return err
	}
	resp, err := h.client.Do(req)
	if err == nil {
		defer resp.Body.Close()
		_, err = io.Copy(io.Discard, resp.Body)
	}
	if ctx.Err() == nil {
		return errors.Join(errors.New("the batch ended by itself"), err)
	}
	return nil
}

// webSocket opens one, asks a few things over it, and leaves with something at work.
func webSocket(ctx context.Context, h *host, r *rand.Rand) error {
	conn, resp, err := websocket.DefaultDialer.DialContext(ctx, "ws://"+h.requests+"/v1/connect", nil)
	if err != nil {
		if resp != nil {
			return &answered{resp.StatusCode, nil}
		}
		return err
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(patience)) // of a connection that was just opened
	sent := map[string]string{}
	for id := range 1 + r.IntN(20) {
		text, payload := lineOf(id, r)
		sent[fmt.Sprint(id)] = payload
		if err := conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
			return err
		}
	}
	for len(sent) > 0 {
		var l line
		if err := conn.ReadJSON(&l); err != nil {
			return err
		}
		if err := l.check(sent); err != nil {
			return err
		}
	}
	last := fmt.Sprintf(`{"id":"last","type":"%s","payload":{"sleep_ms":30000}}`, echoType)
	return conn.WriteMessage(websocket.TextMessage, []byte(last))
}
