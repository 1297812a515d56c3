package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// What the database keeps at most. Nothing that a caller says can make a row bigger.
const (
	keepEvents   = 1000    // of an extension
	keepEvidence = 100     // of an extension, the newest: a crash loop must not fill the disk
	keepAudit    = 100_000 // of the host

	maxRejected = 16
	maxAsked    = 1024 // permissions of a version; bundles may ask for fewer
	maxDecided  = 8192 // decisions about an extension
	maxStderr   = 100  // lines

	maxKey     = 256 // ids, digests, keys: longer ones are an error
	maxText    = 512
	maxMessage = 4 << 10
	maxBody    = 128 << 10 // JSON, and values of the host
)

// checkKey refuses what cannot be cut, because it names something.
func checkKey(what, key string) error {
	if len(key) > maxKey {
		return invalid("the %s %q… has %d bytes, %d is the most", what, key[:32], len(key), maxKey)
	}
	if !utf8.ValidString(key) {
		return invalid("the %s %q is not UTF-8", what, key)
	}
	return nil
}

// cut shortens text to at most n bytes, at a rune, and makes it UTF-8.
func cut(text string, n int) string {
	if len(text) > n {
		end := n
		for end > n-utf8.UTFMax && !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end]
	}
	if utf8.ValidString(text) {
		return text
	}
	// A byte for a byte, so that it does not grow again.
	return strings.ToValidUTF8(text, "?")
}

// checkPermissions refuses what cannot be cut, as checkKey does.
func checkPermissions(list []string) error {
	if len(list) > maxAsked {
		return invalid("a version asks for %d permissions, %d is the most", len(list), maxAsked)
	}
	for _, p := range list {
		if p == "" || len(p) > maxText || !utf8.ValidString(p) {
			return invalid("%q is no permission of 1 to %d bytes", cut(p, 32), maxText)
		}
	}
	return nil
}

func cutAll(n int, texts ...*string) {
	for _, text := range texts {
		*text = cut(*text, n)
	}
}

func boundExtension(e Extension) (Extension, error) {
	for _, digest := range []string{e.Pinned, e.Current} {
		if err := checkKey("digest", digest); err != nil {
			return e, err
		}
	}
	if err := checkKey("publisher", e.Publisher); err != nil {
		return e, err
	}
	cutAll(maxText, &e.Version, &e.File, &e.LogLevel)
	e.Removed = micro(e.Removed)
	// A copy: the editor may hold on to what it put in.
	e = e.clone()
	e.Rejected = e.Rejected[:min(len(e.Rejected), maxRejected)]
	for i := range e.Rejected {
		r := &e.Rejected[i]
		if err := errors.Join(checkKey("digest", r.Digest), checkPermissions(r.Asks)); err != nil {
			return e, err
		}
		cutAll(maxText, &r.Version, &r.File, &r.Stage, &r.Code, &r.Signal)
		r.Message = cut(r.Message, maxMessage)
		r.Time = micro(r.Time)
		r.Stderr = r.Stderr[max(0, len(r.Stderr)-maxStderr):] // the last lines say why
		for j := range r.Stderr {
			r.Stderr[j] = cut(r.Stderr[j], maxText)
		}
	}
	if len(e.Rejected) == 0 {
		e.Rejected = nil
	}
	return boundDecisions(e)
}

func boundDecisions(e Extension) (Extension, error) {
	if len(e.Decisions) > maxDecided {
		return e, invalid("there would be %d decisions about permissions of %s, %d is the most; revoke those that no version asks for",
			len(e.Decisions), e.ID, maxDecided)
	}
	for i := range e.Decisions {
		d := &e.Decisions[i]
		if err := checkPermissions([]string{d.Permission}); err != nil {
			return e, err
		}
		d.By, d.At = cut(d.By, maxText), micro(d.At)
	}
	if len(e.Decisions) == 0 {
		e.Decisions = nil
	}
	return e, nil
}

func boundVersion(v Version) (Version, error) {
	cutAll(maxText, &v.Version, &v.File)
	v.Permissions = slices.Clone(v.Permissions)
	return v, checkPermissions(v.Permissions)
}

func boundEvent(e Event) Event {
	cutAll(maxText, &e.Kind, &e.Version, &e.Digest, &e.Actor, &e.Code)
	e.Message = cut(e.Message, maxMessage)
	e.Evidence = boundJSON(e.Evidence)
	return e
}

func boundAudit(a AuditEntry) AuditEntry {
	cutAll(maxText, &a.Actor, &a.Action, &a.Target, &a.Remote)
	a.Before, a.After = boundJSON(a.Before), boundJSON(a.After)
	return a
}

// boundJSON returns body, or a JSON text in its place: what is broken in one row
// would spoil every page it is on.
func boundJSON(body json.RawMessage) json.RawMessage {
	why := ""
	switch {
	case len(body) == 0:
		return nil
	case len(body) > maxBody:
		why = fmt.Sprintf("left out: %d bytes, %d is the most", len(body), maxBody)
	case !json.Valid(body) || !utf8.Valid(body):
		why = "not JSON: " + cut(string(body), maxText)
	default:
		return body
	}
	text, err := json.Marshal(why)
	if err != nil {
		return nil // cannot be, why is UTF-8
	}
	return text
}
