package edge

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/edge/duplex"
	"github.com/jackfield-host/jackfield/host/internal/edge/envelope"
	"github.com/jackfield-host/jackfield/host/internal/router"
	"github.com/jackfield-host/jackfield/sdk"
)

func (e *edge) newLines() *duplex.Lines {
	return duplex.New(duplex.Config{
		Desk: desk{e}, Log: e.log, Subjects: []string{subjectTypes, subjectStates},
		WriteTimeout: e.cfg.WriteTimeout, ReadTimeout: e.cfg.ReadTimeout, PingEvery: e.cfg.PingEvery,
	})
}

// batch answers POST /v1/batch.
func (e *edge) batch(x *exchange) error {
	if encoding := x.r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return sdk.Errorf(sdk.UnsupportedMedia, "the content encoding %s is not supported; send the lines as they are", quote(encoding))
	}
	// HTTP/2 is so by itself, and says that it does not know the question.
	_ = http.NewResponseController(x.w).EnableFullDuplex()
	x.unread = false // duplex reads it
	h := x.w.Header()
	h["Content-Type"] = []string{"application/x-ndjson"}
	h["Cache-Control"] = []string{"no-store"}
	x.begin(http.StatusOK)
	if !e.lines.Batch(x.w, x.r, x.id, x.caller) {
		panic(http.ErrAbortHandler) // what is left of the body is no request
	}
	return nil
}

// connect answers GET /v1/connect.
func (e *edge) connect(x *exchange) error {
	if err := e.origins.checkUpgrade(x.r); err != nil {
		return err
	}
	if x.r.Method != http.MethodGet {
		return sdk.Errorf(methodNotAllowed, "a WebSocket is opened with GET")
	}
	begun, err := e.lines.Connect(x.w, x.r, http.Header{"Request-Id": {x.id}}, x.id, x.caller)
	if begun {
		x.status = http.StatusSwitchingProtocols
	}
	return err
}

// desk answers lines.
type desk struct{ e *edge }

// strict64 is base64 of which every text has one spelling.
func strict64() *base64.Encoding { return base64.StdEncoding.Strict() }

// lineLimit is the longest line that any type of a table may need.
type lineLimit struct {
	table *router.Table
	bytes int
}

// besides is what a line may have besides its payload.
const besides = 8 << 10

// LineLimit returns how long a line may be: as long as the longest payload of any
// type, in base64.
func (d desk) LineLimit() int {
	table := d.e.router.Table()
	if l := d.e.limit.Load(); l != nil && l.table == table {
		return l.bytes
	}
	longest := int64(0)
	for _, route := range table.Types() {
		longest = max(longest, requestLimit(route))
	}
	if longest == 0 {
		longest = defaultRequestBytes
	}
	l := &lineLimit{table, base64.StdEncoding.EncodedLen(int(min(longest, 1<<30))) + besides}
	d.e.limit.Store(l)
	return l.bytes
}

// Answer has one line answered.
func (d desk) Answer(ctx context.Context, out []byte, q *duplex.Question) (line []byte, free bool) {
	e := d.e
	x := e.pool.get()
	x.start, x.id, x.caller, x.typ = q.Start, q.RequestID, q.Caller, string(q.Type)
	before := out
	defer func() {
		if v := recover(); v != nil {
			e.log.Error("request listener panicked", "request_id", x.id, x.traced(), "type", x.typ, "panic", v, "stack", string(debug.Stack()))
			line, free = e.refuse(before, q.ID, x, sdk.Errorf(sdk.Internal, "the host failed while it answered")), false
		}
	}()
	out, free, err := e.line(ctx, out, x, q)
	if err != nil {
		out = e.refuse(out, q.ID, x, err)
	} else {
		x.status = http.StatusOK
	}
	if x.span != nil {
		x.span.End(x.status, x.code)
	}
	if e.log.Enabled(context.Background(), slog.LevelDebug) {
		e.logLine(x)
	}
	x.reusable = free
	e.pool.put(x)
	return out, free
}

func (e *edge) line(ctx context.Context, out []byte, x *exchange, q *duplex.Question) (line []byte, free bool, err error) {
	if err := e.find(x, e.router.Lookup(x.typ)); err != nil {
		return out, true, err
	}
	timeout, err := lineTimeout(q.Timeout, e.longest(x.route))
	if err != nil {
		return out, true, err
	}
	media, payload, err := linePayload(x.route, q)
	if err != nil {
		return out, true, err
	}
	ctx, cancel := context.WithDeadline(ctx, x.start.Add(timeout))
	defer cancel()
	resp, err := e.ask(ctx, x, media, payload)
	free = ctx.Err() == nil
	if err != nil {
		return out, free, err
	}
	line, err = appendAnswer(out, q.ID, x, resp)
	resp.Free()
	return line, free, err
}

// linePayload returns the payload of a line and its media type.
func linePayload(route *router.Route, q *duplex.Question) (string, []byte, error) {
	limit := requestLimit(route)
	if q.Payload != nil {
		if int64(len(q.Payload)) > limit {
			return "", nil, tooLarge(limit)
		}
		return "application/json", q.Payload, nil
	}
	media := "application/octet-stream"
	if q.Media != nil {
		media = string(q.Media)
	}
	if err := checkMedia(media, route); err != nil {
		return "", nil, err
	}
	n := base64.StdEncoding.DecodedLen(len(q.Base64))
	if int64(n)-2 > limit {
		return "", nil, tooLarge(limit)
	}
	payload, err := strict64().AppendDecode(slices.Grow(q.Scratch[:0], n), q.Base64)
	q.Scratch = payload
	if err != nil || bytes.IndexByte(q.Base64, '\n') >= 0 || bytes.IndexByte(q.Base64, '\r') >= 0 {
		return "", nil, sdk.Errorf(sdk.InvalidArgument, "payload_base64 is not base64: the standard alphabet, padded, without line breaks")
	}
	if int64(len(payload)) > limit {
		return "", nil, tooLarge(limit)
	}
	return media, payload, nil
}

// appendAnswer appends the line of an answer.
func appendAnswer(out, id []byte, x *exchange, resp *sdk.Response) ([]byte, error) {
	essence, _, _ := router.MediaType(resp.MediaType)
	line, err := envelope.AppendAnswer(out, id, &envelope.Answer{
		Type: resp.Type, Extension: x.route.Extension, Version: x.route.Version,
		MediaType: resp.MediaType, JSON: router.IsJSON(essence), Payload: resp.Payload,
	})
	if err != nil {
		return out, sdk.Errorf(sdk.ExtensionFault, "extension %s answered %s with %s that is no JSON", x.route.Extension, x.route.Type, quote(resp.MediaType))
	}
	return line, nil
}

// Refuse appends the line that says err.
func (d desk) Refuse(out, id []byte, requestID string, err error) []byte {
	return d.e.refuse(out, id, &exchange{id: requestID}, err)
}

func (e *edge) refuse(out, id []byte, x *exchange, err error) []byte {
	fault, s := e.asFault(x, err)
	p := x.describe(fault, s)
	if fault.RetryAfter > 0 {
		p.RetryAfter = wholeSeconds(fault.RetryAfter)
	}
	x.status = s.status
	text, err := json.Marshal(p)
	if err != nil {
		e.log.Error("encoding a problem", "request_id", x.id, x.traced(), "err", err)
		text = []byte("null")
	}
	return envelope.AppendFault(out, id, s.status, text)
}

// logLine writes the log line of a line.
func (e *edge) logLine(x *exchange) {
	attrs := []slog.Attr{
		slog.String("request_id", x.id), x.traced(), slog.String("type", x.typ),
		slog.Int("status", x.status), slog.String("code", string(x.code)), slog.Duration("took", time.Since(x.start)),
	}
	if x.route != nil {
		attrs = append(attrs, slog.String("ext", x.route.Extension), slog.String("version", x.route.Version))
	}
	e.log.LogAttrs(context.Background(), slog.LevelDebug, "line", attrs...)
}
