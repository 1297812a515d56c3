package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/paulmach/orb"

	"github.com/jackfield-host/jackfield/sdk"
)

const (
	// maxTrack is how many positions a track may have, before simplification.
	maxTrack = 100_000
	// maxSimplify is the coarsest simplification in metres. What it draws is
	// straight in longitude and latitude, which over longer ways is far off.
	maxSimplify = 100_000
)

type trackRequest struct {
	Device string `json:"device"`
	// From and To are RFC 3339 times, both inclusive.
	From string `json:"from" jsonschema:"description=RFC 3339 and inclusive"`
	To   string `json:"to" jsonschema:"description=RFC 3339 and inclusive"`
	// SimplifyM is how far, in metres, the simplified track may be from the
	// positions it leaves out; 0 leaves out none.
	SimplifyM float64 `json:"simplify_m,omitempty" jsonschema:"description=metres that positions left out may be from the line"`
}

// track answers a TrackRequest.
func (t *tracking) track(ctx context.Context, req trackRequest) (trackFeature, error) {
	var none trackFeature
	from, to, err := req.check()
	if err != nil {
		return none, sdk.Errorf(sdk.InvalidArgument, "%v", err)
	}
	h, cfg, err := t.open()
	if err != nil {
		return none, err
	}
	properties := trackProperties{Device: req.Device}
	var way orb.LineString
	err = h.track(req.Device, max(from, horizon(t.now(), cfg)), to, func(p position) error {
		if len(way) == maxTrack {
			return errTooMany
		}
		if len(way)%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if len(way) == 0 {
			properties.First = formatTime(p.time)
		}
		way = append(way, p.point)
		properties.Last = formatTime(p.time)
		return nil
	})
	if errors.Is(err, errTooMany) {
		return none, sdk.Errorf(sdk.TooLarge, "the track has more than %d positions, too many for one answer: ask for a shorter time", maxTrack)
	}
	if err != nil {
		return none, err
	}
	properties.Count, properties.DistanceM = len(way), length(way)
	if req.SimplifyM > 0 {
		if way, err = simplify(ctx, way, req.SimplifyM); err != nil {
			return none, err
		}
	}
	feature := trackFeature{Type: "Feature", Properties: properties}
	if len(way) >= 2 {
		feature.Geometry = &line{Type: "LineString", Coordinates: way}
	}
	for i := 1; i < len(way) && !feature.Properties.Antimeridian; i++ {
		feature.Properties.Antimeridian = crosses(way[i-1], way[i])
	}
	return feature, nil
}

// check returns the range of time, or an error that says what is wrong.
func (r trackRequest) check() (from, to int64, err error) {
	if err := checkDevice(r.Device); err != nil {
		return 0, 0, err
	}
	if from, err = parseTime(r.From); err != nil {
		return 0, 0, fmt.Errorf("from %w", err)
	}
	if to, err = parseTime(r.To); err != nil {
		return 0, 0, fmt.Errorf("to %w", err)
	}
	if from > to {
		return 0, 0, errors.New("from is after to")
	}
	if !(r.SimplifyM >= 0 && r.SimplifyM <= maxSimplify) {
		return 0, 0, fmt.Errorf("simplify_m %v is not between 0 and %d metres", r.SimplifyM, maxSimplify)
	}
	return from, to, nil
}
