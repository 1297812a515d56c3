package accounts

import (
	"net/netip"
	"sync"
	"time"
)

const (
	// maxOfAddress wrong tries from one address within addressWindow close the door to
	// it until the window has passed; maxOfName within nameWindow close it for one name,
	// wherever the tries come from.
	maxOfAddress  = 10
	addressWindow = time.Minute
	maxOfName     = 20
	nameWindow    = 5 * time.Minute
	// maxCounted bounds the memory of each kind of count. Beyond it all that are new
	// count as one.
	maxCounted = 4096
	// maxNoted bounds how many failures of a window are written down, each costing the
	// disk a write.
	maxNoted = 100
)

// limit counts tries by a key, in windows of a fixed length.
type limit struct {
	most   int
	window time.Duration

	mu     sync.Mutex // guards what follows
	began  time.Time
	counts map[string]*tries
	noted  int
}

type tries struct {
	n             int
	noted, closed bool // that it went wrong, and that the door is closed, was written down
}

func newLimit(most int, window time.Duration) *limit {
	return &limit{most: most, window: window, counts: map[string]*tries{}}
}

// begin counts a try before it is known how it ends: a hundred at once are a hundred. It
// returns how long to wait instead, 0 for not at all. own keeps a count of its own for
// key although there are too many.
func (l *limit) begin(key string, own bool, now time.Time) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.began) >= l.window {
		l.began, l.noted = now, 0
		clear(l.counts)
	}
	t := l.counts[l.bucket(key, own)]
	if t == nil {
		t = &tries{}
		l.counts[l.bucket(key, own)] = t
	}
	if t.n >= l.most {
		return l.window - now.Sub(l.began)
	}
	t.n++
	return 0
}

// right takes back a try that was right.
func (l *limit) right(key string, own bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.counts[l.bucket(key, own)]; t != nil {
		t.n = max(0, t.n-1)
	}
}

// wrong reports what of a wrong try is to be written down: that it was the first of the
// window, and that it was the last that is let in.
func (l *limit) wrong(key string, own bool) (first, last bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.counts[l.bucket(key, own)]
	if t == nil || l.noted >= maxNoted {
		return false, false
	}
	first, last = !t.noted, t.n >= l.most && !t.closed
	t.noted, t.closed = true, t.closed || last
	if first || last {
		l.noted++
	}
	return first, last
}

func (l *limit) bucket(key string, own bool) string {
	if _, known := l.counts[key]; !known && !own && len(l.counts) >= maxCounted {
		return ""
	}
	return key
}

// network is what counts as one address: the whole network that an IPv6 host has to
// itself.
func network(remote string) string {
	addr, err := netip.ParseAddr(remote)
	if err != nil || addr.Unmap().Is4() {
		return remote
	}
	prefix, err := addr.WithZone("").Prefix(64)
	if err != nil {
		return remote
	}
	return prefix.String()
}
