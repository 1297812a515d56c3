package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

func TestCurrentPositions(t *testing.T) {
	f := newFixture(t, t.TempDir(), "")
	f.accept(
		at("montréal", 0, -73.57, 45.5), at("paris", 0, 2.35, 48.86), at("suva", 0, 178.44, -18.14),
		at("apia", 0, -171.77, -13.83), at("taveuni", 0, 180, -16.85), at("pole", 0, 0, 90))
	for _, test := range []struct {
		name, payload string
		want          string // devices in the order of the answer
	}{
		{"all", `{}`, "apia montréal paris pole suva taveuni"},
		{"a box", `{"bbox":[-80,40,10,50]}`, "montréal paris"},
		{"a box across the antimeridian", `{"bbox":[175,-20,-170,-10]}`, "apia suva taveuni"},
		{"a box that begins on it", `{"bbox":[-180,-20,-170,-10]}`, "apia taveuni"},
		{"the arctic", `{"bbox":[-180,66,180,90]}`, "pole"},
		{"nobody there", `{"bbox":[100,0,101,1]}`, ""},
		{"devices, sorted and once each", `{"devices":["suva","apia","suva","nobody",""]}`, "apia suva"},
		{"devices in a box", `{"devices":["suva","paris"],"bbox":[175,-20,-170,-10]}`, "suva"},
		{"no devices", `{"devices":[]}`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var found []string
			for _, feature := range mustAsk[featureCollection](f, "CurrentPositions", test.payload).Features {
				found = append(found, feature.Properties.Device)
			}
			if got := strings.Join(found, " "); got != test.want {
				t.Errorf("found %q, want %q", got, test.want)
			}
		})
	}
	for name, payload := range map[string]string{
		"three numbers": `{"bbox":[1,2,3]}`, "no numbers": `{"bbox":[]}`, "upside down": `{"bbox":[0,5,1,4]}`, "off the earth": `{"bbox":[0,0,181,1]}`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := f.ask("CurrentPositions", payload); sdk.CodeOf(err) != sdk.InvalidArgument {
				t.Errorf("error is %v", err)
			}
		})
	}
}

// TestCurrentPositionsIsGeoJSON compares with the text that RFC 7946 asks for.
func TestCurrentPositionsIsGeoJSON(t *testing.T) {
	f := newFixture(t, t.TempDir(), "")
	for _, test := range []struct{ name, payload, want string }{
		{"nothing", `{}`, `{"type":"FeatureCollection","features":[]}`},
		{"one", `{}`, `{"type":"FeatureCollection","features":[{"type":"Feature",` +
			`"geometry":{"type":"Point","coordinates":[-73.6,45.5]},` +
			`"properties":{"device":"d","time":"2026-10-01T12:00:00.5Z","speed":0,"heading":359.5}}]}`},
	} {
		response, err := f.ask("CurrentPositions", test.payload)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(response.Payload); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
		f.accept(`"device":"d","time":"2026-10-01T14:00:00.500+02:00","lat":45.5,"lon":-73.6,"speed":0,"heading":359.5`)
	}
}

func TestCurrentPositionsHasALimit(t *testing.T) {
	f := newFixture(t, t.TempDir(), "")
	long := strings.Repeat("<", maxDevice-8) // six bytes each in JSON
	for batch := range 4 {
		var positions []string
		for i := range 5000 {
			positions = append(positions, at(fmt.Sprintf("%s%d", long, batch*5000+i), 0, 1.23456789, 2.3456789))
		}
		f.accept(positions...)
	}
	if _, err := f.ask("CurrentPositions", `{}`); sdk.CodeOf(err) != sdk.TooLarge {
		t.Errorf("error is %v, want %s", err, sdk.TooLarge)
	}
	if _, err := f.ask("CurrentPositions", `{"bbox":[10,0,11,1]}`); err != nil {
		t.Errorf("a small box: %v", err)
	}
}

// TestFeatureBytes holds the estimate above what is really written.
func TestFeatureBytes(t *testing.T) {
	f := newFixture(t, t.TempDir(), "")
	for _, device := range []string{"d", `<&>"\`, strings.Repeat("<", maxDevice), "x" + strings.Repeat("\u2028", maxDevice/3), "Véhicule"} {
		f.accept(fmt.Sprintf(`"device":%s,"time":"2026-10-01T12:00:00.123456789Z","lat":-1.2345678901234567e-300,"lon":-1.2345678901234567e-300,"speed":1.7976931348623157e308,"heading":1.2345678901234567e-300`, quote(device)))
		response, err := f.ask("CurrentPositions", `{"devices":[`+quote(device)+`]}`)
		if err != nil {
			t.Fatal(err)
		}
		if got, bound := len(response.Payload)-len(`{"type":"FeatureCollection","features":[]}`), featureBytes(position{device: device}); got > bound {
			t.Errorf("%q has %d bytes, estimated %d", device, got, bound)
		}
	}
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// TestAgedPositionsAreGone: what is beyond the retention is not answered, even
// before it is removed.
func TestAgedPositionsAreGone(t *testing.T) {
	f := newFixture(t, t.TempDir(), `{"retention_days":1}`)
	f.accept(at("early", -20*time.Hour, 1, 1), at("early", -19*time.Hour, 2, 2), at("late", -time.Hour, 3, 3))
	f.clock.Store(noon().Add(4*time.Hour + time.Second).UnixNano())
	if track := f.whole("early"); track.Properties.Count != 1 {
		t.Errorf("the track has %d positions, want 1", track.Properties.Count)
	}
	f.clock.Store(noon().Add(6 * time.Hour).UnixNano())
	if devices := f.where(`{}`); len(devices) != 1 || devices["late"] == "" {
		t.Errorf("devices are %v", devices)
	}
	if devices := f.where(`{"devices":["early","late"]}`); len(devices) != 1 {
		t.Errorf("devices are %v", devices)
	}
	if count := f.whole("early").Properties.Count; count != 0 {
		t.Errorf("the aged track still has %d positions", count)
	}
}
