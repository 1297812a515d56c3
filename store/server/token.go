package server

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"github.com/jackfield-host/jackfield/store/server/internal/database"
	"github.com/jackfield-host/jackfield/store/server/internal/web"
)

const (
	// tokenFile has the first administrator's token.
	tokenFile = "admin-token"
	firstID   = "t-first"
)

// firstToken makes the first administrator's token of a store that has none, and writes it
// into a file that only its owner can read. One that was revoked does not come back.
func firstToken(ctx context.Context, db *database.Database, data string) error {
	tokens, err := db.Tokens(ctx)
	if err != nil {
		return fmt.Errorf("looking for an administrator's token: %w", err)
	}
	if slices.ContainsFunc(tokens, func(t database.Token) bool { return t.Role == database.RoleAdministrator && t.Expires.IsZero() }) {
		return nil
	}
	path := filepath.Join(data, tokenFile)
	secret, hash := web.NewSecret()
	switch old, err := os.ReadFile(path); {
	case err == nil: // of a start that ended between the file and the database
		secret = strings.TrimSpace(string(old))
		hash = sha256.Sum256([]byte(secret))
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("reading the first administrator's token: %w", err)
	default:
		if err := renameio.WriteFile(path, []byte(secret+"\n"), 0o600); err != nil {
			return fmt.Errorf("writing the first administrator's token: %w", err)
		}
	}
	token := database.Token{
		ID: firstID, Name: "first administrator", Role: database.RoleAdministrator, Created: time.Now().UTC().Truncate(time.Second),
	}
	err = db.AddToken(ctx, token, hash, database.Entry{Actor: "store", Action: "token.new", Target: firstID})
	if errors.Is(err, database.ErrExists) { // another replica was first
		return os.Remove(path)
	}
	if err != nil {
		return fmt.Errorf("keeping the first administrator's token: %w", err)
	}
	return nil
}
