package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

func lineOf(subject, token, roles string) string {
	sum := sha256.Sum256([]byte(token))
	return subject + " = sha256:" + hex.EncodeToString(sum[:]) + " " + roles + "\n"
}

func TestParseTokens(t *testing.T) {
	good, err := ParseTokens("# who may ask\n\n" + lineOf("gis", "one", "viewer,operator") + lineOf("gis", "two", "") + strings.ReplaceAll(lineOf("é@x", "three", "r"), " ", "\t"))
	if err != nil || len(good) != 3 {
		t.Fatalf("%v, %v", good, err)
	}
	if c := good[digestOf("one")]; c.Subject != "gis" || !slices.Equal(c.Roles, []string{"viewer", "operator"}) {
		t.Errorf("one: %+v", c)
	}
	zeros := strings.Repeat("0", 64)
	for _, tc := range []struct{ name, text, want string }{
		{"no equals sign", "gis sha256:" + zeros, "line 1: there is no ="},
		{"no subject", " = sha256:" + zeros, "line 1: the subject"},
		{"space in the subject", "a b = sha256:" + zeros, "line 1: the subject"},
		{"control character", "a\x07 = sha256:" + zeros, "line 1: the subject"},
		{"reserved", "admin = sha256:" + zeros, "conf/admin.token"},
		{"the token itself", "gis = 9f86d081884c7d65", "the token itself does not belong here"},
		{"short digest", "gis = sha256:00", "64 hexadecimal digits"},
		{"long digest", "gis = sha256:" + zeros + "00", "64 hexadecimal digits"},
		{"no digits", "gis = sha256:" + strings.Repeat("g", 64), "64 hexadecimal digits"},
		{"third field", "gis = sha256:" + zeros + " a b", "at most one list"},
		{"empty role", "gis = sha256:" + zeros + " a,,b", "a role must"},
		{"twice", "a = sha256:" + zeros + "\n\nb = sha256:" + zeros, "line 3: the same token stands in line 1"},
		{"every fault", "x\n# y\nz", "line 3"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := ParseTokens(tc.text); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			} else if strings.Contains(err.Error(), "9f86d081884c7d65") {
				t.Errorf("the error shows what may be a token: %v", err)
			}
		})
	}
}

// FuzzParseTokens: no text gives a caller without a name, the administrator's, or one
// for a digest that does not stand in it.
func FuzzParseTokens(f *testing.F) {
	f.Add(lineOf("gis", "one", "viewer"))
	f.Add("#\na==sha256:\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		known, err := ParseTokens(text)
		if err != nil && known != nil {
			t.Error("an error and tokens")
		}
		for key, c := range known {
			if !printable(c.Subject, maxSubject) || c.Subject == admin || !strings.Contains(strings.ToLower(text), hex.EncodeToString(key[:])) {
				t.Errorf("%x is %+v", key, c)
			}
		}
	})
}

// TestTokensFollowTheirFile: what is added holds soon, what is removed does not any
// more, and a fault leaves everything as it was.
func TestTokensFollowTheirFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "requests.tokens")
	tokens, err := NewTokens(TokensConfig{AdminToken: "the-administrators-token", File: path, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); tokens.Run(ctx) }()
	defer func() { stop(); <-ended }()
	subject := func(token string) string {
		c, err := tokens.Authenticate(ctx, token)
		if err != nil && sdk.CodeOf(err) != sdk.Unauthenticated {
			t.Error(err)
		}
		return c.Subject
	}
	write := func(text string) {
		next := path + ".next"
		if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, path); err != nil {
			t.Fatal(err)
		}
	}
	await := func(token, want string) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); subject(token) != want; <-time.After(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s is %q, want %q", token, subject(token), want)
			}
		}
	}
	if got := subject("the-administrators-token"); got != "admin" {
		t.Errorf("the administrator is %q", got)
	}
	if got := subject("one") + subject(""); got != "" {
		t.Errorf("somebody unknown is %q", got)
	}
	write(lineOf("gis", "one", ""))
	await("one", "gis")
	write(lineOf("maps", "two", "r"))
	await("two", "maps")
	await("one", "")
	write("nonsense\n" + lineOf("gis", "one", ""))
	await("two", "maps")
	write(lineOf("gis", "one", "") + lineOf("third", "three", ""))
	await("three", "third")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	await("three", "")
	await("the-administrators-token", "admin")
}

func TestTokensThatOthersCanReadOrWriteAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "requests.tokens")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, good := range map[os.FileMode]bool{0o600: true, 0o640: true, 0o400: true, 0o644: false, 0o660: false, 0o602: false, 0o666: false} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := NewTokens(TokensConfig{AdminToken: "the-administrators-token", File: path, Log: slog.New(slog.DiscardHandler)})
		if (err == nil) != good || err != nil && !strings.Contains(err.Error(), "read or written by others") {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
}
