package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

// Right is what a route needs.
type Right string

// The rights.
const (
	Open       Right = "open"       // everybody has it
	See        Right = "see"        // looks at submissions: publishers at those of their organization
	Publish    Right = "publish"    // publishes, deprecates and withdraws: publishers for their organization
	Review     Right = "review"     // decides on submissions, and on labels
	Administer Right = "administer" // everything else
)

// Rights lists them.
func Rights() []Right { return []Right{Open, See, Publish, Review, Administer} }

// rightsOf are the rights of a role.
func rightsOf(role store.Role) []Right {
	switch role {
	case store.RolePublisher:
		return []Right{Open, See, Publish}
	case store.RoleReviewer:
		return []Right{Open, See, Review}
	case store.RoleAdministrator:
		return Rights()
	}
	return []Right{Open}
}

// Caller is who sent a request: the zero value is nobody in particular.
type Caller struct {
	Token        string // id of the token
	Name         string // of the token, as its owner calls it
	Role         store.Role
	Organization string // whose the token is; "" of the store's own
	Remote       string // the address
}

// May reports whether c has a right.
func (c Caller) May(right Right) bool { return slices.Contains(rightsOf(c.Role), right) }

// exchange is what is known of a request while it is answered.
type exchange struct {
	caller Caller
	stall  time.Duration
}

type exchangeKey struct{}

// Of is the caller of the request with this context.
func Of(ctx context.Context) Caller { return exchangeOf(ctx).caller }

func exchangeOf(ctx context.Context) exchange {
	e, _ := ctx.Value(exchangeKey{}).(exchange)
	return e
}

// with returns r with what is known of it.
func (s *Site) with(r *http.Request, caller Caller) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), exchangeKey{}, exchange{caller, s.stall()}))
}

const (
	// secretPrefix begins every token, so that one that lies about is known for what it is.
	secretPrefix = "jfs_"
	secretBytes  = 32
)

// NewSecret makes a token, and the hash by which it is known.
func NewSecret() (secret string, hash [32]byte) {
	var random [secretBytes]byte
	_, _ = rand.Read(random[:]) // never fails
	secret = secretPrefix + base64.RawURLEncoding.EncodeToString(random[:])
	return secret, sha256.Sum256([]byte(secret))
}

// bearer returns what stands in the header Authorization; present says that there is one.
func bearer(r *http.Request) (secret string, present bool) {
	values := r.Header["Authorization"]
	if len(values) == 0 {
		return "", false
	}
	scheme, secret, _ := strings.Cut(values[0], " ")
	if len(values) > 1 || !strings.EqualFold(scheme, "Bearer") || len(secret) > 200 {
		return "", true
	}
	return strings.TrimSpace(secret), true
}

// CallerOf is who has a token: the zero Caller for nobody. A token is found by its hash,
// which nobody can approach byte by byte: what could be learnt from the time that takes says
// nothing of the token.
func CallerOf(ctx context.Context, tokens Tokens, secret string) (Caller, error) {
	if !strings.HasPrefix(secret, secretPrefix) {
		return Caller{}, nil
	}
	token, err := tokens.TokenOf(ctx, sha256.Sum256([]byte(secret)))
	if errors.Is(err, database.ErrNotFound) {
		return Caller{}, nil
	}
	role := store.Role(token.Role)
	if err != nil || (role == store.RolePublisher) != (token.Organization != "") { // whom it would speak for nobody can tell
		return Caller{}, err
	}
	return Caller{Token: token.ID, Name: token.Name, Organization: token.Organization, Role: role}, nil
}

// admit returns the caller of r, who has the right to the route.
func (s *Site) admit(w http.ResponseWriter, r *http.Request, route Route) (Caller, error) {
	remote := s.Client(r)
	if route.Right == Open {
		return Caller{Remote: remote}, nil
	}
	secret, present := bearer(r)
	caller, err := CallerOf(r.Context(), s.Tokens, secret)
	if err != nil {
		return Caller{}, err
	}
	caller.Remote = remote
	if caller.Role == "" {
		w.Header().Set("WWW-Authenticate", `Bearer realm="jackfield store"`)
		if present {
			if wait := s.limits.strangers.take(keyOf(caller.Remote), time.Now()); wait > 0 {
				p := NewProblem(Exhausted, "too many wrong tokens came from this address")
				p.Wait = wait
				return Caller{}, p
			}
			return Caller{}, NewProblem(Unauthenticated, "the token is not, or no longer, one of this store")
		}
		return Caller{}, NewProblem(Unauthenticated, "this needs the header Authorization: Bearer with a token")
	}
	if !caller.May(route.Right) {
		return Caller{}, NewProblem(PermissionDenied, "this needs the right to "+string(route.Right)+", which the token "+caller.Name+" does not have")
	}
	return caller, nil
}
