// Package auth tells who sends a request: it turns a bearer token into a caller.
// NewTokens takes the tokens of two files, NewOIDC those of an OpenID provider; both
// have the two methods
//
//	Run(ctx)                       // keeps what it knows fresh; call it once
//	Authenticate(ctx, token)       // sdk.Caller, or *sdk.Error
//
// Authenticate does no I/O for a token that it knows, and its errors have one of two
// codes: unauthenticated, and unavailable when it can not be told just now. No token
// is ever part of an error or of a log line.
//
// NewSignIn is for people who sign in to the admin page at an OpenID provider: Begin
// sends their browser there, Finish says who has come back.
package auth

import (
	"crypto/sha256"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

// digest is what is kept of a token. Tokens are looked up by it: how long that takes
// says nothing about the tokens that there are.
type digest = [sha256.Size]byte

// Bounds on who a caller may be.
const (
	maxToken   = 16 << 10 // bytes
	maxSubject = 255      // bytes
	maxRoles   = 64
	maxRole    = 128 // bytes
)

func digestOf(token string) digest { return sha256.Sum256([]byte(token)) }

func invalid(why string) *sdk.Error {
	return sdk.Errorf(sdk.Unauthenticated, "the token is not accepted: %s", why)
}

// unavailable says that nothing can be said of a token for the time being.
func unavailable(why string, after time.Duration) *sdk.Error {
	err := sdk.Errorf(sdk.Unavailable, "the token can not be checked just now: %s", why)
	err.Retryable, err.RetryAfter = true, after
	return err
}

// printable reports whether s can be shown and logged as it is, and is not too long.
func printable(s string, most int) bool {
	if s == "" || len(s) > most {
		return false
	}
	for _, r := range s {
		if r < ' ' || r >= 0x7f && r <= 0x9f || r == '\uFFFD' || r == '\u2028' || r == '\u2029' {
			return false
		}
	}
	return true
}
