package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

// noon is where the clock of a fixture stands at first.
func noon() time.Time { return time.Date(2026, time.October, 1, 12, 0, 0, 0, time.UTC) }

// fixture is an extension with a clock that tests turn, called without the wire.
type fixture struct {
	*tracking
	t     testing.TB
	clock atomic.Int64 // nanoseconds since 1970
}

// newFixture starts an extension on a data folder.
func newFixture(t testing.TB, folder, config string) *fixture {
	t.Helper()
	f := &fixture{t: t}
	f.clock.Store(noon().UnixNano())
	f.tracking = newTracking(func() time.Time { return time.Unix(0, f.clock.Load()) })
	if err := f.Init(t.Context(), sdk.Setup{DataDir: folder, Config: json.RawMessage(config)}); err != nil {
		t.Fatal(err)
	}
	if err := f.Activate(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Destroy(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return f
}

// ask sends JSON to the handler of a type (its last name, without Request).
func (f *fixture) ask(name, payload string) (*sdk.Response, error) {
	f.t.Helper()
	for _, h := range f.Handlers() {
		if h.RequestType() == types+name+"Request" {
			return h.Serve(f.t.Context(), &sdk.Request{
				Type: h.RequestType(), MediaType: "application/json", Payload: []byte(payload),
			})
		}
	}
	f.t.Fatalf("no handler for %s", name)
	return nil, nil
}

// mustAsk is ask for those who expect an answer.
func mustAsk[Answer any](f *fixture, name, payload string) Answer {
	f.t.Helper()
	var answer Answer
	response, err := f.ask(name, payload)
	if err != nil {
		f.t.Fatalf("%s: %v", name, err)
	}
	if err := json.Unmarshal(response.Payload, &answer); err != nil {
		f.t.Fatalf("%s answered %s: %v", name, response.Payload, err)
	}
	return answer
}

// reports builds a report of positions, each given as its JSON members without
// braces.
func reports(positions ...string) string {
	return `{"positions":[{` + strings.Join(positions, "},{") + `}]}`
}

// at is a position of a device, some time after noon.
func at(device string, after time.Duration, lon, lat float64) string {
	return fmt.Sprintf(`"device":%q,"time":%q,"lat":%v,"lon":%v`, device, noon().Add(after).Format(time.RFC3339Nano), lat, lon)
}

// accept reports positions that must all be accepted.
func (f *fixture) accept(positions ...string) {
	f.t.Helper()
	answer := mustAsk[reportResponse](f, "ReportPositions", reports(positions...))
	if answer.Accepted != len(positions) || len(answer.Rejected) != 0 {
		f.t.Fatalf("of %d positions %d were accepted, rejected: %v", len(positions), answer.Accepted, answer.Rejected)
	}
}

// whole asks for everything that is known of a device.
func (f *fixture) whole(device string) trackFeature {
	f.t.Helper()
	return mustAsk[trackFeature](f, "Track", fmt.Sprintf(`{"device":%q,"from":"0001-01-01T00:00:00Z","to":"9999-12-31T23:59:59Z"}`, device))
}

// where returns where all devices are: device → [lon lat].
func (f *fixture) where(payload string) map[string]string {
	f.t.Helper()
	found := map[string]string{}
	for _, feature := range mustAsk[featureCollection](f, "CurrentPositions", payload).Features {
		found[feature.Properties.Device] = fmt.Sprint(feature.Geometry.Coordinates)
	}
	return found
}

// until polls until ok holds.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
		select {
		case <-t.Context().Done():
		case <-time.After(2 * time.Millisecond):
		}
	}
}
