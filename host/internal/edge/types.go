package edge

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/jackfield-host/jackfield/host/internal/router"
	"github.com/jackfield-host/jackfield/sdk"
)

// document is a JSON text made from the routing table, kept until the table
// changes.
type document struct {
	build func(*router.Table) ([]byte, error)

	mu      sync.Mutex // one builds, the others wait for what it builds
	current atomic.Pointer[rendered]
}

type rendered struct {
	table *router.Table
	json  []byte
	etag  string
}

func (d *document) of(t *router.Table) (*rendered, error) {
	if c := d.current.Load(); c != nil && c.table == t {
		return c, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if c := d.current.Load(); c != nil && c.table == t {
		return c, nil
	}
	text, err := d.build(t)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	c := &rendered{table: t, json: text, etag: `"` + hex.EncodeToString(sum[:12]) + `"`}
	d.current.Store(c)
	return c, nil
}

// serve answers with the document, or with 304 to a client that has it.
func (e *edge) serve(x *exchange, d *document) error {
	doc, err := d.of(e.router.Table())
	if err != nil {
		return err
	}
	h := x.w.Header()
	h.Set("Cache-Control", "no-cache")
	h.Set("Etag", doc.etag)
	if hasVersion(x.r.Header["If-None-Match"], doc.etag) {
		x.begin(http.StatusNotModified)
		return nil
	}
	return e.writeJSON(x, http.StatusOK, doc.json)
}

// hasVersion reports whether the values of If-None-Match name etag.
func hasVersion(values []string, etag string) bool {
	for _, value := range values {
		for candidate := range strings.SplitSeq(value, ",") {
			candidate = strings.TrimSpace(candidate)
			if candidate == "*" || strings.TrimPrefix(candidate, "W/") == etag {
				return true
			}
		}
	}
	return false
}

// typeRow is an element of GET /v1/types.
type typeRow struct {
	Type      string          `json:"type"`
	Base      string          `json:"base"`
	Response  string          `json:"response"`
	Extension string          `json:"extension"`
	Version   string          `json:"version"`
	State     string          `json:"state"`
	Schema    json.RawMessage `json:"schema"` // null for an opaque type
}

func rowOf(rt *router.Route) typeRow {
	return typeRow{
		Type: rt.Type, Base: rt.Base, Response: rt.Response,
		Extension: rt.Extension, Version: rt.Version, State: string(rt.State), Schema: rt.Schema,
	}
}

func (e *edge) buildTypes(t *router.Table) ([]byte, error) {
	list := struct {
		Types []typeRow `json:"types"`
	}{[]typeRow{}}
	for _, rt := range t.Types() {
		if rt.Listed() {
			list.Types = append(list.Types, rowOf(rt))
		}
	}
	return json.Marshal(list)
}

// listTypes answers GET /v1/types.
func (e *edge) listTypes(x *exchange) error { return e.serve(x, &e.types) }

// showType answers GET /v1/types/{type} with an element of the list.
func (e *edge) showType(x *exchange) error {
	rt := e.lookup(x.typ)
	if rt == nil || !rt.Listed() {
		return unknownType(x.typ)
	}
	text, err := json.Marshal(rowOf(rt))
	if err != nil {
		return err
	}
	return e.writeJSON(x, http.StatusOK, text)
}

// showOpenAPI answers GET /v1/openapi.json.
func (e *edge) showOpenAPI(x *exchange) error { return e.serve(x, &e.openapi) }

// healthz answers that the process lives.
func (e *edge) healthz(x *exchange) error {
	return e.writeJSON(x, http.StatusOK, []byte(`{"status":"ok"}`))
}

// readyz answers 200 when every extension has settled once, before that 503 with
// the extensions that are starting.
func (e *edge) readyz(x *exchange) error {
	if e.cfg.Ready == nil || e.cfg.Ready() {
		return e.writeJSON(x, http.StatusOK, []byte(`{"status":"ready"}`))
	}
	body := struct {
		Status   string   `json:"status"`
		Starting []string `json:"starting"`
	}{"starting", e.router.Table().Starting()}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	x.w.Header().Set("Retry-After", "1")
	x.code = sdk.Unavailable
	return e.writeJSON(x, http.StatusServiceUnavailable, text)
}

func (e *edge) writeJSON(x *exchange, status int, text []byte) error {
	h := x.w.Header()
	h["Content-Type"] = e.shared.json
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	x.begin(status)
	_, _ = x.w.Write(text) // the client may be gone: nobody is left to tell
	return nil
}
