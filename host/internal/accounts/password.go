package accounts

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

const (
	// minPassword and maxPassword bound a password, in characters and in bytes.
	minPassword = 12
	maxPassword = 1024
	// hashesAtOnce bounds the memory and the cores that hashing takes, hashesWaiting how
	// many wait for their turn, hashPatience how long.
	hashesAtOnce  = 2
	hashesWaiting = 32
	hashPatience  = 10 * time.Second
	saltBytes     = 16
	hashBytes     = 32
)

// cost is what one hash costs.
type cost struct {
	Memory  uint32 `json:"memory"` // KiB
	Passes  uint32 `json:"passes"`
	Threads uint8  `json:"threads"`
}

// fullCost is for passwords that people choose: over what OWASP asks of argon2id
// (19 MiB and 2 passes).
func fullCost() cost { return cost{Memory: 32 << 10, Passes: 2, Threads: 1} }

// randomCost is for a password that is random: nobody can try 100 bits, however fast.
// It keeps the first start of a host fast and small.
func randomCost() cost { return cost{Memory: 64, Passes: 1, Threads: 1} }

// hash is a password as it is kept. The cost stays with it, so that the cost can change.
type hash struct {
	Cost cost   `json:"cost"`
	Salt []byte `json:"salt"`
	Sum  []byte `json:"sum"`
}

func (h *hash) matches(password string) bool {
	sum := argon2.IDKey([]byte(password), h.Salt, h.Cost.Passes, h.Cost.Memory, h.Cost.Threads, hashBytes)
	return subtle.ConstantTimeCompare(sum, h.Sum) == 1
}

// hasher hashes a few passwords at once.
type hasher struct {
	cost    cost
	working chan struct{} // holds one of each hash at work
	waiting chan struct{} // and of each that waits or works
	nobody  hash          // of nobody's password, for names that do not exist
}

func newHasher(c cost) *hasher {
	h := &hasher{
		cost:    c,
		working: make(chan struct{}, hashesAtOnce), waiting: make(chan struct{}, hashesAtOnce+hashesWaiting),
	}
	h.nobody = hash{Cost: c, Salt: randomBytes(saltBytes), Sum: randomBytes(hashBytes)}
	return h
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

// turn waits until this caller may hash.
func (h *hasher) turn(ctx context.Context) (done func(), err error) {
	busy := &Error{Code: Unavailable, Message: "too many passwords are being checked", Hint: "try again in a moment", After: time.Second}
	select {
	case h.waiting <- struct{}{}:
	default:
		return nil, busy
	}
	ctx, cancel := context.WithTimeout(ctx, hashPatience)
	defer cancel()
	select {
	case h.working <- struct{}{}:
		return func() { <-h.working; <-h.waiting }, nil
	case <-ctx.Done():
		<-h.waiting
		return nil, busy
	}
}

// make returns what is kept of a password.
func (h *hasher) make(ctx context.Context, password string, c cost) (*hash, error) {
	done, err := h.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	kept := &hash{Cost: c, Salt: randomBytes(saltBytes)}
	kept.Sum = argon2.IDKey([]byte(password), kept.Salt, c.Passes, c.Memory, c.Threads, hashBytes)
	return kept, nil
}

// check reports whether password is the one of kept. Every answer takes as long as one
// hash of the full cost, also for a nil kept.
func (h *hasher) check(ctx context.Context, kept *hash, password string) (bool, error) {
	done, err := h.turn(ctx)
	if err != nil {
		return false, err
	}
	defer done()
	if len(password) > maxPassword {
		password, kept = "", nil
	}
	right := kept != nil && kept.matches(password)
	if kept == nil || kept.Cost != h.cost {
		h.nobody.matches(password)
	}
	return right, nil
}

// checkPassword refuses a password that somebody has chosen for name.
func checkPassword(password, name string) error {
	why := ""
	switch {
	case !utf8.ValidString(password) || strings.ContainsRune(password, 0):
		why = "is not text"
	case len(password) > maxPassword:
		why = fmt.Sprintf("has over %d bytes", maxPassword)
	case utf8.RuneCountInString(password) < minPassword:
		why = fmt.Sprintf("has fewer than %d characters", minPassword)
	case strings.TrimSpace(password) == "":
		why = "is nothing but spaces"
	case strings.EqualFold(strings.Trim(password, " "), name):
		why = "is the name of the user"
	case strings.Count(password, password[:1]) == len(password):
		why = "is one character again and again"
	default:
		return nil
	}
	return &Error{Code: Invalid, Message: "the password " + why, Hint: fmt.Sprintf("take one of at least %d characters; several words are easy to remember", minPassword)}
}

// newPassword is a random password that can be typed: 100 bits in groups of five.
func newPassword() string {
	text := strings.ToLower(rand.Text())
	return text[:5] + "-" + text[5:10] + "-" + text[10:15] + "-" + text[15:20]
}
