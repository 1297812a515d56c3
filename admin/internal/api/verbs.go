package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/visible"
)

const (
	// maxOrder bounds the body of a verb: a list of permissions is the longest.
	maxOrder = 128 << 10
)

// post is a verb that is posted.
type post struct {
	verb    host.Verb
	summary string
	// order is a value of the type that its body has, nil for none.
	order any
}

func posts() []post {
	return []post{
		{host.VerbEnable, "Let an extension run", nil},
		{host.VerbDisable, "Have an extension drain and stay stopped", Disabling{}},
		{host.VerbRestart, "Restart an extension without a failed request: reinitialize it", nil},
		{host.VerbRollback, "Run another kept version, pinned", RollingBack{}},
		{host.VerbPin, "Run this version whatever the folder holds", Pinning{}},
		{host.VerbUnpin, "Have the folder decide again", nil},
		{host.VerbRetry, "Try again at once what failed", nil},
		{host.VerbRecheck, "Judge anew who signed it", nil},
		{host.VerbLogLevel, "Keep the log of an extension from this level on, at once; empty means from the level that is configured", Leveling{}},
		{host.VerbConsent, "Grant what a version asks for", Consenting{}},
		{host.VerbRevoke, "Take back what was granted", Revoking{}},
	}
}

// Disabling is the body of disable.
type Disabling struct {
	Force bool `json:"force,omitempty"`
}

// RollingBack is the body of rollback.
type RollingBack struct {
	Version     string `json:"version,omitempty"`
	RestoreData bool   `json:"restore_data,omitempty"`
}

// Pinning is the body of pin.
type Pinning struct {
	Version string `json:"version,omitempty"`
}

// Leveling is the body of log-level.
type Leveling struct {
	Level string `json:"level,omitempty"`
}

// Consenting is the body of consent.
type Consenting struct {
	Digest      string   `json:"digest,omitempty"`
	Permissions []string `json:"permissions,omitempty"`
}

// Revoking is the body of revoke.
type Revoking struct {
	Permissions []string `json:"permissions,omitempty"`
}

// membersOf are the members that a body of order's type may have.
func membersOf(order any) []string {
	if order == nil {
		return nil
	}
	var members []string
	for f := range reflect.TypeOf(order).Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		members = append(members, name)
	}
	return members
}

// act is the route of one verb.
func (a *API) act(verb host.Verb, members []string) web.Serve {
	known := []string{"wait"}
	if slices.Contains(members, "force") {
		known = append(known, "force")
	}
	return func(w http.ResponseWriter, r *http.Request) error {
		id, err := web.Target(r)
		if err != nil {
			return err
		}
		on, err := web.Switches(r, known...)
		if err != nil {
			return err
		}
		action := host.Action{Verb: verb, ID: id, Actor: web.Actor(r)}
		if action.Revision, err = a.revisionAsked(r, id); err != nil {
			return err
		}
		if slices.Contains(members, "permissions") {
			r.Body = http.MaxBytesReader(w, io.NopCloser(web.Whole(r)), maxOrder)
		}
		if err := readOrder(r, members, &action); err != nil {
			return err
		}
		action.Force = action.Force || on["force"]
		e, err := a.cfg.Host.Act(r.Context(), action)
		if err != nil {
			return err
		}
		if on["wait"] {
			return a.writeSettled(w, r, id)
		}
		return a.writeExtension(w, e)
	}
}

// Removed is the answer of DELETE.
type Removed struct {
	ID      string `json:"id"`
	Removed bool   `json:"removed"`
	Purged  bool   `json:"purged"`
}

// remove answers DELETE.
func (a *API) remove(w http.ResponseWriter, r *http.Request) error {
	id, err := web.Target(r)
	if err != nil {
		return err
	}
	on, err := web.Switches(r, "purge", "force")
	if err != nil {
		return err
	}
	if on["purge"] && !access.Of(r.Context()).May(access.Install, id) {
		return web.NewProblem(http.StatusForbidden, "permission_denied", "removing it with its data needs the right to install")
	}
	revision, err := a.revisionAsked(r, id)
	if err != nil {
		return err
	}
	_, err = a.cfg.Host.Act(r.Context(), host.Action{
		Verb: host.VerbRemove, ID: id, Revision: revision, Purge: on["purge"], Force: on["force"], Actor: web.Actor(r),
	})
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, Removed{id, true, on["purge"]})
}

// writeSettled answers with the row once it has settled.
func (a *API) writeSettled(w http.ResponseWriter, r *http.Request, id string) error {
	web.Allow(http.NewResponseController(w), web.MaxWait)
	ctx, cancel := context.WithTimeout(r.Context(), web.MaxWait)
	defer cancel()
	e, err := a.cfg.Host.Settle(ctx, id)
	if errors.Is(err, context.DeadlineExceeded) {
		return web.NewProblem(http.StatusGatewayTimeout, "deadline_exceeded",
			fmt.Sprintf("it has not settled within %d minutes; what was asked for holds, and GET shows the state", web.MaxWait/time.Minute))
	}
	if err != nil {
		return err
	}
	return a.writeExtension(w, e)
}

// readOrder reads the body of a verb, which is a JSON object with some of members, or
// empty.
func readOrder(r *http.Request, members []string, into *host.Action) error {
	if name := r.Header.Get("Content-Type"); name != "" {
		if media, _, err := mime.ParseMediaType(name); err != nil || media != "application/json" {
			return web.NewProblem(http.StatusUnsupportedMediaType, "unsupported_media", "the body of a verb is application/json, or there is none")
		}
	}
	body, err := io.ReadAll(r.Body)
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return web.NewProblem(http.StatusRequestEntityTooLarge, host.CodeTooLarge, fmt.Sprintf("the body of a verb has at most %d bytes", over.Limit))
	case err != nil:
		return web.Invalid("the body did not arrive")
	case len(bytes.TrimSpace(body)) == 0:
		return nil
	}
	return eachMember(body, func(name string, value json.RawMessage) error {
		if !slices.Contains(members, name) {
			can := "none"
			if len(members) > 0 {
				can = strings.Join(members, ", ")
			}
			return web.Invalid(fmt.Sprintf("the body of this verb has no member %q; it may have: %s", visible.Clip(name, 40), can))
		}
		place, kind := any(&into.Version), "a string"
		switch name {
		case "restore_data":
			place, kind = &into.RestoreData, "true or false"
		case "force":
			place, kind = &into.Force, "true or false"
		case "level":
			place, kind = &into.Level, "a string"
		case "digest":
			place, kind = &into.Digest, "a string"
		case "permissions":
			place, kind = &into.Permissions, "a list of strings"
		}
		if json.Unmarshal(value, place) != nil {
			return web.Invalid("the member " + name + " must be " + kind)
		}
		return nil
	})
}

// eachMember calls do for the members of the JSON object body, as long as do returns
// nil. A name that stands twice is an error: two readers would take different values.
func eachMember(body []byte, do func(name string, value json.RawMessage) error) error {
	malformed := web.Invalid("the body is not one JSON object")
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
			return web.Invalid(fmt.Sprintf("the member %q stands there twice", visible.Clip(name, 40)))
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
