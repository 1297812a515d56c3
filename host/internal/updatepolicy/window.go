package updatepolicy

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Window is a time of the day on some days of the week, in local time. The zero value is
// always.
type Window struct {
	// From and Until are minutes since midnight; an Until that is not after From is on the
	// next day.
	From, Until int
	// Days are those on which it begins; none is every day.
	Days []time.Weekday
}

// ParseWindow reads update.window: "HH:MM-HH:MM", then optionally a blank and days, as
// "mon,tue" or "mon-fri". Empty is always.
func ParseWindow(text string) (Window, error) {
	if text == "" {
		return Window{}, nil
	}
	hours, days, _ := strings.Cut(text, " ")
	from, until, ok := strings.Cut(hours, "-")
	w := Window{}
	var err error
	if w.From, err = minutes(from); err == nil && ok {
		w.Until, err = minutes(until)
	}
	if err != nil || !ok || w.From == w.Until {
		return Window{}, windowError(text)
	}
	if days == "" {
		if strings.HasSuffix(text, " ") {
			return Window{}, windowError(text)
		}
		return w, nil
	}
	for item := range strings.SplitSeq(days, ",") {
		list, ok := weekdays(item)
		if !ok {
			return Window{}, windowError(text)
		}
		w.Days = append(w.Days, list...)
	}
	slices.Sort(w.Days)
	w.Days = slices.Compact(w.Days)
	return w, nil
}

func windowError(text string) error {
	return fmt.Errorf("%.50q is no time for updates: write it as 02:00-04:30, or 22:00-02:00 mon-fri, or 03:00-04:00 sat,sun", text)
}

func minutes(text string) (int, error) {
	t, err := time.Parse("15:04", text)
	if err != nil || len(text) != len("15:04") {
		return 0, fmt.Errorf("%q is no time", text)
	}
	return t.Hour()*60 + t.Minute(), nil
}

// weekdays reads "mon", or "mon-fri".
func weekdays(text string) ([]time.Weekday, bool) {
	first, last, several := strings.Cut(text, "-")
	from, ok := weekday(first)
	if !several || !ok {
		return []time.Weekday{from}, ok
	}
	until, ok := weekday(last)
	days := []time.Weekday{from}
	for day := from; ok && day != until; {
		day = (day + 1) % 7
		days = append(days, day)
	}
	return days, ok
}

func weekday(text string) (time.Weekday, bool) {
	for day := time.Sunday; day <= time.Saturday; day++ {
		if strings.EqualFold(text, day.String()[:3]) {
			return day, true
		}
	}
	return 0, false
}

// String is the window as ParseWindow reads it.
func (w Window) String() string {
	if w.always() {
		return ""
	}
	text := fmt.Sprintf("%02d:%02d-%02d:%02d", w.From/60, w.From%60, w.Until/60, w.Until%60)
	for i, day := range w.Days {
		text += map[bool]string{true: " ", false: ","}[i == 0] + strings.ToLower(day.String()[:3])
	}
	return text
}

func (w Window) always() bool { return w.From == w.Until }

// Open reports whether t is in the window: its first minute is, its last is not.
func (w Window) Open(t time.Time) bool {
	if w.always() {
		return true
	}
	now := t.Hour()*60 + t.Minute()
	if w.From < w.Until {
		return w.begins(t.Weekday()) && w.From <= now && now < w.Until
	}
	return w.begins(t.Weekday()) && w.From <= now || w.begins((t.Weekday()+6)%7) && now < w.Until
}

func (w Window) begins(day time.Weekday) bool {
	return len(w.Days) == 0 || slices.Contains(w.Days, day)
}

// Opens returns when the window is open next: t itself where it is open.
func (w Window) Opens(t time.Time) time.Time {
	if w.Open(t) {
		return t
	}
	for day := range 8 {
		// Through the calendar, since days are not all of the same length.
		next := time.Date(t.Year(), t.Month(), t.Day()+day, w.From/60, w.From%60, 0, 0, t.Location())
		if next.After(t) && w.begins(next.Weekday()) {
			return next
		}
	}
	return t.AddDate(0, 0, 7) // not reached: one of eight days is one of its days
}
