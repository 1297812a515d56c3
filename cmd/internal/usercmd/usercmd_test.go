package usercmd

import (
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
)

func TestExpires(t *testing.T) {
	now := time.Date(2026, 11, 26, 8, 0, 0, 0, time.Local)
	for text, want := range map[string]string{
		"90d": "2027-02-24", "1d": "2026-11-27", "12h": "2026-11-26", "2027-01-31": "2027-01-31", "2027-01-31T10:00:00Z": "2027-01-31", "never": "",
	} {
		got, err := parseExpires(text, now)
		switch {
		case err != nil, (got == nil) != (want == ""):
			t.Errorf("%s: %v, %v", text, got, err)
		case got != nil && got.Local().Format(time.DateOnly) != want:
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{"", "yesterday", "0d", "-1d", "-1h", "99999d", "2026-01-01", "d", "1.5d", "Never"} {
		if got, err := parseExpires(text, now); output.ExitCode(err) != output.ExitUsage {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}
