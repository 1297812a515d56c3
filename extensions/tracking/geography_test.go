package main

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/paulmach/orb"
	orbsimplify "github.com/paulmach/orb/simplify"
)

func TestDistance(t *testing.T) {
	quarter := earthRadius * math.Pi / 2
	for _, test := range []struct {
		name   string
		a, b   orb.Point
		metres float64
		within float64
	}{
		{"nowhere to go", orb.Point{-73.6, 45.5}, orb.Point{-73.6, 45.5}, 0, 0},
		{"one degree of the equator", orb.Point{0, 0}, orb.Point{1, 0}, 111_195.08, 0.01},
		{"one degree of a meridian", orb.Point{7, 50}, orb.Point{7, 51}, 111_195.08, 0.01},
		{"Paris to London", orb.Point{2.3522, 48.8566}, orb.Point{-0.1278, 51.5074}, 343_556, 10},
		{"pole to equator", orb.Point{0, 90}, orb.Point{123, 0}, quarter, 0.01},
		{"pole to pole", orb.Point{10, 90}, orb.Point{-50, -90}, 2 * quarter, 0.01},
		{"all longitudes of a pole are one place", orb.Point{0, 90}, orb.Point{180, 90}, 0, 1e-6},
		{"over a pole", orb.Point{0, 89}, orb.Point{180, 89}, 2 * 111_195.08, 0.02},
		{"antipodes", orb.Point{12, 34}, orb.Point{-168, -34}, 2 * quarter, 0.01},
		{"across the antimeridian", orb.Point{179.5, 0}, orb.Point{-179.5, 0}, 111_195.08, 0.01},
		{"both names of the antimeridian", orb.Point{180, 20}, orb.Point{-180, 20}, 0, 1e-6},
		{"one millimetre", orb.Point{5, 0}, orb.Point{5 + 0.001/latMetre, 0}, 0.001, 1e-6},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, got := range []float64{distance(test.a, test.b), distance(test.b, test.a)} {
				if !(math.Abs(got-test.metres) <= test.within) {
					t.Errorf("distance %v to %v is %.4f m, want %.4f m", test.a, test.b, got, test.metres)
				}
			}
		})
	}
}

// TestDistanceAgreesWithVectors compares with the angle between two vectors.
func TestDistanceAgreesWithVectors(t *testing.T) {
	vector := func(p orb.Point) (x, y, z float64) {
		sinLon, cosLon := math.Sincos(p[0] * radian)
		sinLat, cosLat := math.Sincos(p[1] * radian)
		return cosLat * cosLon, cosLat * sinLon, sinLat
	}
	random := rand.New(rand.NewPCG(5, 6))
	for range 10_000 {
		a := orb.Point{random.Float64()*360 - 180, random.Float64()*180 - 90}
		b := orb.Point{random.Float64()*360 - 180, random.Float64()*180 - 90}
		ax, ay, az := vector(a)
		bx, by, bz := vector(b)
		cross := math.Sqrt(math.Pow(ay*bz-az*by, 2) + math.Pow(az*bx-ax*bz, 2) + math.Pow(ax*by-ay*bx, 2))
		want := earthRadius * math.Atan2(cross, ax*bx+ay*by+az*bz)
		if got := distance(a, b); !(math.Abs(got-want) < 0.01) {
			t.Fatalf("distance %v to %v is %.4f m, want %.4f m", a, b, got, want)
		}
	}
}

func TestBox(t *testing.T) {
	for _, test := range []struct {
		name   string
		bbox   []float64
		point  orb.Point
		inside bool
	}{
		{"inside", []float64{-74, 45, -73, 46}, orb.Point{-73.5, 45.5}, true},
		{"west of it", []float64{-74, 45, -73, 46}, orb.Point{-74.1, 45.5}, false},
		{"north of it", []float64{-74, 45, -73, 46}, orb.Point{-73.5, 46.1}, false},
		{"on a corner", []float64{-74, 45, -73, 46}, orb.Point{-74, 46}, true},
		{"one point", []float64{5, 5, 5, 5}, orb.Point{5, 5}, true},
		{"the whole earth", []float64{-180, -90, 180, 90}, orb.Point{-180, -90}, true},
		{"crossing: east side", []float64{170, -20, -170, 0}, orb.Point{175, -10}, true},
		{"crossing: west side", []float64{170, -20, -170, 0}, orb.Point{-175, -10}, true},
		{"crossing: on 180", []float64{170, -20, -170, 0}, orb.Point{180, -10}, true},
		{"crossing: on -180", []float64{170, -20, -170, 0}, orb.Point{-180, -10}, true},
		{"crossing: the other side of the earth", []float64{170, -20, -170, 0}, orb.Point{0, -10}, false},
		{"crossing: too far south", []float64{170, -20, -170, 0}, orb.Point{175, -21}, false},
		{"ends at 180, point at -180", []float64{170, -20, 180, 0}, orb.Point{-180, -10}, true},
		{"begins at -180, point at 180", []float64{-180, -20, -170, 0}, orb.Point{180, -10}, true},
		{"from 180 to -180 is only the meridian", []float64{180, -20, -180, 0}, orb.Point{-180, -10}, true},
		{"beside the meridian", []float64{180, -20, -180, 0}, orb.Point{179.9, -10}, false},
		{"nearly everything", []float64{1, -90, -1, 90}, orb.Point{0, 0}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			b, err := newBox(test.bbox)
			if err != nil {
				t.Fatal(err)
			}
			if got := b.contains(test.point); got != test.inside {
				t.Errorf("%v contains %v: %v, want %v", test.bbox, test.point, got, test.inside)
			}
		})
	}
}

func TestBoxRefused(t *testing.T) {
	for name, bbox := range map[string][]float64{
		"three numbers":    {1, 2, 3},
		"six numbers":      {1, 2, 3, 4, 5, 6},
		"no numbers":       {},
		"longitude":        {-181, 0, 0, 0},
		"latitude":         {0, 0, 0, 90.5},
		"not a number":     {math.NaN(), 0, 0, 0},
		"not a number, 4":  {0, 0, 0, math.NaN()},
		"south over north": {0, 10, 1, 9},
	} {
		t.Run(name, func(t *testing.T) {
			if b, err := newBox(bbox); err == nil {
				t.Errorf("%v was taken as %v", bbox, b)
			}
		})
	}
}

func TestSimplifyKeepsWhatMatters(t *testing.T) {
	for _, test := range []struct {
		name      string
		line      orb.LineString
		tolerance float64
		want      orb.LineString
	}{
		{"two points", orb.LineString{{0, 0}, {1, 1}}, 1000, orb.LineString{{0, 0}, {1, 1}}},
		{"a straight line", orb.LineString{{0, 0}, {0.25, 0.25}, {0.5, 0.5}, {1, 1}}, 1, orb.LineString{{0, 0}, {1, 1}}},
		{"a corner", orb.LineString{{0, 0}, {0.5, 0}, {1, 0}, {1, 0.5}, {1, 1}}, 10, orb.LineString{{0, 0}, {1, 0}, {1, 1}}},
		{"a corner that is smaller", orb.LineString{{0, 0}, {0.00001, 0.00001}, {0.00002, 0}}, 10, orb.LineString{{0, 0}, {0.00002, 0}}},
		{"a way and the same way back", orb.LineString{{0, 0}, {1, 0}, {0, 0}}, 10, orb.LineString{{0, 0}, {1, 0}, {0, 0}}},
		{"standing still", orb.LineString{{3, 3}, {3, 3}, {3, 3}}, 10, orb.LineString{{3, 3}, {3, 3}}},
		{"straight over the antimeridian", orb.LineString{{179, 10}, {179.5, 10}, {-179.5, 10}, {-179, 10}}, 1, orb.LineString{{179, 10}, {-179, 10}}},
		{"and back", orb.LineString{{179, 10}, {-179, 10}, {-178, 10}, {-179, 10}, {179, 10}}, 1, orb.LineString{{179, 10}, {-178, 10}, {179, 10}}},
		{"straight over half of the earth", orb.LineString{{-100, 0}, {-50, 0}, {0, 0}, {50, 0}, {100, 0}}, 10, orb.LineString{{-100, 0}, {0, 0}, {100, 0}}},
		{"and over its other half", orb.LineString{{60, 0}, {120, 0}, {180, 0}, {-120, 0}, {-60, 0}}, 10, orb.LineString{{60, 0}, {180, 0}, {-60, 0}}},
		{"a corner on the antimeridian", orb.LineString{{179, 10}, {-180, 11}, {-179, 10}}, 1000, orb.LineString{{179, 10}, {-180, 11}, {-179, 10}}},
		{"a degree of longitude is short in the north", orb.LineString{{0, 80}, {0.01, 80.05}, {0, 80.1}}, 200, orb.LineString{{0, 80}, {0, 80.1}}},
		{"and long on the equator", orb.LineString{{0, 0}, {0.01, 0.05}, {0, 0.1}}, 200, orb.LineString{{0, 0}, {0.01, 0.05}, {0, 0.1}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := simplify(t.Context(), test.line, test.tolerance)
			if err != nil {
				t.Fatal(err)
			}
			if !got.Equal(test.want) {
				t.Errorf("simplified by %v m: %v, want %v", test.tolerance, got, test.want)
			}
		})
	}
}

// TestSimplifyTolerance measures, by distances on the sphere and independently of
// any projection, that whatever was dropped is near the line that is left.
func TestSimplifyTolerance(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		line := wander(random)
		tolerance := math.Pow(10, 1+3*random.Float64()) // 10 m to 10 km
		got, err := simplify(t.Context(), line, tolerance)
		if err != nil {
			t.Fatal(err)
		}
		if got[0] != line[0] || got[len(got)-1] != line[len(line)-1] {
			t.Fatalf("the ends went: %v to %v", line[0], line[len(line)-1])
		}
		side := 0
		for _, p := range line {
			if side+1 < len(got) && p == got[side+1] {
				side++
				continue
			}
			if p == got[side] {
				continue
			}
			if d := fromLine(p, got[side], got[side+1]); d > tolerance*1.01+0.01 {
				t.Fatalf("%v is %.1f m from its side, with a tolerance of %.1f m", p, d, tolerance)
			}
		}
		if side != len(got)-1 {
			t.Fatalf("the result has points that the line has not, or in another order")
		}
	}
}

// wander makes a random track between the latitudes 75 degrees south and north,
// which may cross the antimeridian.
func wander(random *rand.Rand) orb.LineString {
	line := orb.LineString{{random.Float64()*360 - 180, random.Float64()*140 - 70}}
	heading, step := random.Float64()*2*math.Pi, 0.0001+0.02*random.Float64()
	for range 50 + random.IntN(400) {
		heading += random.NormFloat64() * 0.4
		last := line[len(line)-1]
		next := orb.Point{last[0] + step*math.Sin(heading), last[1] + step*math.Cos(heading)}
		next[0] = math.Remainder(next[0], 360)
		next[1] = max(-75, min(75, next[1]))
		line = append(line, next)
	}
	return line
}

// fromLine measures how far p is from the line that RFC 7946 draws from a to b, by
// trying points on it.
func fromLine(p, a, b orb.Point) float64 {
	width := math.Remainder(b[0]-a[0], 360)
	at := func(share float64) float64 {
		return distance(p, orb.Point{a[0] + width*share, a[1] + (b[1]-a[1])*share})
	}
	low, high := 0.0, 1.0
	for range 100 { // the distance has one minimum along so short a line
		third := (high - low) / 3
		if at(low+third) < at(high-third) {
			high -= third
		} else {
			low += third
		}
	}
	return min(at((low+high)/2), at(0), at(1))
}

// TestSimplifyAgreesWithOrb compares with orb's algorithm where its one plane is
// right: near the equator, in one place.
func TestSimplifyAgreesWithOrb(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 40 {
		line := orb.LineString{{10, 0}}
		for range 300 {
			last := line[len(line)-1]
			line = append(line, orb.Point{last[0] + random.NormFloat64()*1e-5, last[1] + random.NormFloat64()*1e-5})
		}
		tolerance := 0.5 + 5*random.Float64()
		got, err := simplify(t.Context(), line, tolerance)
		if err != nil {
			t.Fatal(err)
		}
		want := orbsimplify.DouglasPeucker(tolerance / latMetre).LineString(line.Clone())
		if !got.Equal(want) {
			t.Fatalf("%d points are left, orb leaves %d", len(got), len(want))
		}
	}
}

func TestSimplifyGivesUpWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := simplify(ctx, orb.LineString{{0, 0}, {1, 1}, {2, 0}}, 1); err != context.Canceled {
		t.Errorf("error is %v, want context.Canceled", err)
	}
}
