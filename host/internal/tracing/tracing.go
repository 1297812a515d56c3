// Package tracing makes spans of requests and sends them to an OpenTelemetry
// collector. New returns what edge.Config.Tracer takes; Close sends what is left.
//
// No request waits for the collector: spans are put into a bounded queue and dropped
// when it is full. What is in a span comes from closed sets, never from a payload or
// a credential.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/jackfield-host/jackfield/host/internal/edge"
	"github.com/jackfield-host/jackfield/sdk"
)

const (
	// sendTime bounds sending some spans, closeTime sending the last ones.
	sendTime  = 10 * time.Second
	closeTime = 3 * time.Second
	// quietTime is the least time between two lines of the log about failures.
	quietTime = time.Minute
	// maxState bounds the tracestate of a client: what RFC readers must keep, and no
	// more.
	maxState = 512
)

// Config says where spans go.
type Config struct {
	// Endpoint is the collector's OTLP/HTTP URL; without a path it is /v1/traces.
	Endpoint string
	// Sample is the share of the traces that begin here.
	Sample  float64
	Version string
	Log     *slog.Logger
}

// Tracer is an edge.Tracer.
type Tracer struct {
	log      *slog.Logger
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// New returns a Tracer. Nothing is sent yet.
func New(cfg Config) (*Tracer, error) {
	endpoint, err := url.Parse(cfg.Endpoint)
	if err != nil || endpoint.Host == "" {
		return nil, fmt.Errorf("tracing.endpoint: %q is no URL", cfg.Endpoint)
	}
	if endpoint.Path == "" || endpoint.Path == "/" {
		endpoint.Path = "/v1/traces"
	}
	exporter, err := otlptracehttp.New(context.Background(),
		otlptracehttp.WithEndpointURL(endpoint.String()),
		otlptracehttp.WithTimeout(sendTime),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{
			Enabled: true, InitialInterval: time.Second, MaxInterval: 5 * time.Second, MaxElapsedTime: sendTime,
		}))
	if err != nil {
		return nil, fmt.Errorf("tracing.endpoint: %w", err)
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(&quiet{SpanExporter: exporter, log: cfg.Log}, sdktrace.WithExportTimeout(2*sendTime)),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(cfg.Sample))),
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "jackfield"), attribute.String("service.version", cfg.Version))),
	)
	return &Tracer{log: cfg.Log, provider: provider, tracer: provider.Tracer("github.com/jackfield-host/jackfield")}, nil
}

// Close sends what is left, for a moment at most, and ends.
func (t *Tracer) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		t.log.Warn("the last spans were not sent", "err", err)
	}
}

// span is an edge.Span.
type span struct {
	of      *Tracer
	ctx     context.Context // carries the request's span, for its child; not the request's own
	request trace.Span
	call    trace.Span
}

// Request begins the span of a request. What the client sent counts if it is valid.
func (t *Tracer) Request(typ string, client sdk.Trace, start time.Time) edge.Span {
	if len(client.State) > maxState {
		client.State = ""
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{
		"traceparent": client.Parent, "tracestate": client.State,
	})
	s := &span{of: t}
	s.ctx, s.request = t.tracer.Start(ctx, "POST /v1/requests/{type}",
		trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(start),
		trace.WithAttributes(
			attribute.String("http.request.method", http.MethodPost),
			attribute.String("http.route", "/v1/requests/{type}"),
			attribute.String("jackfield.type", typ)))
	return s
}

// TraceID is part of edge.Span.
func (s *span) TraceID() string { return s.request.SpanContext().TraceID().String() }

// Call begins the span of asking an extension.
func (s *span) Call(extension, version string) sdk.Trace {
	ctx, call := s.of.tracer.Start(s.ctx, "extension "+extension, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("jackfield.extension", extension), attribute.String("jackfield.version", version)))
	s.call = call
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return sdk.Trace{Parent: carrier["traceparent"], State: carrier["tracestate"]}
}

// Called ends it.
func (s *span) Called(version string, code sdk.Code) {
	s.call.SetAttributes(attribute.String("jackfield.version", version), attribute.String("jackfield.code", nameOf(code)))
	if code != "" {
		s.call.SetStatus(codes.Error, string(code))
	}
	s.call.End()
}

// End ends the span of the request. By the conventions only what is the server's
// fault is an error of the server's span.
func (s *span) End(status int, code sdk.Code) {
	s.request.SetAttributes(attribute.Int("http.response.status_code", status), attribute.String("jackfield.code", nameOf(code)))
	if status >= http.StatusInternalServerError {
		s.request.SetStatus(codes.Error, string(code))
	}
	s.request.End()
}

func nameOf(code sdk.Code) string {
	if code == "" {
		return "ok"
	}
	return string(code)
}

// quiet is an exporter whose failures are logged at most once a minute, and known to
// nobody else: the library would hand them to a handler that the whole process shares.
type quiet struct {
	sdktrace.SpanExporter
	log *slog.Logger

	mu   sync.Mutex
	said time.Time // guarded by mu
}

func (q *quiet) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := q.SpanExporter.ExportSpans(ctx, spans)
	if err == nil {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.said.IsZero() || time.Since(q.said) >= quietTime {
		q.said = time.Now()
		q.log.Warn("spans were not sent and are lost", "spans", len(spans), "err", err)
	}
	return nil
}
