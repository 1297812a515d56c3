package main

import (
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/paulmach/orb"
)

// position is one valid position of a device.
type position struct {
	device string
	// time is in nanoseconds since 1970, which holds for the years 1678 to 2261.
	time  int64
	point orb.Point
	// speed in metres a second, heading in degrees clockwise from true north; nil
	// when the device does not say.
	speed, heading *float64
}

// same reports whether two positions say the same.
func (p position) same(q position) bool {
	return p.device == q.device && p.time == q.time && p.point == q.point &&
		equal(p.speed, q.speed) && equal(p.heading, q.heading)
}

func equal(a, b *float64) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

var errNotRFC3339 = errors.New("is not a time of RFC 3339, such as 2006-01-02T15:04:05.5+01:00")

// parseTime reads an RFC 3339 time: any offset, any fraction of a second, of which
// nanoseconds count, t and z in lower case too. Times beyond what a position can
// have become the nearest that it can. There is no 60th second, leap or not.
func parseTime(s string) (int64, error) {
	s = strings.ToUpper(s)
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return 0, errNotRFC3339
	}
	// time.Parse also takes hours of one digit, a decimal comma, and any offset.
	offset := s[len(s)-len("00:00"):]
	switch {
	case s[len("2006-01-02T15")] != ':', strings.Contains(s, ","),
		!strings.HasSuffix(s, "Z") && (offset[:2] > "23" || offset[3:] > "59"):
		return 0, errNotRFC3339
	case t.Before(time.Unix(0, math.MinInt64)):
		return math.MinInt64, nil
	case t.After(time.Unix(0, math.MaxInt64)):
		return math.MaxInt64, nil
	}
	return t.UnixNano(), nil
}

// formatTime writes a time in UTC, with as many digits of a second as it has.
func formatTime(t int64) string { return time.Unix(0, t).UTC().Format(time.RFC3339Nano) }

// How a position is stored. All numbers are big-endian, so that keys sort as the
// times do:
//
//	time    8 bytes, the sign bit inverted
//	values  flags (1: speed, 2: heading), lon, lat, [speed], [heading]
//
//	history  device 0 time  →  values        a device has no byte 0
//	order    time device    →  nothing
//	current  device         →  time values

const (
	timeBytes  = 8
	hasSpeed   = 1
	hasHeading = 2
)

func appendTime(b []byte, t int64) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(t)^1<<63)
}

func readTime(b []byte) int64 { return int64(binary.BigEndian.Uint64(b) ^ 1<<63) }

// historyPrefix is what all keys of a device in the history begin with, and no key
// of any other.
func historyPrefix(device string) []byte {
	return append(append(make([]byte, 0, len(device)+1+timeBytes), device...), 0)
}

func historyKey(device string, t int64) []byte { return appendTime(historyPrefix(device), t) }

func orderKey(t int64, device string) []byte {
	return append(appendTime(make([]byte, 0, timeBytes+len(device)), t), device...)
}

func appendFloat(b []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(b, math.Float64bits(f))
}

func readFloat(b []byte) float64 { return math.Float64frombits(binary.BigEndian.Uint64(b)) }

// appendValues writes what a position says beside its device and time.
func (p position) appendValues(b []byte) []byte {
	var flags byte
	if p.speed != nil {
		flags |= hasSpeed
	}
	if p.heading != nil {
		flags |= hasHeading
	}
	b = append(b, flags)
	b = appendFloat(appendFloat(b, p.point.Lon()), p.point.Lat())
	if p.speed != nil {
		b = appendFloat(b, *p.speed)
	}
	if p.heading != nil {
		b = appendFloat(b, *p.heading)
	}
	return b
}

var errValues = errors.New("a stored position can not be read")

// readValues is the inverse of appendValues. It keeps nothing of b.
func (p *position) readValues(b []byte) error {
	if len(b) < 17 {
		return errValues
	}
	flags, rest := b[0], b[17:]
	p.point = orb.Point{readFloat(b[1:]), readFloat(b[9:])}
	for _, field := range []struct {
		flag byte
		into **float64
	}{{hasSpeed, &p.speed}, {hasHeading, &p.heading}} {
		if flags&field.flag == 0 {
			continue
		}
		if len(rest) < 8 {
			return errValues
		}
		f := readFloat(rest)
		*field.into, rest = &f, rest[8:]
	}
	if flags&^(hasSpeed|hasHeading) != 0 || len(rest) != 0 {
		return errValues
	}
	return nil
}
