package main

import (
	"context"
	"errors"
	"slices"

	"github.com/jackfield-host/jackfield/sdk"
)

// maxAnswer bounds the answer of current in bytes: the host takes 16 MiB. It is
// room for some 50 000 devices.
const maxAnswer = 15 << 20

type currentRequest struct {
	// BBox is west, south, east, north in degrees, edges included; west > east
	// crosses the antimeridian. Nil means everywhere.
	BBox []float64 `json:"bbox,omitempty" jsonschema:"minItems=4,maxItems=4,description=west south east north; west > east crosses the antimeridian"`
	// Devices are those asked for; nil means all, an empty list none.
	Devices []string `json:"devices,omitempty" jsonschema:"maxItems=10000"`
}

// current answers a CurrentPositionsRequest: one Point for each device, sorted by
// the bytes of its name.
func (t *tracking) current(ctx context.Context, req currentRequest) (featureCollection, error) {
	var none featureCollection
	if len(req.Devices) > maxReport {
		return none, sdk.Errorf(sdk.TooLarge, "the request names %d devices, but %d is the most", len(req.Devices), maxReport)
	}
	everywhere, area := req.BBox == nil, box{}
	if !everywhere {
		var err error
		if area, err = newBox(req.BBox); err != nil {
			return none, sdk.Errorf(sdk.InvalidArgument, "%v", err)
		}
	}
	h, cfg, err := t.open()
	if err != nil {
		return none, err
	}
	answer := featureCollection{Type: "FeatureCollection", Features: []pointFeature{}}
	oldest, size, seen := horizon(t.now(), cfg), 0, 0
	each := func(p position) error {
		if seen++; seen%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if p.time < oldest || !everywhere && !area.contains(p.point) {
			return nil
		}
		if size += featureBytes(p); size > maxAnswer {
			return errTooMany
		}
		answer.Features = append(answer.Features, newPointFeature(p))
		return nil
	}
	if req.Devices == nil {
		err = h.all(each)
	} else {
		devices := slices.Clone(req.Devices)
		slices.Sort(devices)
		err = h.some(slices.Compact(devices), each)
	}
	if errors.Is(err, errTooMany) {
		return none, sdk.Errorf(sdk.TooLarge, "more than %d devices are there, too many for one answer: ask for a smaller bbox, or for some devices", len(answer.Features))
	}
	return answer, err
}

var errTooMany = errors.New("too many positions for one answer")

func newPointFeature(p position) pointFeature {
	return pointFeature{
		Type:     "Feature",
		Geometry: point{Type: "Point", Coordinates: p.point},
		Properties: pointProperties{
			Device: p.device, Time: formatTime(p.time), Speed: p.speed, Heading: p.heading,
		},
	}
}

// featureBytes is at least the length of a feature in JSON: 240 bytes with the
// longest numbers, and the device, some of whose characters are escaped.
func featureBytes(p position) int {
	n := 260 + len(p.device)
	for _, c := range []byte(p.device) {
		switch {
		case c == '<' || c == '>' || c == '&':
			n += 5 // as \u003c
		case c == '"' || c == '\\' || c >= 0x80:
			n++ // U+2028 has three bytes and becomes six
		}
	}
	return n
}
