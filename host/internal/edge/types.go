package edge

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/jackfield-host/jackfield/host/internal/router"
	"github.com/jackfield-host/jackfield/internal/negotiate"
	"github.com/jackfield-host/jackfield/sdk"
)

// document is a JSON text made from the routing table, kept until the table
// changes.
type document struct {
	build func(*router.Table) ([]byte, error)

	mu      sync.Mutex // one builds, the others wait for what it builds
	current atomic.Pointer[rendered]
}

// rendered is a document in both its forms; zipped is nil for a short one. Each form
// has an ETag of its own.
type rendered struct {
	table        *router.Table
	json, zipped []byte
	etag         string
}

func (d *document) of(t *router.Table, zips *negotiate.Gzip) (*rendered, error) {
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
	c := &rendered{table: t, json: text, etag: negotiate.ETag(text)}
	if len(text) >= negotiate.WorthIt {
		if c.zipped, err = zips.Bytes(text); err != nil {
			return nil, err
		}
	}
	d.current.Store(c)
	return c, nil
}

// serve answers with the document, or with 304 to a client that has it.
func (e *edge) serve(x *exchange, d *document) error {
	doc, err := d.of(e.router.Table(), &e.gzips)
	if err != nil {
		return err
	}
	return e.serveVersion(x, doc)
}

// serveVersion answers with the form of doc that the client takes.
func (e *edge) serveVersion(x *exchange, doc *rendered) error {
	h, text, etag := x.w.Header(), doc.json, doc.etag
	if doc.zipped != nil && x.negotiate() {
		text, etag = doc.zipped, negotiate.Zipped(doc.etag)
	}
	h.Set("Cache-Control", "no-cache")
	h.Set("Etag", etag)
	if negotiate.Has(x.r.Header["If-None-Match"], etag) {
		h.Del("Content-Encoding")
		x.begin(http.StatusNotModified)
		return nil
	}
	return e.sendJSON(x, http.StatusOK, text)
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
	doc := &rendered{json: text, etag: negotiate.ETag(text)}
	if len(text) >= negotiate.WorthIt {
		if doc.zipped, err = e.gzips.Bytes(text); err != nil {
			return err
		}
	}
	return e.serveVersion(x, doc)
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

// writeJSON answers with a JSON text, compressed if that is worth it.
func (e *edge) writeJSON(x *exchange, status int, text []byte) error {
	if len(text) >= negotiate.WorthIt && x.negotiate() {
		zipped, err := e.gzips.Bytes(text)
		if err != nil {
			return err
		}
		text = zipped
	}
	return e.sendJSON(x, status, text)
}

// sendJSON answers with a JSON text as it is, which may be compressed already.
func (e *edge) sendJSON(x *exchange, status int, text []byte) error {
	h := x.w.Header()
	h["Content-Type"] = e.shared.json
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	x.begin(status)
	_, _ = x.w.Write(text) // the client may be gone: nobody is left to tell
	return nil
}
