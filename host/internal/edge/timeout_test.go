package edge

import (
	"context"
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/router"
	"github.com/jackfield-host/jackfield/sdk"
)

func TestRequestTimeout(t *testing.T) {
	const longest = 30 * time.Second
	for _, tc := range []struct {
		values []string
		want   time.Duration // 0: invalid_argument
	}{
		{nil, longest},
		{[]string{"1"}, time.Second},
		{[]string{"1.5"}, 1500 * time.Millisecond},
		{[]string{".25"}, 250 * time.Millisecond},
		{[]string{"2."}, 2 * time.Second},
		{[]string{"1e-3"}, time.Millisecond},
		{[]string{"+5"}, 5 * time.Second},
		{[]string{"0005"}, 5 * time.Second},
		{[]string{"0.0000000000001"}, 1},
		{[]string{"30"}, longest},
		{[]string{"31"}, longest},
		{[]string{"1e400"}, longest},
		{[]string{"99999999999999999999999999"}, longest},
		{[]string{""}, 0},
		{[]string{"0"}, 0},
		{[]string{"-0"}, 0},
		{[]string{"0.0"}, 0},
		{[]string{"-1"}, 0},
		{[]string{"soon"}, 0},
		{[]string{"1s"}, 0},
		{[]string{"1,5"}, 0},
		{[]string{"inf"}, 0},
		{[]string{"NaN"}, 0},
		{[]string{"0x10"}, 0},
		{[]string{"1_0"}, 0},
		{[]string{"1 "}, 0},
		{[]string{"-1e400"}, 0},
		{[]string{"1", "2"}, 0},
	} {
		got, err := requestTimeout(http.Header{"Request-Timeout": tc.values}, longest)
		if got != tc.want || (tc.want == 0) != (sdk.CodeOf(err) == sdk.InvalidArgument) {
			t.Errorf("%q: %v, %v; want %v", tc.values, got, err, tc.want)
		}
	}
}

// TestDeadlineReachesTheExtension: the smallest of header, route and host counts.
func TestDeadlineReachesTheExtension(t *testing.T) {
	for _, tc := range []struct {
		name         string
		header       string
		route, host  time.Duration
		atMost, over time.Duration
	}{
		{"the header's", "0.5", 30 * time.Second, 0, 500 * time.Millisecond, 0},
		{"the route's", "", 10 * time.Second, 0, 10 * time.Second, 8 * time.Second},
		{"the route's, below the header's", "100", 10 * time.Second, 0, 10 * time.Second, 8 * time.Second},
		{"the host's", "100", 10 * time.Second, 5 * time.Second, 5 * time.Second, 3 * time.Second},
		{"the default", "100", 0, 0, defaultTimeout, 28 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var left time.Duration
			rt := opaque(func(ctx context.Context, req *sdk.Request) (*sdk.Response, error) {
				left = math.MaxInt64
				if deadline, ok := ctx.Deadline(); ok {
					left = time.Until(deadline)
				}
				return echo(ctx, req)
			})
			rt.Timeout = tc.route
			l := listen(t, Config{MaxTimeout: tc.host}, rt)
			var headers []string
			if tc.header != "" {
				headers = []string{"Request-Timeout", tc.header}
			}
			if r := l.send("POST", "/v1/requests/x.Raw", "", headers...); r.StatusCode != 200 {
				t.Fatalf("%d %s", r.StatusCode, r.body)
			}
			if left > tc.atMost || left < tc.over {
				t.Errorf("%v were left, want between %v and %v", left, tc.over, tc.atMost)
			}
		})
	}
}

// TestQueueingCounts: the time in the queue is part of the request's own.
func TestQueueingCounts(t *testing.T) {
	begun := make(chan struct{}, 2)
	rt := opaque(func(ctx context.Context, _ *sdk.Request) (*sdk.Response, error) {
		begun <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	})
	rt.Gate = router.NewGate(1, 1)
	l := listen(t, Config{}, rt)
	first := make(chan reply, 1)
	go func() { first <- l.send("POST", "/v1/requests/x.Raw", "", "Request-Timeout", "0.4") }()
	<-begun
	second := l.send("POST", "/v1/requests/x.Raw", "", "Request-Timeout", "0.05")
	second.want(t, 504, sdk.DeadlineExceeded, "before the request came to run")
	if !second.problem.Retryable {
		t.Error("a request that never ran is not retryable")
	}
	r := <-first
	r.want(t, 504, sdk.DeadlineExceeded, "did not answer")
	if r.problem.Retryable || len(begun) != 0 {
		t.Errorf("problem %+v, and %d more requests ran", r.problem, len(begun))
	}
}
