package admin

import (
	"crypto/rand"
	"crypto/sha256"
	"net"
	"net/http"
	"strconv"
	"strings"
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

func (h *handler) signedIn(r *http.Request) bool {
	cookie, err := r.Cookie(h.cookie)
	return err == nil && h.sessions.valid(cookie.Value, h.now())
}

// signIn shows the form, and turns a right token into a session.
func (h *handler) signIn(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		if h.signedIn(r) {
			return toAdmin(w, r)
		}
		return h.signInPage(w, http.StatusOK, "")
	}
	address := remote(r)
	if wait := h.attempts.wait(address, h.now()); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
		return h.signInPage(w, http.StatusTooManyRequests, "Too many wrong tokens. Try again in a minute.")
	}
	if err := r.ParseForm(); err != nil {
		return problem(http.StatusBadRequest, "invalid_argument", "the form can not be read")
	}
	if !h.isToken(strings.TrimSpace(r.PostForm.Get("token"))) {
		h.attempts.failed(address, h.now())
		h.cfg.Log.Warn("sign-in refused: wrong token", "remote", address)
		return h.signInPage(w, http.StatusForbidden, "This is not the administrator’s token.")
	}
	h.setCookie(w, r, h.sessions.start(h.now()), int(sessionLife/time.Second))
	h.cfg.Log.Info("administrator signed in", "remote", address)
	return toAdmin(w, r)
}

func (h *handler) signOut(w http.ResponseWriter, r *http.Request) error {
	if cookie, err := r.Cookie(h.cookie); err == nil {
		h.sessions.stop(cookie.Value)
	}
	h.setCookie(w, r, "", -1)
	http.Redirect(w, r, "/admin/sign-in", http.StatusSeeOther)
	return nil
}

// setCookie limits the cookie to the page: other servers on this machine see only
// requests for their own /admin/.
func (h *handler) setCookie(w http.ResponseWriter, r *http.Request, value string, age int) {
	http.SetCookie(w, &http.Cookie{
		Name: h.cookie, Value: value, Path: "/admin/", MaxAge: age,
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil,
	})
}

// remote is the client's address without its port.
func remote(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
