package language

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// None stands where there is no value.
const None = "–"

// narrow is the space that keeps a number and its unit together.
const narrow = "\u202f"

// Count writes a whole number.
func (w *Words) Count(n int) string { return w.written(strconv.Itoa(n)) }

// Number writes x with at most digits behind the point.
func (w *Words) Number(x float64, digits int) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return None
	}
	text := strconv.FormatFloat(x, 'f', digits, 64)
	if digits > 0 {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	return w.written(text)
}

// written sets digits as the language does: in groups of three, and with its own sign
// before the fraction.
func (w *Words) written(digits string) string {
	group, point := ",", "."
	if w.language == French {
		group, point = narrow, ","
	}
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	whole, fraction, broken := strings.Cut(digits, ".")
	for at := len(whole) - 3; at > 0; at -= 3 {
		whole = whole[:at] + group + whole[at:]
	}
	if broken {
		return sign + whole + point + fraction
	}
	return sign + whole
}

// Rate writes something per second: with a digit behind the point below ten.
func (w *Words) Rate(x float64) string {
	switch {
	case x > 0 && x < 0.1:
		return "<" + narrow + w.Number(0.1, 1)
	case x < 10:
		return w.Number(x, 1)
	}
	return w.Number(x, 0)
}

// Share writes a part of one in percent.
func (w *Words) Share(x float64) string {
	p := x * 100
	text := w.Number(p, 0)
	switch {
	case p > 0 && p < 0.1:
		text = "<" + narrow + w.Number(0.1, 1)
	case p < 10:
		text = w.Number(p, 1)
	}
	if w.language == French {
		return text + narrow + "%"
	}
	return text + "%"
}

// Bytes writes a size in units of 1024.
func (w *Words) Bytes(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	if w.language == French {
		units = []string{"o", "Kio", "Mio", "Gio", "Tio"}
	}
	x, unit := float64(n), 0
	for x >= 1023.5 && unit < len(units)-1 {
		x, unit = x/1024, unit+1
	}
	digits := 0
	if unit > 0 && x < 10 {
		digits = 1
	}
	return w.Number(x, digits) + narrow + units[unit]
}

// Seconds writes a short span, of which the size matters: 250 µs, 3.1 ms, 12 s.
func (w *Words) Seconds(s float64) string {
	x, unit := s, "s"
	switch {
	case s <= 0:
	case s < 999.5e-6:
		x, unit = s*1e6, "µs"
	case s < 0.9995:
		x, unit = s*1e3, "ms"
	}
	digits := 0
	if x < 10 && unit != "µs" {
		digits = 1
	}
	return w.Number(x, digits) + narrow + unit
}

// Span writes a duration in its largest unit, rounded to the nearest: 23 s, 4 min, 3 h,
// 12 days.
func (w *Words) Span(d time.Duration) string {
	switch d = max(d, -d); {
	case d < 59500*time.Millisecond:
		return fmt.Sprintf("%d%ss", d.Round(time.Second)/time.Second, narrow)
	case d < 59*time.Minute+30*time.Second:
		return fmt.Sprintf("%d%smin", d.Round(time.Minute)/time.Minute, narrow)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d%sh", d.Round(time.Hour)/time.Hour, narrow)
	}
	return fmt.Sprintf("%d%s%s", d.Round(24*time.Hour)/(24*time.Hour), narrow, w.Say("time.days"))
}

// Distance says how far t is from now: 3 h ago, in 20 s.
func (w *Words) Distance(t, now time.Time) string {
	if t.After(now) {
		return w.Say("time.in", w.Span(t.Sub(now)))
	}
	return w.Say("time.ago", w.Span(now.Sub(t)))
}

// Time writes a moment, in UTC, and says so.
func (w *Words) Time(t time.Time) string {
	return w.Day(t) + t.UTC().Format(", "+time.TimeOnly) + " UTC"
}

// Day writes the day of a moment in UTC.
func (w *Words) Day(t time.Time) string {
	t = t.UTC()
	months := strings.Fields(w.Say("time.months"))
	return fmt.Sprintf("%d %s %d", t.Day(), months[t.Month()-1], t.Year())
}

// List joins items: a, b and c.
func (w *Words) List(items []string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	last := len(items) - 1
	return w.Say("list.and", strings.Join(items[:last], ", "), items[last])
}
