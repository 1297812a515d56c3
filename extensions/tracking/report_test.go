package main

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

func TestReportedPositions(t *testing.T) {
	const good = `"device":"d","time":"2026-10-01T12:00:00Z","lat":45.5,"lon":-73.6`
	swap := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	for _, test := range []struct {
		name, position string
		reason         string // part of it; empty when accepted
	}{
		{"plain", good, ""},
		{"speed and heading", good + `,"speed":13.9,"heading":270`, ""},
		{"unknown members", good + `,"altitude":30`, ""},
		{"standing, heading north", good + `,"speed":0,"heading":360`, ""},
		{"north pole", swap("45.5", "90"), ""},
		{"antimeridian", swap("-73.6", "-180"), ""},
		{"another offset", swap("12:00:00Z", "14:00:00+02:00"), ""},
		{"lower case", swap("T12:00:00Z", "t12:00:00z"), ""},
		{"fractions", swap("12:00:00Z", "12:00:00.123456789Z"), ""},
		{"clock a little ahead", swap("12:00:00Z", "12:59:59Z"), ""},
		{"last moment of the retention", swap("2026-10-01", "2026-09-01"), ""},
		{"device with spaces and marks", swap(`"d"`, `"Véhicule <7>"`), ""},

		{"empty device", swap(`"d"`, `""`), "device is empty"},
		{"blank device", swap(`"d"`, `" \t"`), "device is empty"},
		{"no device", swap(`"device":"d",`, ``), "device is empty"},
		{"control character", swap(`"d"`, `"a\u0000b"`), "control character"},
		{"half a surrogate pair", swap(`"d"`, `"\ud800"`), "not valid UTF-8"},
		{"long device", swap(`"d"`, `"`+strings.Repeat("d", 129)+`"`), "128 is the most"},
		{"latitude above", swap("45.5", "90.0001"), "lat 90.0001 is not between -90 and 90"},
		{"latitude below", swap("45.5", "-91"), "lat -91"},
		{"longitude east", swap("-73.6", "180.5"), "lon 180.5 is not between -180 and 180"},
		{"longitude west", swap("-73.6", "-3600"), "lon -3600"},
		{"latitude beyond all numbers", swap("45.5", "1e999"), "lat +Inf"},
		{"longitude beyond all numbers", swap("-73.6", "-1e999"), "lon -Inf"},
		{"no latitude", swap(`"lat":45.5,`, ``), "lat is missing"},
		{"null longitude", swap("-73.6", "null"), "lon is missing"},
		{"negative speed", good + `,"speed":-1`, "speed -1"},
		{"infinite speed", good + `,"speed":1e999`, "speed +Inf"},
		{"heading", good + `,"heading":361`, "heading 361"},
		{"no time", swap(`"time":"2026-10-01T12:00:00Z",`, ``), "RFC 3339"},
		{"a date only", swap("T12:00:00Z", ""), "RFC 3339"},
		{"no offset", swap("00Z", "00"), "RFC 3339"},
		{"February 30", swap("2026-10-01", "2026-02-30"), "RFC 3339"},
		{"a comma for the point", swap("00Z", "00,5Z"), "RFC 3339"},
		{"an hour of one digit", swap("12:00", "1:00"), "RFC 3339"},
		{"an offset of 24 hours", swap("00Z", "00+24:00"), "RFC 3339"},
		{"an offset of 60 minutes", swap("00Z", "00-00:60"), "RFC 3339"},
		{"a 61st second", swap("00Z", "60Z"), "RFC 3339"},
		{"absurd future", swap("2026", "2999"), "ahead"},
		{"over an hour ahead", swap("12:00:00Z", "13:00:01Z"), "ahead"},
		{"before the retention", swap("2026-10-01T12:00:00Z", "2026-09-01T11:59:59Z"), "30 days"},
		{"before all time", swap("2026", "0001"), "30 days"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t, t.TempDir(), "")
			// A good neighbour on each side: what is bad spoils nothing else.
			answer := mustAsk[reportResponse](f, "ReportPositions", reports(at("before", 0, 1, 1), test.position, at("after", 0, 2, 2)))
			if test.reason == "" {
				if answer.Accepted != 3 || len(answer.Rejected) != 0 {
					t.Fatalf("answer is %+v", answer)
				}
				return
			}
			if answer.Accepted != 2 || len(answer.Rejected) != 1 {
				t.Fatalf("answer is %+v", answer)
			}
			r := answer.Rejected[0]
			if r.Index != 1 || !strings.Contains(r.Reason, test.reason) {
				t.Errorf("rejected %d: %s, want 1: … %s …", r.Index, r.Reason, test.reason)
			}
			if devices := f.where(`{}`); len(devices) != 2 {
				t.Errorf("devices are %v", devices)
			}
		})
	}
}

// TestNotANumber: JSON has no NaN, a caller in Go may.
func TestNotANumber(t *testing.T) {
	nan, fine := number(math.NaN()), number(1)
	p := reportedPosition{Device: "d", Time: noon().Format(time.RFC3339), Lat: &fine, Lon: &nan}
	if _, err := p.check(noon(), config{RetentionDays: 30}); err == nil {
		t.Error("NaN was taken for a longitude")
	}
}

func TestReportAsAWhole(t *testing.T) {
	f := newFixture(t, t.TempDir(), "")
	for _, test := range []struct {
		name, payload string
		answer        string // exactly; or
		code          sdk.Code
	}{
		{"no positions", `{"positions":[]}`, `{"accepted":0,"rejected":[]}`, ""},
		{"only bad ones", `{"positions":[{},{}]}`, `{"accepted":0,"rejected":[{"index":0,"reason":"device is empty"},{"index":1,"reason":"device is empty"}]}`, ""},
		{"too many", `{"positions":[` + strings.Repeat("{},", maxReport) + `{}]}`, "", sdk.TooLarge},
		{"no JSON", `positions`, "", sdk.InvalidArgument},
		{"text for a number", reports(`"device":"d","time":"2026-10-01T12:00:00Z","lat":"45","lon":1`), "", sdk.InvalidArgument},
	} {
		t.Run(test.name, func(t *testing.T) {
			response, err := f.ask("ReportPositions", test.payload)
			if sdk.CodeOf(err) != test.code {
				t.Fatalf("error is %v, want code %q", err, test.code)
			}
			if err == nil && string(response.Payload) != test.answer {
				t.Errorf("answer is %s, want %s", response.Payload, test.answer)
			}
		})
	}
}

func TestDuplicates(t *testing.T) {
	f := newFixture(t, t.TempDir(), "")
	first := at("truck", 0, 2, 1) + `,"speed":5`
	f.accept(first, at("truck", time.Minute, 3, 1))

	for _, test := range []struct {
		name, position string
		accepted       bool
	}{
		{"the same again", first, true},
		{"the same instant in another zone", strings.Replace(first, "12:00:00Z", "08:00:00-04:00", 1), true},
		{"another place", at("truck", 0, 9, 9) + `,"speed":5`, false},
		{"another speed", at("truck", 0, 2, 1) + `,"speed":6`, false},
		{"without the speed", at("truck", 0, 2, 1), false},
		{"with a heading", first + `,"heading":7`, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			answer := mustAsk[reportResponse](f, "ReportPositions", reports(test.position))
			if test.accepted != (answer.Accepted == 1) || test.accepted != (len(answer.Rejected) == 0) {
				t.Errorf("answer is %+v", answer)
			}
			track := f.whole("truck")
			if got, want := fmt.Sprint(track.Geometry.Coordinates), "[[2 1] [3 1]]"; got != want {
				t.Errorf("the track is %v, want %v", got, want)
			}
		})
	}

	t.Run("within one report the first wins", func(t *testing.T) {
		answer := mustAsk[reportResponse](f, "ReportPositions", reports(
			`"device":"bad"`, at("van", 0, 1, 1), at("van", 0, 1, 1), at("van", 0, 5, 5), `"device":"worse"`))
		var rejected []int
		for _, r := range answer.Rejected {
			rejected = append(rejected, r.Index)
		}
		if answer.Accepted != 2 || fmt.Sprint(rejected) != "[0 3 4]" {
			t.Errorf("answer is %+v", answer)
		}
		if got := f.where(`{"devices":["van"]}`)["van"]; got != "[1 1]" {
			t.Errorf("the van is at %v", got)
		}
	})
}

func TestLateReports(t *testing.T) {
	f := newFixture(t, t.TempDir(), "")
	f.accept(at("ship", 0, 3, 0))
	f.accept(at("ship", -2*time.Hour, 1, 0), at("ship", -time.Hour, 2, 0))
	f.accept(at("ship", -90*time.Minute, 1.5, 0))
	if got := f.where(`{}`)["ship"]; got != "[3 0]" {
		t.Errorf("a late report moved the ship to %v", got)
	}
	if got, want := fmt.Sprint(f.whole("ship").Geometry.Coordinates), "[[1 0] [1.5 0] [2 0] [3 0]]"; got != want {
		t.Errorf("the track is %v, want %v", got, want)
	}
	f.accept(at("ship", time.Minute, 4, 0))
	if got := f.where(`{}`)["ship"]; got != "[4 0]" {
		t.Errorf("the ship is at %v", got)
	}
}
