package web

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rate is how often something may happen: a second, and how many at once.
type Rate struct {
	Second float64
	Burst  int
}

// Rates are how often one client may do what costs something. A client is a token, or an
// address, of IPv6 a network of 64 bits. Each replica counts for itself.
type Rates struct {
	Search, Write Rate
	// Strangers are wrong tokens from one address.
	Strangers Rate
}

// WithDefaults fills in what is zero.
func (r Rates) WithDefaults() Rates {
	for _, d := range []struct {
		rate    *Rate
		initial Rate
	}{{&r.Search, Rate{20, 60}}, {&r.Write, Rate{20, 60}}, {&r.Strangers, Rate{0.2, 10}}} {
		if *d.rate == (Rate{}) {
			*d.rate = d.initial
		}
	}
	return r
}

type limits struct{ search, write, strangers *buckets }

func newLimits(r Rates) limits {
	return limits{newBuckets(r.Search), newBuckets(r.Write), newBuckets(r.Strangers)}
}

// refuse returns how long a client has to wait, 0 for not at all.
func (l limits) refuse(cost Cost, caller Caller, now time.Time) time.Duration {
	key := keyOf(caller.Remote)
	if caller.Token != "" {
		key = "token " + caller.Token
	}
	switch cost {
	case Search:
		return l.search.take(key, now)
	case Write:
		return l.write.take(key, now)
	}
	return 0
}

// maxClients is how many clients a generation of buckets has.
const maxClients = 8192

// buckets has a bucket for each client that came lately. It is bounded: when a generation
// is full, the one before it is forgotten.
type buckets struct {
	rate Rate

	mu       sync.Mutex // guards both
	now, old map[string]*rate.Limiter
}

func newBuckets(r Rate) *buckets { return &buckets{rate: r, now: map[string]*rate.Limiter{}} }

// take takes a token out of the bucket of key, or returns how long there will be none.
func (b *buckets) take(key string, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	limiter, ok := b.now[key]
	if !ok {
		if limiter, ok = b.old[key]; !ok {
			limiter = rate.NewLimiter(rate.Limit(b.rate.Second), b.rate.Burst)
		}
		if len(b.now) >= maxClients {
			b.old, b.now = b.now, map[string]*rate.Limiter{}
		}
		b.now[key] = limiter
	}
	r := limiter.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// keyOf is the client that an address stands for.
func keyOf(address string) string {
	addr, err := netip.ParseAddr(address)
	if err != nil || addr.Is4() {
		return address
	}
	prefix, err := addr.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return prefix.String()
}

// Client is the address that r came from: that of the connection, or, where that is one of
// our proxies, the last in X-Forwarded-For that is none of them.
func (s *Site) Client(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	addr, err := netip.ParseAddr(host)
	if err != nil || !s.trusted(addr) {
		return host
	}
	chain := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for _, hop := range slices.Backward(chain) {
		next, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break // whatever is before it, nobody of ours has said so
		}
		addr = next
		if !s.trusted(addr) {
			break
		}
	}
	return addr.Unmap().WithZone("").String()
}

func (s *Site) trusted(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	return slices.ContainsFunc(s.Proxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}
