package router

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/sdk"
)

const (
	// askedAtOnce is how many extensions one call of Parameters asks at a time.
	askedAtOnce = 16
	// parametersTime is how long one of them may take.
	parametersTime = 5 * time.Second
)

// ParametersProvider is a Backend that may have parameters for projects. It returns
// soon after ctx has ended. The value is one JSON text, or nil; the error is a
// *sdk.Error, unimplemented where there are never any.
type ParametersProvider interface {
	ProjectParameters(ctx context.Context, project, locale string) (json.RawMessage, error)
}

// Parameters asks every running extension for its parameters of a project, many at
// once, within the limits of its Gate. Each extension has a member in the result. It
// is nil for one that has none, fails, or takes longer than ctx or 5 s; that keeps
// none of the others from answering.
func (r *Router) Parameters(ctx context.Context, project, locale string) map[string]json.RawMessage {
	running := r.Table().running()
	values := make([]json.RawMessage, len(running))
	places := make(chan struct{}, askedAtOnce)
	var asked sync.WaitGroup
	for i, route := range running {
		places <- struct{}{}
		asked.Go(func() {
			defer func() { <-places }()
			var fault *sdk.Error
			values[i], fault = r.parametersOf(ctx, route, project, locale)
			code := codeOK
			if fault != nil {
				code = fault.Code
			}
			r.metrics.countParameters(route.Extension, code)
		})
	}
	asked.Wait()
	result := make(map[string]json.RawMessage, len(running))
	for i, route := range running {
		result[route.Extension] = values[i]
	}
	return result
}

// running returns one route of each running extension.
func (t *Table) running() []*Route {
	var found []*Route
	seen := map[string]bool{}
	for _, route := range t.sorted {
		if route.State == lifecycle.Running && route.Backend != nil && !seen[route.Extension] {
			seen[route.Extension] = true
			found = append(found, route)
		}
	}
	return found
}

func (r *Router) parametersOf(ctx context.Context, route *Route, project, locale string) (json.RawMessage, *sdk.Error) {
	provider, ok := route.Backend.(ParametersProvider)
	if !ok {
		return nil, sdk.Errorf(sdk.Unimplemented, "extension %s has no parameters for projects", route.Extension)
	}
	ctx, cancel := context.WithTimeout(ctx, parametersTime)
	defer cancel()
	if route.Gate != nil {
		if _, err := route.Gate.enter(ctx); err != nil {
			return nil, notEntered(route, err)
		}
		defer route.Gate.leave()
	}
	value, err := r.askParameters(ctx, provider, route, project, locale)
	switch {
	case err != nil:
		return nil, r.asError(ctx, route, &sdk.Request{}, err)
	case value == nil:
		return nil, nil
	case route.ResponseBytes > 0 && int64(len(value)) > route.ResponseBytes:
		return nil, r.fault(route, "parameters of %d bytes, more than the %d allowed", len(value), route.ResponseBytes)
	case !json.Valid(value):
		return nil, r.fault(route, "parameters that are not JSON")
	}
	return value, nil
}

// askParameters calls the backend; a panic in it ends nothing but this call.
func (r *Router) askParameters(ctx context.Context, p ParametersProvider, route *Route, project, locale string) (value json.RawMessage, err error) {
	defer func() {
		if v := recover(); v != nil {
			r.cfg.Log.Error("backend panicked", "ext", route.Extension, "version", route.Version,
				"panic", v, "stack", string(debug.Stack()))
			value, err = nil, r.internal("the host failed while it called the extension", fmt.Sprint(v))
		}
	}()
	return p.ProjectParameters(ctx, project, locale)
}

// countParameters counts one answer to a question for parameters.
func (m *metrics) countParameters(extension string, code sdk.Code) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.extensions[extension] {
		return // it is gone, and its series with it
	}
	m.parameters.WithLabelValues(extension, string(code)).Inc()
}
