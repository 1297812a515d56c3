package web

import (
	"sync"
	"time"
)

const (
	// maxWrong wrong tokens from one address within wrongWindow are answered with 401,
	// those that follow with 429.
	maxWrong    = 20
	wrongWindow = time.Minute
	// maxStrangers bounds the memory. When it is full all others count as one address.
	maxStrangers = 4096
)

// strangers counts wrong bearer tokens by address. It slows programs down that go on
// with a token that was revoked, and whoever guesses; a right token is never refused:
// several programs may share an address, and nobody guesses 100 random bits.
type strangers struct {
	mu    sync.Mutex // guards the rest
	wrong map[string]int
	since time.Time // when the counts began
}

// refuse counts a wrong token and returns how long its address is to wait, 0 for not at
// all.
func (s *strangers) refuse(address string, now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wrong == nil || now.Sub(s.since) >= wrongWindow {
		s.wrong, s.since = map[string]int{}, now
	}
	if _, known := s.wrong[address]; !known && len(s.wrong) >= maxStrangers {
		address = ""
	}
	s.wrong[address]++
	if s.wrong[address] <= maxWrong {
		return 0
	}
	return wrongWindow - now.Sub(s.since)
}
