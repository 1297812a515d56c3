package negotiate

import (
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"strings"
)

// ETag returns the entity tag of text.
func ETag(text []byte) string {
	sum := sha256.Sum256(text)
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}

// Zipped returns the entity tag of the compressed form of what has etag: each form has its
// own.
func Zipped(etag string) string { return strings.TrimSuffix(etag, `"`) + `-gzip"` }

// Has reports whether the values of If-None-Match name etag.
func Has(values []string, etag string) bool {
	for _, value := range values {
		for candidate := range strings.SplitSeq(value, ",") {
			candidate = strings.TrimSpace(candidate)
			if candidate == "*" || strings.TrimPrefix(candidate, "W/") == etag {
				return true
			}
		}
	}
	return false
}

// RequestID returns the client's Request-Id if it is safe to write into logs and
// headers, else a new one of 120 random bits.
func RequestID(r *http.Request) string {
	if values := r.Header["Request-Id"]; len(values) == 1 && IsRequestID(values[0]) {
		return values[0]
	}
	const digits = "0123456789abcdefghijklmnopqrstuv"
	var id [24]byte
	for half := 0; half < len(id); half += 12 {
		bits := rand.Uint64()
		for i := range 12 {
			id[half+i] = digits[bits&31]
			bits >>= 5
		}
	}
	return string(id[:])
}

// IsRequestID reports whether s may name a request: 1 to 64 letters, digits, dots,
// underscores and hyphens.
func IsRequestID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}
