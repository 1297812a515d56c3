package supervisor

import (
	"math/rand/v2"
	"time"
)

// Five crashes in a minute are a crash loop.
const (
	loopCrashes = 5
	loopWindow  = time.Minute
)

// backoff decides when a process that failed is tried again.
type backoff struct {
	first, most, reset time.Duration

	tries int         // pauses since the failures were last forgotten
	times []time.Time // of the latest failures, loopCrashes at most
	loop  bool        // a crash loop was seen since then
}

// next takes note of a failure at now of a process that was healthy for the given
// time (0: it never was) and returns the pause before the next try: none for the
// first crash of a process that ran, then first, twice that and so on up to most, each
// up to a tenth shorter so that extensions that fell together do not rise together.
func (b *backoff) next(now time.Time, healthy time.Duration) (pause time.Duration, crashLoop bool) {
	if healthy >= b.reset {
		b.forget()
	}
	fresh := len(b.times) == 0
	if len(b.times) == loopCrashes {
		b.times = append(b.times[:0], b.times[1:]...)
	}
	b.times = append(b.times, now)
	if len(b.times) == loopCrashes && now.Sub(b.times[0]) <= loopWindow {
		b.loop = true
	}
	if fresh && healthy > 0 {
		return 0, false
	}
	pause = b.first
	for n := 0; n < b.tries && pause < b.most; n++ {
		pause *= 2
	}
	b.tries++
	pause = min(pause, b.most)
	return pause - time.Duration(rand.Int64N(int64(pause)/10+1)), b.loop
}

// forget begins anew.
func (b *backoff) forget() { b.tries, b.loop, b.times = 0, false, nil }
