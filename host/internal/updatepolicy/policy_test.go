package updatepolicy

import (
	"strings"
	"testing"
	"time"
)

func TestPolicy(t *testing.T) {
	for _, c := range []struct {
		auto     Auto
		from, to string
		needs    int
		want     bool
	}{
		{"", "1.0.0", "1.0.1", 0, false},
		{AutoOff, "1.0.0", "1.0.1", 0, false},
		{AutoPatch, "1.0.0", "1.0.1", 0, true},
		{AutoPatch, "1.0", "1.0.1", 0, true},
		{AutoPatch, "1.0.0", "1.1.0", 0, false},
		{AutoPatch, "01.00.0", "1.0.7", 0, true},
		{AutoPatch, "1.0.0", "1.0.1", 1, false},
		{AutoMinor, "1.0.0", "1.9.3", 0, true},
		{AutoMinor, "1.0.0", "2.0.0", 0, false},
		{AutoMinor, "1.9-rc.1", "1.9", 0, true},
		{AutoMinor, "0.3.0", "0.3.1", 0, true},
		{AutoMinor, "0.3.0", "0.4.0", 0, false},
		{AutoAll, "0.3.0", "0.4.0", 0, false},
		{AutoAll, "1.0.0", "1.1.0-beta", 0, true},
		{AutoAll, "1.0.0", "2.0.0-beta", 0, false},
		{AutoAll, "1.5.0", "1.4.0", 0, false},
		{AutoAll, "1.5.0", "1.5.0+build", 0, false},
		{AutoAll, "no version", "1.5.0", 0, false},
	} {
		got, why := Policy{Auto: c.auto}.Judge(c.from, c.to, c.needs)
		if got != c.want || (why == "") != got {
			t.Errorf("%q: from %s to %s: %v, %q", c.auto, c.from, c.to, got, why)
		}
	}
}

func TestWindow(t *testing.T) {
	at := func(text string) time.Time {
		when, err := time.Parse("Mon 2006-01-02 15:04", text)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	for _, c := range []struct {
		window, now string
		open        bool
		opens       string
	}{
		{"", "Thu 2026-11-26 11:00", true, ""},
		{"02:00-04:30", "Thu 2026-11-26 02:00", true, ""},
		{"02:00-04:30", "Thu 2026-11-26 04:29", true, ""},
		{"02:00-04:30", "Thu 2026-11-26 04:30", false, "Fri 2026-11-27 02:00"},
		{"02:00-04:30", "Thu 2026-11-26 01:59", false, "Thu 2026-11-26 02:00"},
		{"22:00-02:00 mon-fri", "Fri 2026-11-27 23:00", true, ""},
		{"22:00-02:00 mon-fri", "Sat 2026-11-28 01:00", true, ""},
		{"22:00-02:00 mon-fri", "Sat 2026-11-28 02:00", false, "Mon 2026-11-30 22:00"},
		{"22:00-02:00 mon-fri", "Mon 2026-11-30 01:00", false, "Mon 2026-11-30 22:00"},
		{"03:00-04:00 sat,sun", "Thu 2026-11-26 03:30", false, "Sat 2026-11-28 03:00"},
		{"03:00-04:00 sat-mon", "Sun 2026-11-29 03:30", true, ""},
		{"03:00-04:00 thu", "Thu 2026-11-26 05:00", false, "Thu 2026-12-03 03:00"},
	} {
		w, err := ParseWindow(c.window)
		if err != nil {
			t.Fatal(err)
		}
		now := at(c.now)
		opens := now
		if c.opens != "" {
			opens = at(c.opens)
		}
		if w.Open(now) != c.open || !w.Opens(now).Equal(opens) {
			t.Errorf("%q at %s: open %v, opens %s", c.window, c.now, w.Open(now), w.Opens(now))
		}
	}
	for _, bad := range []string{"02:00", "2:00-04:00", "02:00-24:00", "02:00-02:00", "02:00-04:00 ", "02:00-04:00 mon tue", "02:00-04:00 noday", "02:00-04:00 mon-", " 02:00-04:00"} {
		if w, err := ParseWindow(bad); err == nil || !strings.Contains(err.Error(), "22:00-02:00 mon-fri") {
			t.Errorf("%q is %v, %v", bad, w, err)
		}
	}
}

// FuzzWindow: what is read is written so that it is read again, and opens within eight days.
func FuzzWindow(f *testing.F) {
	for _, seed := range []string{"", "02:00-04:30", "22:00-02:00 mon-fri", "03:00-04:00 sat,sun", "00:00-23:59 fri-mon"} {
		f.Add(seed, int64(1795690605))
	}
	f.Fuzz(func(t *testing.T, text string, unix int64) {
		w, err := ParseWindow(text)
		if err != nil {
			return
		}
		again, err := ParseWindow(w.String())
		if err != nil || again.String() != w.String() {
			t.Fatalf("%q is written as %q, which is %v, %v", text, w, again, err)
		}
		now := time.Unix(unix%4e9, 0).UTC()
		opens := w.Opens(now)
		if !w.Open(opens) || opens.Before(now) || opens.Sub(now) > 8*24*time.Hour || w.Open(now) != again.Open(now) {
			t.Fatalf("%q at %s opens at %s", text, now, opens)
		}
	})
}
