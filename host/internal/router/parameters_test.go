package router

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/sdk"
)

// knowing is a Backend with parameters for projects.
type knowing func(ctx context.Context, project, locale string) (json.RawMessage, error)

func (knowing) Process(context.Context, *sdk.Request) (*sdk.Response, error) {
	return &sdk.Response{}, nil
}

func (k knowing) ProjectParameters(ctx context.Context, project, locale string) (json.RawMessage, error) {
	return k(ctx, project, locale)
}

func routeOf(extension string, b Backend) *Route {
	rt := testRoute(b)
	rt.Extension, rt.Type, rt.Base = extension, extension+".Request", extension+".Request"
	rt.Gate = NewGate(1, 0)
	return rt
}

// TestParameters: every running extension has a member, and what one does keeps no
// other from answering.
func TestParameters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := knowing(func(ctx context.Context, _, _ string) (json.RawMessage, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		routes := []*Route{
			routeOf("good", knowing(func(_ context.Context, project, locale string) (json.RawMessage, error) {
				return json.Marshal([]string{project, locale})
			})),
			routeOf("null", knowing(func(context.Context, string, string) (json.RawMessage, error) { return nil, nil })),
			routeOf("fails", knowing(func(context.Context, string, string) (json.RawMessage, error) {
				return nil, sdk.Errorf(sdk.NotFound, "no such project")
			})),
			routeOf("foreign", knowing(func(context.Context, string, string) (json.RawMessage, error) {
				return nil, errors.New("what?")
			})),
			routeOf("panics", knowing(func(context.Context, string, string) (json.RawMessage, error) { panic("ouch") })),
			routeOf("hangs", hang),
			routeOf("malformed", knowing(func(context.Context, string, string) (json.RawMessage, error) {
				return json.RawMessage(`{"a"`), nil
			})),
			routeOf("large", knowing(func(context.Context, string, string) (json.RawMessage, error) {
				return json.RawMessage(`"` + strings.Repeat("x", 2000) + `"`), nil
			})),
			routeOf("unable", answer(sdk.Response{})),
			routeOf("busy", hang),
			routeOf("stopped", hang),
		}
		for i := range 40 { // more than are asked at once
			routes = append(routes, routeOf(fmt.Sprintf("many%d", i), hang))
		}
		busy := routes[9].Gate
		if !busy.tryEnter() {
			t.Fatal("no place")
		}
		routes[10].State = lifecycle.Starting
		r := New(Config{})
		r.Swap(NewTable(routes))

		start := time.Now()
		got := r.Parameters(t.Context(), "p1", "fr_CA")
		if took := time.Since(start); took > 4*parametersTime {
			t.Errorf("it took %s", took)
		}
		if string(got["good"]) != `["p1","fr_CA"]` {
			t.Errorf("good: %s", got["good"])
		}
		for _, route := range routes[1:] {
			value, there := got[route.Extension]
			if there != (route.Extension != "stopped") || value != nil {
				t.Errorf("%s: %s, %t", route.Extension, value, there)
			}
		}
		for key, want := range map[[2]string]float64{
			{"good", "ok"}: 1, {"null", "ok"}: 1, {"fails", "not_found"}: 1, {"foreign", "internal"}: 1, {"panics", "internal"}: 1,
			{"hangs", "deadline_exceeded"}: 1, {"malformed", "extension_fault"}: 1, {"large", "extension_fault"}: 1,
			{"unable", "unimplemented"}: 1, {"busy", "exhausted"}: 1,
		} {
			if n := testutil.ToFloat64(r.metrics.parameters.WithLabelValues(key[0], key[1])); n != want {
				t.Errorf("counted %v of %v", n, key)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start = time.Now()
		if got := r.Parameters(ctx, "p1", ""); len(got) != len(routes)-1 || time.Since(start) > 2*time.Second {
			t.Errorf("%d members after %s, when there was a second", len(got), time.Since(start))
		}
		r.Swap(NewTable(nil))
		if n := testutil.CollectAndCount(r.metrics.parameters); n != 0 {
			t.Errorf("%d series of extensions that are gone", n)
		}
		if got := r.Parameters(t.Context(), "p", ""); got == nil || len(got) != 0 {
			t.Errorf("of nobody: %v", got)
		}
	})
}
