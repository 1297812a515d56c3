package main

import (
	"context"
	"fmt"
	"math"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/planar"
)

// Longitudes and latitudes are degrees of WGS 84, an orb.Point is {lon, lat}.

// earthRadius is the mean radius R1 of the WGS 84 ellipsoid in metres. orb/geo
// computes with the equatorial radius, which is 0.1 % longer.
const earthRadius = 6_371_008.8

const radian = math.Pi / 180

// distance returns the length in metres of the great circle arc from a to b, by the
// haversine formula. It is off from the ellipsoid's geodesic by at most 0.6 %.
func distance(a, b orb.Point) float64 {
	sinLat := math.Sin((b[1] - a[1]) * radian / 2)
	sinLon := math.Sin((b[0] - a[0]) * radian / 2)
	h := sinLat*sinLat + math.Cos(a[1]*radian)*math.Cos(b[1]*radian)*sinLon*sinLon
	h = min(h, 1) // rounding, between antipodes
	return 2 * earthRadius * math.Atan2(math.Sqrt(h), math.Sqrt(1-h))
}

// length returns the sum of the distances along line, in metres.
func length(line orb.LineString) float64 {
	var sum float64
	for i := 1; i < len(line); i++ {
		sum += distance(line[i-1], line[i])
	}
	return sum
}

// crosses reports whether the way from a to b, taken the short way round, crosses
// the antimeridian.
func crosses(a, b orb.Point) bool { return math.Abs(b[0]-a[0]) > 180 }

// box is a bounding box in the order of RFC 7946: west, south, east, north. With
// west > east it crosses the antimeridian.
type box struct{ west, south, east, north float64 }

// newBox checks the four numbers of a bbox.
func newBox(b []float64) (box, error) {
	if len(b) != 4 {
		return box{}, fmt.Errorf("bbox has %d numbers, but must have four: west, south, east, north", len(b))
	}
	for _, lon := range []float64{b[0], b[2]} {
		if !(math.Abs(lon) <= 180) {
			return box{}, fmt.Errorf("bbox has the longitude %v, which is outside of -180 to 180", lon)
		}
	}
	for _, lat := range []float64{b[1], b[3]} {
		if !(math.Abs(lat) <= 90) {
			return box{}, fmt.Errorf("bbox has the latitude %v, which is outside of -90 to 90", lat)
		}
	}
	if b[1] > b[3] {
		return box{}, fmt.Errorf("bbox has its south, %v, above its north, %v", b[1], b[3])
	}
	return box{b[0], b[1], b[2], b[3]}, nil
}

// contains reports whether p is inside of b or on its edge. -180 and 180 are the
// same meridian.
func (b box) contains(p orb.Point) bool {
	if p[1] < b.south || p[1] > b.north {
		return false
	}
	return b.spans(p[0]) || math.Abs(p[0]) == 180 && b.spans(-p[0])
}

func (b box) spans(lon float64) bool {
	if b.west > b.east {
		return lon >= b.west || lon <= b.east
	}
	return b.west <= lon && lon <= b.east
}

// simplify drops points from line by the algorithm of Douglas and Peucker, so that
// every dropped point is at most tolerance metres away from the result. The ends
// stay. It returns the context's error when that ends first, since a hostile line
// takes time quadratic in its length.
//
// orb/simplify works in one plane for the whole line, in which metres hold only for
// short tracks; here each point is judged in a plane of its own. A side of the
// result is straight in longitude and latitude, as RFC 7946 draws it.
func simplify(ctx context.Context, line orb.LineString, tolerance float64) (orb.LineString, error) {
	if len(line) < 3 {
		return line, nil
	}
	flat := unwrap(line)
	keep := make([]bool, len(line))
	keep[0], keep[len(line)-1] = true, true
	type span struct{ first, last int }
	todo := []span{{0, len(line) - 1}}
	for len(todo) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		far, index := 0.0, 0
		for i := s.first + 1; i < s.last; i++ {
			if d := flat.fromSide(i, s.first, s.last); d > far {
				far, index = d, i
			}
		}
		// A side over half of the earth or more would be taken for one that goes the
		// other way round.
		wide := s.last-s.first > 1 && math.Abs(flat.points[s.last][0]-flat.points[s.first][0]) >= 180
		if wide && far <= tolerance*tolerance {
			index = (s.first + s.last) / 2
		}
		if wide || far > tolerance*tolerance {
			keep[index] = true
			todo = append(todo, span{s.first, index}, span{index, s.last})
		}
	}
	var kept orb.LineString
	for i, p := range line {
		if keep[i] {
			kept = append(kept, p)
		}
	}
	return kept, nil
}

// unwrapped is a line whose longitudes go on beyond ±180 instead of jumping, so
// that it is continuous in the plane, with the length of a degree at each point.
type unwrapped struct {
	points   []orb.Point
	lonMetre []float64 // metres per degree of longitude at the point's latitude
}

const latMetre = earthRadius * radian // metres per degree of latitude

func unwrap(line orb.LineString) unwrapped {
	u := unwrapped{points: make([]orb.Point, len(line)), lonMetre: make([]float64, len(line))}
	turns := 0.0
	for i, p := range line {
		if i > 0 && crosses(line[i-1], p) {
			turns += math.Copysign(360, line[i-1][0]-p[0])
		}
		u.points[i] = orb.Point{p[0] + turns, p[1]}
		u.lonMetre[i] = latMetre * math.Cos(p[1]*radian)
	}
	return u
}

// fromSide returns the squared distance in metres of point i from the side between
// the points a and b, in the plane that touches the earth at point i.
func (u unwrapped) fromSide(i, a, b int) float64 {
	p, x := u.points[i], u.lonMetre[i]
	return planar.DistanceFromSegmentSquared(
		orb.Point{(u.points[a][0] - p[0]) * x, (u.points[a][1] - p[1]) * latMetre},
		orb.Point{(u.points[b][0] - p[0]) * x, (u.points[b][1] - p[1]) * latMetre},
		orb.Point{},
	)
}
