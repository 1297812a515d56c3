package edge

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/router"
	"github.com/jackfield-host/jackfield/sdk"
)

// request answers POST /v1/requests/{type}.
func (e *edge) request(x *exchange) error {
	route := e.lookup(x.typ)
	if route == nil {
		e.router.Count(nil, sdk.UnknownType)
		return unknownType(x.typ)
	}
	x.route = route
	e.trace(x, route)
	// What is cheap to refuse is refused before the body is read.
	if fault := route.Refusal(); fault != nil {
		return fault
	}
	media, err := requestMedia(x.r.Header, route)
	if err != nil {
		return err
	}
	timeout, err := requestTimeout(x.r.Header, e.longest(route))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithDeadline(x.r.Context(), x.start.Add(timeout))
	defer cancel()
	b := e.bodies.get()
	if err := readBody(ctx, x, b, requestLimit(route)); err != nil {
		return err // and b is left to the collector
	}
	if err := e.validate(route, b.bytes); err != nil {
		e.bodies.put(b)
		return err
	}
	x.counted = true // by Do, whatever comes
	req := x.newRequest(route.Type, media, b.bytes)
	x.calls(route, req)
	resp, by, err := e.router.Do(ctx, route, req)
	x.called(by, err)
	x.route = by
	mayPool := ctx.Err() == nil
	x.reusable = mayPool
	if err != nil {
		if mayPool {
			e.bodies.put(b)
		}
		return err
	}
	e.answer(x, resp)
	resp.Free()
	if mayPool {
		e.bodies.put(b)
	}
	return nil
}

// lookup returns the route of a type as it stands in a path, percent-encoded.
func (e *edge) lookup(encoded string) *router.Route {
	name, err := url.PathUnescape(encoded)
	if err != nil {
		return nil
	}
	return e.router.Lookup(name)
}

func unknownType(encoded string) error {
	return sdk.Errorf(sdk.UnknownType, "no extension declares the request type %s; GET /v1/types lists those there are", quote(encoded))
}

// longest is the longest a request of route may take.
func (e *edge) longest(route *router.Route) time.Duration {
	longest := route.Timeout
	if e.cfg.MaxTimeout > 0 && (longest <= 0 || longest > e.cfg.MaxTimeout) {
		longest = e.cfg.MaxTimeout
	}
	if longest <= 0 {
		longest = defaultTimeout
	}
	return longest
}

// requestMedia returns the media type of a request's payload, as it was sent. A
// type with a schema takes JSON only, in UTF-8 as RFC 8259 wants it; one without
// takes anything that is a media type.
func requestMedia(h http.Header, route *router.Route) (string, error) {
	if encoding := h.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return "", sdk.Errorf(sdk.UnsupportedMedia, "the content encoding %s is not supported; send the payload as it is", quote(encoding))
	}
	values := h["Content-Type"]
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		if route.Opaque() {
			return "application/octet-stream", nil
		}
		return "application/json", nil
	}
	essence, charset, ok := router.MediaType(values[0])
	if !ok || len(values) > 1 {
		return "", sdk.Errorf(sdk.UnsupportedMedia, "the Content-Type %s is no media type", quote(values[0]))
	}
	if route.Opaque() {
		return values[0], nil
	}
	if !router.IsJSON(essence) {
		return "", sdk.Errorf(sdk.UnsupportedMedia, "%s takes application/json, not %s", route.Type, quote(essence))
	}
	if charset != "" && charset != "utf-8" {
		return "", sdk.Errorf(sdk.UnsupportedMedia, "JSON is UTF-8, not %s", quote(charset))
	}
	return values[0], nil
}

func requestLimit(route *router.Route) int64 {
	if route.RequestBytes > 0 {
		return route.RequestBytes
	}
	return defaultRequestBytes
}

// validate checks a payload against the schema of its type.
func (e *edge) validate(route *router.Route, payload []byte) error {
	if !e.cfg.Validate || route.Validator == nil {
		return nil
	}
	violations, err := route.Validator.Validate(payload)
	if err != nil {
		return sdk.Errorf(sdk.InvalidArgument, "the payload is malformed JSON: %v", err)
	}
	if len(violations) == 0 {
		return nil
	}
	fault := sdk.Errorf(sdk.ValidationFailed, "the payload does not match the schema of %s", route.Type)
	fault.Violations = violations
	return fault
}

// answer sends what an extension answered. The router has checked its media type.
func (e *edge) answer(x *exchange, resp *sdk.Response) {
	h, values := x.w.Header(), new(answerValues)
	values.set(h, 0, "Content-Type", resp.MediaType)
	values.set(h, 1, "Response-Type", resp.Type)
	values.set(h, 2, "Extension-Id", x.route.Extension)
	values.set(h, 3, "Extension-Version", x.route.Version)
	zip := mayCompress(resp.MediaType, len(resp.Payload)) && x.negotiate()
	if len(resp.Payload) > sized && !zip {
		values.set(h, 4, "Content-Length", strconv.Itoa(len(resp.Payload)))
	}
	x.begin(http.StatusOK)
	// The client may be gone: nobody is left to tell.
	if zip {
		_ = e.gzips.compress(x.w, resp.Payload)
		return
	}
	_, _ = x.w.Write(resp.Payload)
}
