package auth

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

// Administrator is the role of whoever has the administrator's token, and admin its
// subject.
const (
	Administrator = "administrator"
	admin         = "admin"
)

// lookEvery is how often the file of tokens is looked at.
const lookEvery = time.Second

// TokensConfig says which tokens are accepted. All but Others is required.
type TokensConfig struct {
	AdminToken string
	// File holds digests of tokens (ParseTokens). It may be missing, and may change at
	// any time.
	File string
	// Others knows further tokens; it must answer without I/O.
	Others func(ctx context.Context, token string) (sdk.Caller, bool)
	Log    *slog.Logger
}

// Tokens accepts the administrator's token, those of a file, and those that others know.
type Tokens struct {
	log    *slog.Logger
	path   string
	others func(ctx context.Context, token string) (sdk.Caller, bool)
	admin  digest
	seen   version // of the file as it was last read; Run's own
	known  atomic.Pointer[map[digest]sdk.Caller]
}

// version tells whether a file has changed.
type version struct {
	size     int64
	modified time.Time
	mode     fs.FileMode
}

// NewTokens reads the file. The error tells every faulty line.
func NewTokens(cfg TokensConfig) (*Tokens, error) {
	if cfg.AdminToken == "" {
		return nil, errors.New("the administrator's token is empty")
	}
	t := &Tokens{log: cfg.Log, path: cfg.File, others: cfg.Others, admin: digestOf(cfg.AdminToken)}
	if err := t.load(); err != nil {
		return nil, err
	}
	return t, nil
}

// Run reads the file again whenever it changes, until ctx ends. One that is faulty is
// reported, and what held before goes on to hold.
func (t *Tokens) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now, err := t.look()
		if err == nil && now == t.seen {
			continue
		}
		if err == nil {
			err = t.load()
		}
		if err != nil {
			t.seen = now
			t.log.Error("the tokens for requests are not read anew; those read before hold", "err", err)
			continue
		}
		t.log.Info("tokens for requests read", "file", t.path, "tokens", len(*t.known.Load())-1)
	}
}

// Authenticate returns who has the token.
func (t *Tokens) Authenticate(ctx context.Context, token string) (sdk.Caller, error) {
	if len(token) <= maxToken {
		if caller, ok := (*t.known.Load())[digestOf(token)]; ok {
			return caller, nil
		}
		if t.others != nil {
			if caller, ok := t.others(ctx, token); ok {
				return caller, nil
			}
		}
	}
	return sdk.Caller{}, invalid("the host does not know it")
}

// look returns the version of the file, the zero one when there is none.
func (t *Tokens) look() (version, error) {
	info, err := os.Stat(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		return version{}, nil
	}
	if err != nil {
		return version{}, fmt.Errorf("reading tokens: %w", err)
	}
	return version{info.Size(), info.ModTime(), info.Mode()}, nil
}

// load reads the file and lets its tokens hold.
func (t *Tokens) load() error {
	now, err := t.look()
	if err != nil {
		return err
	}
	known := map[digest]sdk.Caller{}
	if now != (version{}) {
		if !now.mode.IsRegular() {
			return fmt.Errorf("reading tokens: %s is not a regular file", t.path)
		}
		if now.mode.Perm()&0o026 != 0 {
			// A short token can be found from its digest.
			return fmt.Errorf("reading tokens: %s can be read or written by others (mode %04o): chmod 600 it", t.path, now.mode.Perm())
		}
		text, err := readFile(t.path)
		if err != nil {
			return fmt.Errorf("reading tokens: %w", err)
		}
		parsed, err := ParseTokens(text)
		if err != nil {
			return fmt.Errorf("%s: %w", t.path, err)
		}
		maps.Copy(known, parsed)
	}
	known[t.admin] = sdk.Caller{Subject: admin, Roles: []string{Administrator}}
	t.seen = now
	t.known.Store(&known)
	return nil
}

// Bounds on the file of tokens.
const (
	maxFile  = 4 << 20
	maxLines = 20_000
)

func readFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s has over %d bytes", path, maxFile)
	}
	return string(text), err
}

// ParseTokens reads the lines of conf/requests.tokens,
//
//	<subject> = sha256:<digest of the token, 64 hexadecimal digits> [<role>,<role>…]
//
// where a line that is empty or begins with # means nothing. A subject may have
// several tokens; a token belongs to one. The error tells every faulty line, and
// shows of none what could be a token.
func ParseTokens(text string) (map[[32]byte]sdk.Caller, error) {
	known, first := map[digest]sdk.Caller{}, map[digest]int{}
	var faults []error
	number := 0
	for line := range strings.Lines(text) {
		number++
		if number > maxLines {
			return nil, fmt.Errorf("there are over %d lines", maxLines)
		}
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, caller, err := parseToken(line)
		if err == nil && first[key] != 0 {
			err = fmt.Errorf("the same token stands in line %d", first[key])
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("line %d: %w", number, err))
			continue
		}
		known[key], first[key] = caller, number
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return known, nil
}

func parseToken(line string) (key digest, caller sdk.Caller, err error) {
	subject, rest, ok := strings.Cut(line, "=")
	if subject = strings.TrimSpace(subject); !ok {
		return key, caller, errors.New("there is no = in it; write <subject> = sha256:<digest> [<role>,<role>]")
	}
	switch {
	case !printable(subject, maxSubject) || strings.ContainsAny(subject, " \t"):
		return key, caller, fmt.Errorf("the subject must be 1 to %d visible characters", maxSubject)
	case subject == admin:
		return key, caller, errors.New("the subject admin is the administrator's, whose token is in conf/admin.token")
	}
	fields := strings.Fields(rest)
	if len(fields) < 1 || len(fields) > 2 {
		return key, caller, errors.New("after the = stand a digest and at most one list of roles, without spaces in it")
	}
	hexDigits, ok := strings.CutPrefix(fields[0], "sha256:")
	if !ok {
		return key, caller, errors.New("the digest must begin with sha256: (the token itself does not belong here)")
	}
	if key, ok = parseDigest(hexDigits); !ok {
		return key, caller, fmt.Errorf("the digest must be %d hexadecimal digits", 2*len(key))
	}
	caller.Subject = subject
	if len(fields) == 2 {
		caller.Roles, err = parseRoles(fields[1])
	}
	return key, caller, err
}

func parseDigest(digits string) (key digest, ok bool) {
	raw, err := hex.DecodeString(digits)
	if err != nil || len(raw) != len(key) {
		return key, false
	}
	return digest(raw), true
}

func parseRoles(list string) ([]string, error) {
	roles := strings.Split(list, ",")
	if len(roles) > maxRoles {
		return nil, fmt.Errorf("there are over %d roles", maxRoles)
	}
	for _, role := range roles {
		if !printable(role, maxRole) {
			return nil, fmt.Errorf("a role must be 1 to %d visible characters", maxRole)
		}
	}
	return roles, nil
}
