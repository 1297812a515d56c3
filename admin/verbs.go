package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/visible"
)

const (
	// maxWait is how long a client with wait=true waits at most.
	maxWait = 10 * time.Minute
	// maxOrder bounds the body of a verb: a list of permissions is the longest.
	maxOrder = 128 << 10
	// answerTime is how long it may take to send an answer.
	answerTime = time.Minute
)

// verbs are the verbs that are posted, with the members that their bodies may have.
func verbs() map[host.Verb][]string {
	return map[host.Verb][]string{
		host.VerbEnable:   nil,
		host.VerbDisable:  {"force"},
		host.VerbRestart:  nil,
		host.VerbRollback: {"version", "restore_data"},
		host.VerbPin:      {"version"},
		host.VerbUnpin:    nil,
		host.VerbRetry:    nil,
		host.VerbRecheck:  nil,
		host.VerbConsent:  {"digest", "permissions"},
		host.VerbRevoke:   {"permissions"},
	}
}

// act is the route of one verb.
func (h *handler) act(verb host.Verb, members []string) route {
	known := []string{"wait"}
	if slices.Contains(members, "force") {
		known = append(known, "force")
	}
	return func(w http.ResponseWriter, r *http.Request) error {
		id, err := target(r)
		if err != nil {
			return err
		}
		on, err := switches(r, known...)
		if err != nil {
			return err
		}
		action := host.Action{Verb: verb, ID: id, Actor: actor(r)}
		if slices.Contains(members, "permissions") {
			r.Body = http.MaxBytesReader(w, io.NopCloser(whole(r)), maxOrder)
		}
		if err := readOrder(r, members, &action); err != nil {
			return err
		}
		action.Force = action.Force || on["force"]
		e, err := h.cfg.Host.Act(r.Context(), action)
		if err != nil {
			return err
		}
		if on["wait"] {
			return h.writeSettled(w, r, id)
		}
		return h.writeExtension(w, e)
	}
}

// remove answers DELETE.
func (h *handler) remove(w http.ResponseWriter, r *http.Request) error {
	id, err := target(r)
	if err != nil {
		return err
	}
	on, err := switches(r, "purge", "force")
	if err != nil {
		return err
	}
	_, err = h.cfg.Host.Act(r.Context(), host.Action{
		Verb: host.VerbRemove, ID: id, Purge: on["purge"], Force: on["force"], Actor: actor(r),
	})
	if err != nil {
		return err
	}
	return h.writeJSON(w, http.StatusOK, struct {
		ID      string `json:"id"`
		Removed bool   `json:"removed"`
		Purged  bool   `json:"purged"`
	}{id, true, on["purge"]})
}

// writeSettled answers with the row once it has settled.
func (h *handler) writeSettled(w http.ResponseWriter, r *http.Request, id string) error {
	allow(http.NewResponseController(w), maxWait)
	ctx, cancel := context.WithTimeout(r.Context(), maxWait)
	defer cancel()
	e, err := h.cfg.Host.Settle(ctx, id)
	if errors.Is(err, context.DeadlineExceeded) {
		return problem(http.StatusGatewayTimeout, "deadline_exceeded",
			fmt.Sprintf("it has not settled within %d minutes; what was asked for holds, and GET shows the state", maxWait/time.Minute))
	}
	if err != nil {
		return err
	}
	return h.writeExtension(w, e)
}

// allow gives a handler d from now, whatever the server's own deadlines are, and the
// client answerTime more to take the answer. Where deadlines can not be set there are
// none; where setting one fails the connection is gone, which the next read or write
// says better.
func allow(control *http.ResponseController, d time.Duration) {
	now := time.Now()
	_ = control.SetReadDeadline(now.Add(d + answerTime))
	_ = control.SetWriteDeadline(now.Add(d + answerTime))
}

// actor is who sent r: there is one token so far.
func actor(r *http.Request) host.Actor { return host.Actor{Name: "admin", Remote: remote(r)} }

// readOrder reads the body of a verb, which is a JSON object with some of members, or
// empty.
func readOrder(r *http.Request, members []string, into *host.Action) error {
	if name := r.Header.Get("Content-Type"); name != "" {
		if media, _, err := mime.ParseMediaType(name); err != nil || media != "application/json" {
			return problem(http.StatusUnsupportedMediaType, "unsupported_media", "the body of a verb is application/json, or there is none")
		}
	}
	body, err := io.ReadAll(r.Body)
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return problem(http.StatusRequestEntityTooLarge, host.CodeTooLarge, fmt.Sprintf("the body of a verb has at most %d bytes", over.Limit))
	case err != nil:
		return invalid("the body did not arrive")
	case len(bytes.TrimSpace(body)) == 0:
		return nil
	}
	return eachMember(body, func(name string, value json.RawMessage) error {
		if !slices.Contains(members, name) {
			can := "none"
			if len(members) > 0 {
				can = strings.Join(members, ", ")
			}
			return invalid(fmt.Sprintf("the body of this verb has no member %q; it may have: %s", visible.Clip(name, 40), can))
		}
		place, kind := any(&into.Version), "a string"
		switch name {
		case "restore_data":
			place, kind = &into.RestoreData, "true or false"
		case "force":
			place, kind = &into.Force, "true or false"
		case "digest":
			place, kind = &into.Digest, "a string"
		case "permissions":
			place, kind = &into.Permissions, "a list of strings"
		}
		if json.Unmarshal(value, place) != nil {
			return invalid("the member " + name + " must be " + kind)
		}
		return nil
	})
}

// eachMember calls do for the members of the JSON object body, as long as do returns
// nil. A name that stands twice is an error: two readers would take different values.
func eachMember(body []byte, do func(name string, value json.RawMessage) error) error {
	malformed := invalid("the body is not one JSON object")
	dec := json.NewDecoder(bytes.NewReader(body))
	if begin, err := dec.Token(); err != nil || begin != json.Delim('{') {
		return malformed
	}
	seen := map[string]bool{}
	for dec.More() {
		token, err := dec.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return malformed
		}
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			return malformed
		}
		if seen[name] {
			return invalid(fmt.Sprintf("the member %q stands there twice", visible.Clip(name, 40)))
		}
		seen[name] = true
		if err := do(name, value); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil { // the closing brace
		return malformed
	}
	if _, err := dec.Token(); err != io.EOF {
		return malformed
	}
	return nil
}
