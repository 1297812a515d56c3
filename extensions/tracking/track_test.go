package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/paulmach/orb"

	"github.com/jackfield-host/jackfield/sdk"
)

func trackOf(device string, from, to time.Duration) string {
	return fmt.Sprintf(`{"device":%q,"from":%q,"to":%q}`, device,
		noon().Add(from).Format(time.RFC3339), noon().Add(to).Format(time.RFC3339))
}

func TestTrackRange(t *testing.T) {
	f := newFixture(t, t.TempDir(), "")
	f.accept(at("a", -3*time.Hour, 1, 0), at("a", -2*time.Hour, 2, 0), at("a", -time.Hour, 3, 0), at("a", 0, 4, 0))
	// Names that begin alike must not run into each other.
	f.accept(at("aa", -2*time.Hour, 50, 0), at("a ", -2*time.Hour, 60, 0), at("`", -2*time.Hour, 70, 0))
	for _, test := range []struct {
		name, payload string
		want          string // coordinates
	}{
		{"everything", trackOf("a", -24*time.Hour, time.Hour), "[[1 0] [2 0] [3 0] [4 0]]"},
		{"both ends are inclusive", trackOf("a", -3*time.Hour, -time.Hour), "[[1 0] [2 0] [3 0]]"},
		{"just inside", trackOf("a", -3*time.Hour+time.Second, -1), "[[2 0] [3 0]]"},
		{"other offsets", `{"device":"a","from":"2026-10-01T12:00:00+02:00","to":"2026-10-01T05:00:00-06:00"}`, "[[2 0] [3 0]]"},
		{"all time", `{"device":"a","from":"0000-01-01T00:00:00Z","to":"9999-12-31T23:59:59Z"}`, "[[1 0] [2 0] [3 0] [4 0]]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			track := mustAsk[trackFeature](f, "Track", test.payload)
			if got := fmt.Sprint(track.Geometry.Coordinates); got != test.want {
				t.Errorf("the track is %v, want %v", got, test.want)
			}
		})
	}
}

// TestTrackIsGeoJSON compares with the text that RFC 7946 asks for: a LineString has
// two positions or more, a Feature without place has the geometry null.
func TestTrackIsGeoJSON(t *testing.T) {
	f := newFixture(t, t.TempDir(), "")
	want := []string{
		`{"type":"Feature","geometry":null,"properties":{"device":"d","count":0,"distance_m":0}}`,
		`{"type":"Feature","geometry":null,"properties":{"device":"d","count":1,"distance_m":0,"first":"2026-10-01T12:00:00Z","last":"2026-10-01T12:00:00Z"}}`,
		`{"type":"Feature","geometry":{"type":"LineString","coordinates":[[0,0],[1,0]]},"properties":{"device":"d","count":2,"distance_m":` + fmt.Sprint(distance(orb.Point{0, 0}, orb.Point{1, 0})) + `,"first":"2026-10-01T12:00:00Z","last":"2026-10-01T12:00:01Z"}}`,
	}
	for i, want := range want {
		response, err := f.ask("Track", trackOf("d", -time.Hour, time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(response.Payload); got != want {
			t.Errorf("%d positions: %s, want %s", i, got, want)
		}
		f.accept(at("d", time.Duration(i)*time.Second, float64(i), 0))
	}
}

func TestTrackDistance(t *testing.T) {
	f := newFixture(t, t.TempDir(), "")
	f.accept(at("fiji", -2*time.Minute, 179, 0), at("fiji", -time.Minute, -179, 0), at("fiji", 0, -178, 0))
	track := f.whole("fiji")
	if got, want := track.Properties.DistanceM, 3*111_195.08; math.Abs(got-want) > 0.1 {
		t.Errorf("the way across the antimeridian has %.1f m, want %.1f m", got, want)
	}
	if !track.Properties.Antimeridian {
		t.Error("nothing says that the line jumps")
	}
	if got := fmt.Sprint(track.Geometry.Coordinates); got != "[[179 0] [-179 0] [-178 0]]" {
		t.Errorf("the coordinates were changed: %v", got)
	}
	f.accept(at("lille", -time.Minute, 3, 50), at("lille", 0, 3.1, 50.1))
	if f.whole("lille").Properties.Antimeridian {
		t.Error("a track in Europe is said to jump")
	}
}

// TestSimplifiedTrack: the line is simplified, the distance is that of the way that
// was gone.
func TestSimplifiedTrack(t *testing.T) {
	f := newFixture(t, t.TempDir(), "")
	var positions []string
	for i := range 101 { // a zigzag of 11 m on the way east
		positions = append(positions, at("z", time.Duration(i)*time.Second, float64(i)*0.001, float64(i%2)*0.0001))
	}
	f.accept(positions...)
	full := f.whole("z")
	for metres, want := range map[string]int{"0": 101, "1": 101, "50": 2} {
		track := mustAsk[trackFeature](f, "Track", strings.Replace(trackOf("z", -time.Hour, time.Hour), "{", `{"simplify_m":`+metres+`,`, 1))
		if got := len(track.Geometry.Coordinates); got != want {
			t.Errorf("simplified by %s m: %d positions, want %d", metres, got, want)
		}
		if track.Properties != full.Properties {
			t.Errorf("simplified by %s m: %+v, want %+v", metres, track.Properties, full.Properties)
		}
	}
}

func TestTrackRefused(t *testing.T) {
	f := newFixture(t, t.TempDir(), "")
	good := trackOf("d", -time.Hour, 0)
	for name, payload := range map[string]string{
		"no device":            strings.Replace(good, `"d"`, `""`, 1),
		"NUL in the device":    strings.Replace(good, `"d"`, `"d\u0000"`, 1),
		"from unparsable":      strings.Replace(good, `"from":"2026`, `"from":"yesterday 2026`, 1),
		"no to":                strings.Replace(good, `"to"`, `"until"`, 1),
		"from after to":        trackOf("d", time.Second, 0),
		"negative tolerance":   strings.Replace(good, "{", `{"simplify_m":-1,`, 1),
		"boundless tolerance":  strings.Replace(good, "{", `{"simplify_m":1e300,`, 1),
		"tolerance not finite": strings.Replace(good, "{", `{"simplify_m":1e999,`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := f.ask("Track", payload); sdk.CodeOf(err) != sdk.InvalidArgument {
				t.Errorf("error is %v", err)
			}
		})
	}
}

// TestTrackHasALimit: an answer that would leave positions out unsaid is refused.
func TestTrackHasALimit(t *testing.T) {
	f := newFixture(t, t.TempDir(), "")
	h := f.history.Load()
	for part := range 11 {
		positions := make([]position, maxReport)
		for i := range positions {
			positions[i] = position{device: "d", time: noon().Add(time.Duration(part*maxReport+i-200_000) * time.Second).UnixNano()}
		}
		if _, err := h.add(t.Context(), positions[:min(len(positions), maxTrack+1-part*maxReport)], 1_000_000); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.ask("Track", trackOf("d", -720*time.Hour, 0)); sdk.CodeOf(err) != sdk.TooLarge {
		t.Errorf("error is %v, want %s", err, sdk.TooLarge)
	}
	track := mustAsk[trackFeature](f, "Track", trackOf("d", -199_999*time.Second, 0))
	if track.Properties.Count != maxTrack {
		t.Errorf("the track has %d positions, want %d", track.Properties.Count, maxTrack)
	}
}

func TestHandlersGiveUpWithTheirContext(t *testing.T) {
	f := newFixture(t, t.TempDir(), "")
	f.accept(at("d", 0, 1, 1), at("d", time.Second, 1, 2))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, h := range f.Handlers() {
		payload := map[string]string{
			types + "ReportPositionsRequest": reports(at("e", 0, 1, 1)),
			types + "TrackRequest":           trackOf("d", -time.Hour, time.Hour),
		}[h.RequestType()]
		if payload == "" {
			continue // looks at its context every thousand devices
		}
		if _, err := h.Serve(ctx, &sdk.Request{Payload: json.RawMessage(payload)}); err != context.Canceled {
			t.Errorf("%s: error is %v", h.RequestType(), err)
		}
	}
	if devices := f.where(`{}`); devices["e"] != "" {
		t.Error("a report that nobody waited for was recorded")
	}
}
