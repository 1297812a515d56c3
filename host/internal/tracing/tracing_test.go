package tracing

import (
	"bytes"
	"context"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/jackfield-host/jackfield/host/internal/edge"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/router"
	"github.com/jackfield-host/jackfield/sdk"
)

// gathering is a small OTLP/HTTP collector.
type gathering struct {
	mu    sync.Mutex
	spans []*tracev1.Span // guarded by mu
	paths map[string]int  // guarded by mu
}

func (g *gathering) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var in collector.ExportTraceServiceRequest
	if err != nil || proto.Unmarshal(body, &in) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.paths[r.URL.Path]++
	for _, resource := range in.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			g.spans = append(g.spans, scope.Spans...)
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// take returns the spans by name.
func (g *gathering) take() map[string]*tracev1.Span {
	g.mu.Lock()
	defer g.mu.Unlock()
	found := map[string]*tracev1.Span{}
	for _, s := range g.spans {
		found[s.Name] = s
	}
	return found
}

func attributes(s *tracev1.Span) map[string]string {
	found := map[string]string{}
	for _, a := range s.Attributes {
		if found[a.Key] = a.Value.GetStringValue(); found[a.Key] == "" {
			found[a.Key] = a.Value.String()
		}
	}
	return found
}

type backend func(ctx context.Context, req *sdk.Request) (*sdk.Response, error)

func (b backend) Process(ctx context.Context, req *sdk.Request) (*sdk.Response, error) {
	return b(ctx, req)
}

// traced is a request listener whose requests are traced.
type traced struct {
	t       *testing.T
	tracer  *Tracer
	handler http.Handler
	mu      sync.Mutex
	got     sdk.Trace // guarded by mu: what the extension got last
}

func newTraced(t *testing.T, cfg Config) *traced {
	t.Helper()
	w := &traced{t: t}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	var err error
	if w.tracer, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	r := router.New(router.Config{})
	r.Swap(router.NewTable([]*router.Route{{
		Type: "x.Raw", Base: "x.Raw", Response: "x.Answer", Extension: "x.Extension", Version: "1.0",
		State: lifecycle.Running, Handled: true, Timeout: time.Minute,
		Backend: backend(func(_ context.Context, req *sdk.Request) (*sdk.Response, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.got = req.Trace
			if string(req.Payload) == "fail" {
				return nil, sdk.Errorf(sdk.ExtensionFault, "secret cause")
			}
			return &sdk.Response{Payload: req.Payload}, nil
		}),
	}}))
	w.handler = edge.New(edge.Config{Router: r, Tracer: w.tracer, Log: cfg.Log, Hosts: []string{"example.com"}})
	return w
}

func (w *traced) send(path, body string, headers ...string) int {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), "POST", path, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, r)
	return recorder.Code
}

const (
	clientTrace = "0af7651916cd43dd8448eb211c80319c"
	clientSpan  = "b7ad6b7169203331"
	parent      = "00-" + clientTrace + "-" + clientSpan + "-01"
)

// TestSpans follows one request from the client over the edge to the extension.
func TestSpans(t *testing.T) {
	g := &gathering{paths: map[string]int{}}
	server := httptest.NewServer(g)
	defer server.Close()
	w := newTraced(t, Config{Endpoint: server.URL, Sample: 0, Version: "1.2.3"})
	if code := w.send("/v1/requests/x.Raw", "fail", "Traceparent", parent, "Tracestate", "a=b", "Tracestate", "c=d", "Authorization", "Bearer secret-token"); code != 502 {
		t.Fatal(code)
	}
	got := w.got
	w.tracer.Close()
	spans := g.take()
	request, call := spans["POST /v1/requests/{type}"], spans["extension x.Extension"]
	if len(spans) != 2 || request == nil || call == nil || g.paths["/v1/traces"] == 0 {
		t.Fatalf("spans %v, paths %v", spans, g.paths)
	}
	if hex.EncodeToString(request.TraceId) != clientTrace || hex.EncodeToString(request.ParentSpanId) != clientSpan {
		t.Errorf("the request is not the child of the client: %v", request)
	}
	if !bytes.Equal(call.TraceId, request.TraceId) || !bytes.Equal(call.ParentSpanId, request.SpanId) {
		t.Errorf("the call is not the child of the request: %v", call)
	}
	if want := "00-" + clientTrace + "-" + hex.EncodeToString(call.SpanId) + "-01"; got.Parent != want || got.State != "a=b,c=d" {
		t.Errorf("the extension got %+v, want %s", got, want)
	}
	if a := attributes(request); a["jackfield.type"] != "x.Raw" || a["jackfield.code"] != "extension_fault" || !strings.Contains(a["http.response.status_code"], "502") {
		t.Errorf("request: %v", a)
	}
	if a := attributes(call); a["jackfield.extension"] != "x.Extension" || a["jackfield.version"] != "1.0" || a["jackfield.code"] != "extension_fault" {
		t.Errorf("call: %v", a)
	}
	if call.Status.GetCode() != tracev1.Status_STATUS_CODE_ERROR || request.Status.GetCode() != tracev1.Status_STATUS_CODE_ERROR {
		t.Errorf("%v, %v", call.Status, request.Status)
	}
	if text := request.String() + call.String(); strings.Contains(text, "secret") {
		t.Errorf("a span shows a secret: %s", text)
	}
}

// TestSampling: without a client's decision the share counts; what is malformed is
// no decision.
func TestSampling(t *testing.T) {
	g := &gathering{paths: map[string]int{}}
	server := httptest.NewServer(g)
	defer server.Close()
	w := newTraced(t, Config{Endpoint: server.URL + "/v1/traces", Sample: 0})
	for _, headers := range [][]string{
		nil, {"Traceparent", "00-" + clientTrace + "-" + clientSpan + "-00"}, {"Traceparent", "nonsense"}, {"Traceparent", parent, "Traceparent", parent},
		{"Traceparent", strings.ToUpper(parent)}, {"Traceparent", "ff-" + clientTrace + "-" + clientSpan + "-01"},
		{"Traceparent", "00-" + strings.Repeat("0", 32) + "-" + clientSpan + "-01"},
	} {
		if code := w.send("/v1/requests/x.Raw", "ok", headers...); code != 200 {
			t.Error(headers, code)
		}
		if !strings.HasSuffix(w.got.Parent, "-00") {
			t.Errorf("%q: the extension got %+v", headers, w.got)
		}
	}
	w.tracer.Close()
	if spans := g.take(); len(spans) != 0 {
		t.Errorf("%v", spans)
	}
	all := newTraced(t, Config{Endpoint: server.URL, Sample: 1})
	all.send("/v1/requests/x.Raw", "ok", "Tracestate", "orphan=1")
	all.send("/v1/requests/x.Nobody", "ok")
	all.tracer.Close()
	spans := g.take()
	if request := spans["POST /v1/requests/{type}"]; len(spans) != 2 || attributes(request)["jackfield.code"] != "ok" || len(request.ParentSpanId) != 0 {
		t.Errorf("%v", spans)
	}
}

// TestCollectorThatIsAway: requests do not notice, and the log says it once.
func TestCollectorThatIsAway(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }))
	defer server.Close()
	var log bytes.Buffer
	w := newTraced(t, Config{Endpoint: server.URL, Sample: 1, Log: slog.New(slog.NewTextHandler(&log, nil))})
	for range 3 {
		for range 10 {
			if code := w.send("/v1/requests/x.Raw", "ok"); code != 200 {
				t.Fatal(code)
			}
		}
		if err := w.tracer.provider.ForceFlush(t.Context()); err != nil {
			t.Error(err)
		}
	}
	w.tracer.Close()
	if n := strings.Count(log.String(), "spans were not sent"); n != 1 {
		t.Errorf("%d lines: %s", n, log.String())
	}
}

func TestEndpointThatIsNone(t *testing.T) {
	for _, endpoint := range []string{"", "nonsense", "http://", "http://a b"} {
		if _, err := New(Config{Endpoint: endpoint}); err == nil {
			t.Errorf("%q was taken", endpoint)
		}
	}
}
