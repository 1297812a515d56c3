package main

import (
	_ "embed"
	"encoding/json"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
	"github.com/jackfield-host/jackfield/sdk/sdktest"
)

//go:embed manifest.mf
var manifestText string

//go:embed README.md
var readme string

// manifest returns the attributes of manifest.mf.
func manifest() map[string]string {
	attributes := map[string]string{}
	for line := range strings.Lines(manifestText) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		attributes[strings.ToLower(name)] = value
	}
	return attributes
}

// start runs the extension through the wire, at noon.
func start(t *testing.T, options ...sdktest.Option) *sdktest.Extension {
	t.Helper()
	options = append([]sdktest.Option{sdktest.WithManifest(manifest())}, options...)
	return sdktest.Start(t, newTracking(noon), options...)
}

func TestConform(t *testing.T) {
	sdktest.Conform(t, func(t *testing.T) *sdktest.Extension { return start(t) })
}

func TestManifest(t *testing.T) {
	want := map[string]string{
		"extension_class":    "jmap.extensions.tracking.server.TrackingExtension",
		"extension_request":  types + "TrackingRequest",
		"extension_response": types + "TrackingResponse",
		"extension_name":     "Tracking",
		"extension_version":  "5.0.0010",
		"extension_upgrade":  "exclusive",
	}
	got := manifest()
	maps.DeleteFunc(got, func(name, _ string) bool { return want[name] == "" })
	if !maps.Equal(got, want) {
		t.Errorf("the manifest has %v, want %v", got, want)
	}
}

// TestLifeOverTheWire reports, restarts on the same data folder, and asks.
func TestLifeOverTheWire(t *testing.T) {
	folder := t.TempDir()
	ext := start(t, sdktest.WithDataDir(folder))
	var reported reportResponse
	if err := ext.Call(t.Context(), types+"ReportPositionsRequest", json.RawMessage(reports(at("d", 0, 1, 2), `"device":""`)), &reported); err != nil {
		t.Fatal(err)
	}
	if reported.Accepted != 1 || len(reported.Rejected) != 1 {
		t.Fatalf("answer is %+v", reported)
	}
	if err := ext.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if err := ext.Configure(t.Context(), map[string]int{"retention_days": 7}); err != nil {
		t.Error(err)
	}
	if err := ext.Configure(t.Context(), map[string]int{"retention_days": 0}); err == nil {
		t.Error("a retention of no days was taken")
	}
	ext.Stop()

	ext = start(t, sdktest.WithDataDir(folder), sdktest.WithConfig(map[string]int{"max_positions": 2000}))
	var current featureCollection
	if err := ext.Call(t.Context(), types+"CurrentPositionsRequest", struct{}{}, &current); err != nil {
		t.Fatal(err)
	}
	if len(current.Features) != 1 || current.Features[0].Properties.Device != "d" {
		t.Errorf("after a restart: %+v", current)
	}
	err := ext.Call(t.Context(), types+"TrackRequest", trackRequest{Device: "d"}, nil)
	if sdk.CodeOf(err) != sdk.InvalidArgument {
		t.Errorf("error is %v", err)
	}
	err = ext.Call(t.Context(), types+"TrackingRequest", struct{}{}, nil)
	if sdk.CodeOf(err) != sdk.Unimplemented && sdk.CodeOf(err) != sdk.UnknownType {
		t.Errorf("the base type has no handler; error is %v", err)
	}
}

func TestStartsThatFail(t *testing.T) {
	damaged := t.TempDir()
	if err := os.WriteFile(filepath.Join(damaged, historyFile), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		option sdktest.Option
		says   string
	}{
		"configuration": {sdktest.WithConfig(map[string]int{"retention_days": 9999}), "retention_days is 9999"},
		"database":      {sdktest.WithDataDir(damaged), "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sdktest.TryStart(t, newTracking(noon), sdktest.WithManifest(manifest()), test.option)
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error is %v", err)
			}
		})
	}
}

// schemas returns the declared schema of every type, by the last part of its name.
func schemas(t *testing.T, ext *sdktest.Extension) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	for _, declared := range ext.Types() {
		name, ok := strings.CutPrefix(declared.Name, types)
		if !ok {
			t.Errorf("%s is not in %s", declared.Name, types)
		}
		found[name] = declared.Schema
		base := map[sdk.Role]string{sdk.RoleRequest: "TrackingRequest", sdk.RoleResponse: "TrackingResponse"}
		if declared.Extends != types+base[declared.Role] {
			t.Errorf("%s extends %q", name, declared.Extends)
		}
	}
	want := []string{
		"CurrentPositionsRequest", "CurrentPositionsResponse", "ReportPositionsRequest",
		"ReportPositionsResponse", "TrackRequest", "TrackResponse",
	}
	if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, want) {
		t.Errorf("declared are %v, want %v", got, want)
	}
	return found
}

func TestSchemas(t *testing.T) {
	declared := schemas(t, start(t))
	for _, test := range []struct {
		typeName, payload string
		fine              bool
	}{
		{"ReportPositionsRequest", reports(at("d", 0, 1, 1)), true},
		{"ReportPositionsRequest", `{"positions":[]}`, true},
		// No ranges: these are for the extension to reject, one by one.
		{"ReportPositionsRequest", `{"positions":[{"device":"","time":"never","lat":1000,"lon":1e300,"speed":-1,"heading":-1}]}`, true},
		{"ReportPositionsRequest", `{}`, false},
		{"ReportPositionsRequest", `{"positions":{}}`, false},
		{"ReportPositionsRequest", `{"positions":[{"device":"d","time":"2026-10-01T12:00:00Z","lat":"1","lon":1}]}`, false},
		{"ReportPositionsRequest", `{"positions":[{"device":"d","time":"2026-10-01T12:00:00Z","lat":1}]}`, false},
		{"ReportPositionsRequest", `{"positions":[` + strings.Repeat(`{"device":"d","time":"","lat":0,"lon":0},`, maxReport) + `{"device":"d","time":"","lat":0,"lon":0}]}`, false},
		{"ReportPositionsResponse", `{"accepted":0,"rejected":[]}`, true},
		{"ReportPositionsResponse", `{"accepted":0,"rejected":null}`, false},
		{"CurrentPositionsRequest", `{}`, true},
		{"CurrentPositionsRequest", `{"bbox":[170,-20,-170,-10],"devices":[]}`, true},
		{"CurrentPositionsRequest", `{"bbox":[1,2,3]}`, false},
		{"CurrentPositionsRequest", `{"bbox":["1",2,3,4]}`, false},
		{"CurrentPositionsRequest", `{"devices":"d"}`, false},
		{"CurrentPositionsRequest", `[]`, false},
		{"CurrentPositionsResponse", `{"type":"FeatureCollection","features":[]}`, true},
		{"CurrentPositionsResponse", `{"type":"Feature","features":[]}`, false},
		{"TrackRequest", trackOf("d", 0, 0), true},
		{"TrackRequest", `{"device":"d","from":"2026-10-01T12:00:00Z"}`, false},
		{"TrackRequest", `{"device":7,"from":"","to":""}`, false},
		{"TrackResponse", `{"type":"Feature","geometry":null,"properties":{"device":"d","count":0,"distance_m":0}}`, true},
		{"TrackResponse", `{"type":"Feature","properties":{"device":"d","count":0,"distance_m":0}}`, false},
		{"TrackResponse", `{"type":"Feature","geometry":{"type":"LineString","coordinates":[[1,2]]},"properties":{"device":"d","count":1,"distance_m":0}}`, false},
	} {
		err := compile(t, declared[test.typeName]).Validate(decode(t, []byte(test.payload)))
		if (err == nil) != test.fine {
			t.Errorf("%s %.100s: %v", test.typeName, test.payload, err)
		}
	}
}

// TestREADME runs the examples of the README through the wire, in their order, and
// compares what is answered with what the README says.
func TestREADME(t *testing.T) {
	ext := start(t)
	declared := schemas(t, ext)
	blocks := regexp.MustCompile("(?s)```json (\\w+)\n(.*?)```").FindAllStringSubmatch(readme, -1)
	if len(blocks) != 6 {
		t.Fatalf("the README has %d examples, want 6", len(blocks))
	}
	var answer []byte
	for _, block := range blocks {
		name, example := block[1], []byte(block[2])
		if err := compile(t, declared[name]).Validate(decode(t, example)); err != nil {
			t.Errorf("%s breaks its schema: %v", name, err)
		}
		if strings.HasSuffix(name, "Response") {
			if !alike(decodePlain(t, answer), decodePlain(t, example)) {
				t.Errorf("%s is %s, the README says %s", name, answer, compact(t, example))
			}
			continue
		}
		response, err := ext.Do(t.Context(), &sdk.Request{Type: types + name, Payload: example})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		answer = response.Payload
		if want := types + strings.Replace(name, "Request", "Response", 1); response.Type != want {
			t.Errorf("the answer is a %s, want %s", response.Type, want)
		}
	}
}

// TestREADMECommands takes the curl commands apart and sends what they would.
func TestREADMECommands(t *testing.T) {
	ext := start(t)
	commands := regexp.MustCompile(`(?s)http://127\.0\.0\.1:8080/v1/requests/(\S+).*?-d '(.*?)'\n`).FindAllStringSubmatch(readme, -1)
	want := []string{
		`{"accepted":1,"rejected":[]}`,
		`{"type":"FeatureCollection","features":[{"type":"Feature","geometry":{"type":"Point","coordinates":[-73.5673,45.5017]},"properties":{"device":"bus-7","time":"2026-10-01T12:00:00Z"}}]}`,
	}
	if len(commands) != len(want) {
		t.Fatalf("the README has %d commands, want %d", len(commands), len(want))
	}
	for i, command := range commands {
		payload := strings.ReplaceAll(command[2], `'"$(date -u +%FT%TZ)"'`, noon().Format(time.RFC3339))
		response, err := ext.Do(t.Context(), &sdk.Request{Type: command[1], Payload: []byte(payload)})
		if err != nil {
			t.Fatalf("%s %s: %v", command[1], payload, err)
		}
		if got := string(response.Payload); got != want[i] {
			t.Errorf("%s: %s, want %s", command[1], got, want[i])
		}
	}
}

func decodePlain(t *testing.T, data []byte) any {
	t.Helper()
	var value any
	if err := json.Unmarshal(data, &value); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return value
}

// alike compares JSON values, numbers to one part in ten thousand: the README rounds.
func alike(a, b any) bool {
	switch a := a.(type) {
	case float64:
		b, ok := b.(float64)
		return ok && math.Abs(a-b) <= 1e-4*math.Abs(a)
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, alike)
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, alike)
	}
	return reflect.DeepEqual(a, b)
}
