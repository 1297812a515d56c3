package admin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/internal/openapi/openapitest"
)

// described serves what is held to its description: ask checks each answer.
type described struct {
	http.Handler
	t *testing.T
}

// made is the document: it is made once for all tests, since making it costs more than
// they do.
var made struct {
	sync.Once
	d   *openapitest.Description
	err error
}

func document(t *testing.T) (*openapitest.Description, error) {
	made.Do(func() { made.d, made.err = makeDocument(t) })
	return made.d, made.err
}

func makeDocument(t *testing.T) (*openapitest.Description, error) {
	var log bytes.Buffer // has the reason when there is none
	cfg := testConfig()
	cfg.Accounts, cfg.Log = accountsOf(t, nil), slog.New(slog.NewTextHandler(&log, nil))
	h, err := newHandler(cfg)
	if err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/api/v1/openapi.json", nil)
	r.Host = "127.0.0.1:8081"
	withToken(r)
	h.site.Handler(h.routes()).ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		return nil, fmt.Errorf("the description: %d %s", w.Code, &log)
	}
	return openapitest.Read(w.Body)
}

// check holds an answer of the API to its description.
func (d described) check(r *http.Request, w *httptest.ResponseRecorder) {
	d.t.Helper()
	if !strings.HasPrefix(r.URL.Path, "/api/v1/") {
		return
	}
	doc, err := document(d.t)
	if err != nil {
		d.t.Fatal(err)
	}
	answer := openapitest.Answer{Method: r.Method, Path: r.URL.EscapedPath(), Status: w.Code, Header: w.Header(), Body: w.Body.Bytes()}
	if err := doc.Check(answer, 401, 403, 405, 421); err != nil {
		d.t.Error(err)
	}
}

// TestDescription: the document is OpenAPI 3.1, and says of the table of routes all, and
// nothing else.
func TestDescription(t *testing.T) {
	t.Parallel()
	doc, err := document(t)
	if err != nil {
		t.Fatal(err)
	}
	official, err := os.Open("../host/internal/edge/testdata/openapi-3.1.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer official.Close()
	if err := doc.Faults(official); err != nil {
		t.Error(err)
	}

	described := map[string]bool{}
	for path, methods := range doc.Root["paths"].(map[string]any) {
		for method := range methods.(map[string]any) {
			described[strings.ToUpper(method)+" "+path] = true
		}
	}
	routes := mustNew(t, testConfig()).routes()
	for _, r := range routes {
		if !strings.HasPrefix(r.Path, "/api/v1/") {
			continue
		}
		name := r.Method + " " + r.Path
		if !described[name] {
			t.Errorf("%s is not described", name)
		}
		delete(described, name)
		operation := doc.At(doc.Root, "paths", r.Path, strings.ToLower(r.Method))
		if right := doc.At(operation, "x-right"); right != string(r.Right) || r.Right == access.Open {
			t.Errorf("%s needs the right %v", name, right)
		}
	}
	if len(described) > 0 || len(routes) < 20 {
		t.Errorf("what there is not is described: %v", described)
	}
}

// TestClosedSetsAreEnumerations, and what may be null says so.
func TestClosedSetsAreEnumerations(t *testing.T) {
	t.Parallel()
	doc, err := document(t)
	if err != nil {
		t.Fatal(err)
	}
	schemas := doc.At(doc.Root, "components", "schemas")
	for _, c := range []struct {
		want  string
		steps []string
	}{
		{`"backoff"`, []string{"Extension", "properties", "state", "enum"}},
		{`"needs_consent"`, []string{"Reason", "properties", "code", "enum"}},
		{`"crc_mismatch"`, []string{"Problem", "properties", "code", "enum"}},
		{`"handshake"`, []string{"Reason", "properties", "stage", "enum"}},
		{`{"type":"null"}`, []string{"Extension", "properties", "reason", "anyOf"}},
		{`"null"`, []string{"Extension", "properties", "started", "type"}},
		{`"null"`, []string{"Reason", "properties", "exit_code", "type"}},
		{`"reason"`, []string{"Extension", "required"}},
		{`false`, []string{"RollingBack", "additionalProperties"}},
	} {
		text, err := json.Marshal(doc.At(schemas, c.steps...))
		if err != nil || !strings.Contains(string(text), c.want) {
			t.Errorf("%v is %s, %v, want %s in it", c.steps, text, err, c.want)
		}
	}
}
