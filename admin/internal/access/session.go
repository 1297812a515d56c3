package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// sessionLife is how long a sign-in lasts. Sessions live in memory only: they
	// end with the host.
	sessionLife = 12 * time.Hour
	// maxSessions bounds the memory; the oldest goes first.
	maxSessions = 256
	// maxAttempts wrong tokens from one address within attemptWindow close the form
	// for it until the window has passed.
	maxAttempts   = 10
	attemptWindow = time.Minute
	// maxAddresses bounds the memory of the attempts. When it is full all count as
	// one address.
	maxAddresses = 4096
)

// sessions knows who is signed in, by the digest of what the cookie holds: nobody
// can learn a cookie from it.
type sessions struct {
	mu  sync.Mutex // guards end
	end map[[sha256.Size]byte]time.Time
}

func newSessions() *sessions { return &sessions{end: map[[sha256.Size]byte]time.Time{}} }

// start begins a session and returns the value for its cookie.
func (s *sessions) start(now time.Time) string {
	value := rand.Text() + rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	var oldest [sha256.Size]byte
	for id, end := range s.end {
		if !now.Before(end) {
			delete(s.end, id)
		} else if s.end[oldest].IsZero() || end.Before(s.end[oldest]) {
			oldest = id
		}
	}
	if len(s.end) >= maxSessions {
		delete(s.end, oldest)
	}
	s.end[sha256.Sum256([]byte(value))] = now.Add(sessionLife)
	return value
}

func (s *sessions) valid(value string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return now.Before(s.end[sha256.Sum256([]byte(value))])
}

func (s *sessions) stop(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.end, sha256.Sum256([]byte(value)))
}

// attempts counts wrong tokens by remote address.
type attempts struct {
	mu     sync.Mutex // guards wrong
	wrong  map[string]int
	window time.Time // when the counts began
}

func newAttempts() *attempts { return &attempts{wrong: map[string]int{}} }

// wait returns how long the address has to wait before it may try, 0 for not at all.
func (a *attempts) wait(address string, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turn(now)
	if a.wrong[a.bucket(address)] < maxAttempts {
		return 0
	}
	return attemptWindow - now.Sub(a.window)
}

func (a *attempts) failed(address string, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turn(now)
	a.wrong[a.bucket(address)]++
}

func (a *attempts) turn(now time.Time) {
	if now.Sub(a.window) >= attemptWindow {
		a.window = now
		clear(a.wrong)
	}
}

func (a *attempts) bucket(address string) string {
	if _, known := a.wrong[address]; !known && len(a.wrong) >= maxAddresses {
		return ""
	}
	return address
}

// Session returns who the cookie of r stands for.
func (c *Control) Session(r *http.Request) Identity {
	cookie, err := r.Cookie(c.cookie)
	if err != nil || !c.sessions.valid(cookie.Value, c.now()) {
		return Identity{}
	}
	sum := sha256.Sum256([]byte("a form of the session " + cookie.Value))
	return Identity{Name: "admin", Role: Administrator, Via: "session", Proof: hex.EncodeToString(sum[:])}
}

// A Refusal is why somebody was not signed in.
type Refusal struct {
	// Wait is how long this address has to wait, 0 for a wrong token.
	Wait time.Duration
}

func (r *Refusal) Error() string { return "sign-in refused" }

// SignIn turns a right token into a session; the error is a *Refusal.
func (c *Control) SignIn(w http.ResponseWriter, r *http.Request, token string) error {
	address := Remote(r)
	if wait := c.attempts.wait(address, c.now()); wait > 0 {
		return &Refusal{Wait: wait}
	}
	if !c.isToken(token) {
		c.attempts.failed(address, c.now())
		return &Refusal{}
	}
	c.setCookie(w, r, c.sessions.start(c.now()), int(sessionLife/time.Second))
	return nil
}

// SignOut ends the session of r.
func (c *Control) SignOut(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(c.cookie); err == nil {
		c.sessions.stop(cookie.Value)
	}
	c.setCookie(w, r, "", -1)
}

// setCookie limits the cookie to the page: other servers on this machine see only
// requests for their own /admin/.
func (c *Control) setCookie(w http.ResponseWriter, r *http.Request, value string, age int) {
	http.SetCookie(w, &http.Cookie{
		Name: c.cookie, Value: value, Path: "/admin/", MaxAge: age,
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil,
	})
}

// Remote is the client's address without its port.
func Remote(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
