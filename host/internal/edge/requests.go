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
	if err := e.find(x, e.lookup(x.typ)); err != nil {
		return err
	}
	route := x.route
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
	if err := e.bodies.readBody(ctx, x, b, requestLimit(route)); err != nil {
		return err // and b is left to the collector
	}
	resp, err := e.ask(ctx, x, media, b.bytes)
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

// find gives x its route. What is cheap to refuse is refused here, before anybody
// looks at the payload.
func (e *edge) find(x *exchange, route *router.Route) error {
	if route == nil {
		e.router.Count(nil, sdk.UnknownType)
		return unknownType(x.typ)
	}
	x.route = route
	e.trace(x)
	if fault := route.Refusal(); fault != nil {
		return fault
	}
	return nil
}

// ask has x answered by its extension, whether it came by itself or as a line. When
// ctx has ended by then, nobody may use the payload's memory again.
func (e *edge) ask(ctx context.Context, x *exchange, media string, payload []byte) (*sdk.Response, error) {
	if err := e.validate(x.route, payload); err != nil {
		return nil, err
	}
	x.counted = true // by Do, whatever comes
	req := x.newRequest(media, payload)
	x.calls(req)
	resp, by, err := e.router.Do(ctx, x.route, req)
	x.route = by
	x.called(err)
	return resp, err
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

// requestMedia returns the media type of a request's payload, as it was sent.
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
	if len(values) > 1 {
		return "", noMedia(values[0])
	}
	return values[0], checkMedia(values[0], route)
}

// checkMedia checks the media type of a payload. A type with a schema takes JSON
// only, in UTF-8 as RFC 8259 wants it; one without takes anything that is a media
// type.
func checkMedia(media string, route *router.Route) error {
	essence, charset, ok := router.MediaType(media)
	switch {
	case !ok:
		return noMedia(media)
	case route.Opaque():
		return nil
	case !router.IsJSON(essence):
		return sdk.Errorf(sdk.UnsupportedMedia, "%s takes application/json, not %s", route.Type, quote(essence))
	case charset != "" && charset != "utf-8":
		return sdk.Errorf(sdk.UnsupportedMedia, "JSON is UTF-8, not %s", quote(charset))
	}
	return nil
}

func noMedia(text string) error {
	return sdk.Errorf(sdk.UnsupportedMedia, "the Content-Type %s is no media type", quote(text))
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
		_ = e.gzips.Write(x.w, resp.Payload)
		return
	}
	_, _ = x.w.Write(resp.Payload)
}
