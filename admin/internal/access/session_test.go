package access

import (
	"testing"
	"time"
)

func TestSessionsAreBounded(t *testing.T) {
	s, now := newSessions(), time.Now()
	first := s.start(now)
	for i := range maxSessions {
		s.start(now.Add(time.Duration(i+1) * time.Second))
	}
	if s.valid(first, now) || len(s.end) != maxSessions {
		t.Errorf("%d sessions, the oldest is valid: %v", len(s.end), s.valid(first, now))
	}
	s.start(now.Add(2 * sessionLife))
	if len(s.end) != 1 {
		t.Errorf("%d sessions after all but one have ended", len(s.end))
	}
	a := newAttempts()
	for i := range maxAddresses + 100 {
		a.failed(string(rune(0x4e00+i)), now)
	}
	if len(a.wrong) > maxAddresses+1 {
		t.Errorf("%d addresses are remembered", len(a.wrong))
	}
}
