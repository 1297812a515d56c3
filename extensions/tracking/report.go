package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/paulmach/orb"

	"github.com/jackfield-host/jackfield/sdk"
)

const (
	// maxReport is how many positions a report may carry; the schema says it too.
	maxReport = 10_000
	// maxDevice is the length of a device's name in bytes.
	maxDevice = 128
	// ahead is how far before ours the clock of a device may be.
	ahead = time.Hour
)

type reportRequest struct {
	Positions []reportedPosition `json:"positions" jsonschema:"maxItems=10000"`
}

// reportedPosition is a position as a device reports it. The schema has no ranges:
// what is out of range is rejected alone and does not spoil the report. Pointers
// tell what is missing from what is zero, where nobody has validated.
type reportedPosition struct {
	Device  string  `json:"device"`
	Time    string  `json:"time" jsonschema:"description=RFC 3339 with any offset"`
	Lat     *number `json:"lat" jsonschema:"description=degrees of WGS 84 from -90 to 90"`
	Lon     *number `json:"lon" jsonschema:"description=degrees of WGS 84 from -180 to 180"`
	Speed   *number `json:"speed,omitempty" jsonschema:"description=metres a second"`
	Heading *number `json:"heading,omitempty" jsonschema:"description=degrees clockwise from true north"`
}

type reportResponse struct {
	// Accepted is the number of positions that are in the history now; those that
	// had been there already, with the same values, count.
	Accepted int         `json:"accepted"`
	Rejected []rejection `json:"rejected"`
}

type rejection struct {
	Index  int    `json:"index"`
	Reason string `json:"reason"`
}

// number is a JSON number of any size: those beyond a float64 become infinite, and
// are then out of range, where encoding/json would refuse the whole report.
type number float64

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(data []byte) error {
	f, err := strconv.ParseFloat(string(data), 64)
	if errors.Is(err, strconv.ErrRange) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("%s is not a number", data)
	}
	*n = number(f)
	return nil
}

// report answers a ReportPositionsRequest.
func (t *tracking) report(ctx context.Context, req reportRequest) (reportResponse, error) {
	if len(req.Positions) > maxReport {
		return reportResponse{}, sdk.Errorf(sdk.TooLarge, "the report carries %d positions, but %d is the most: send it in parts", len(req.Positions), maxReport)
	}
	h, cfg, err := t.open()
	if err != nil {
		return reportResponse{}, err
	}
	answer := reportResponse{Rejected: []rejection{}}
	reject := func(index int, reason string) {
		answer.Rejected = append(answer.Rejected, rejection{index, reason})
	}
	now := t.now()
	var valid []position
	var indexes []int // of the valid ones in the report
	for i, reported := range req.Positions {
		p, err := reported.check(now, cfg)
		if err != nil {
			reject(i, err.Error())
			continue
		}
		valid, indexes = append(valid, p), append(indexes, i)
	}
	if len(valid) == 0 {
		return answer, nil
	}
	outcomes, err := h.add(ctx, valid, cfg.MaxPositions)
	if err != nil {
		return reportResponse{}, err
	}
	for i, outcome := range outcomes {
		if outcome == different {
			reject(indexes[i], "another position of this device at this time is recorded already, with other values")
			continue
		}
		answer.Accepted++
	}
	slices.SortFunc(answer.Rejected, func(a, b rejection) int { return a.Index - b.Index })
	return answer, nil
}

// check returns the position, or an error that says what is wrong with it.
func (r reportedPosition) check(now time.Time, cfg config) (position, error) {
	var none position
	if err := checkDevice(r.Device); err != nil {
		return none, err
	}
	at, err := parseTime(r.Time)
	if err != nil {
		return none, fmt.Errorf("time %w", err)
	}
	if at > now.Add(ahead).UnixNano() {
		return none, fmt.Errorf("time is more than an hour ahead of the clock here, which shows %s", formatTime(now.Unix()*1e9))
	}
	if at < horizon(now, cfg) {
		return none, fmt.Errorf("time is before the %d days of history that are kept", cfg.RetentionDays)
	}
	lat, err := r.Lat.within("lat", -90, 90)
	if err != nil {
		return none, err
	}
	lon, err := r.Lon.within("lon", -180, 180)
	if err != nil {
		return none, err
	}
	p := position{device: r.Device, time: at, point: orb.Point{lon, lat}}
	if r.Speed != nil {
		speed, err := r.Speed.within("speed", 0, math.MaxFloat64)
		if err != nil {
			return none, err
		}
		p.speed = &speed
	}
	if r.Heading != nil {
		heading, err := r.Heading.within("heading", 0, 360)
		if err != nil {
			return none, err
		}
		p.heading = &heading
	}
	return p, nil
}

// within returns the number, or an error when it is missing, NaN, or outside of
// low and high.
func (n *number) within(name string, low, high float64) (float64, error) {
	if n == nil {
		return 0, fmt.Errorf("%s is missing", name)
	}
	f := float64(*n)
	switch {
	case f >= low && f <= high:
		return f + 0, nil // -0 becomes 0
	case high == math.MaxFloat64:
		return 0, fmt.Errorf("%s %v is not a number from %v up", name, f, low)
	}
	return 0, fmt.Errorf("%s %v is not between %v and %v", name, f, low, high)
}

// checkDevice says what is wrong with the name of a device, if anything.
func checkDevice(device string) error {
	switch {
	case strings.TrimSpace(device) == "":
		return errors.New("device is empty")
	case len(device) > maxDevice:
		return fmt.Errorf("device has %d bytes, but %d is the most", len(device), maxDevice)
	case !utf8.ValidString(device) || strings.ContainsRune(device, utf8.RuneError):
		return errors.New("device is not valid UTF-8")
	case strings.ContainsFunc(device, unicode.IsControl):
		return errors.New("device has a control character")
	}
	return nil
}
