package database

import (
	"context"
	"time"
)

// Organization may publish. A listing belongs to the one that published it first.
type Organization struct {
	Name    string    `json:"name"`           // the host name in its certificates, or the author's name
	Title   string    `json:"title"`          // for people
	Pins    []string  `json:"pins,omitempty"` // its public keys as trust.Pin says them, sorted
	Created time.Time `json:"created"`
}

// Role is what a token's bearer may do.
type Role string

// The roles; each may do what those before it may.
const (
	RolePublisher     Role = "publisher"
	RoleReviewer      Role = "reviewer"
	RoleAdministrator Role = "administrator"
)

// Token is what is known of an access token; the token itself is nowhere.
type Token struct {
	ID           string    `json:"id"` // to speak of it, chosen by the caller: unique
	Name         string    `json:"name"`
	Role         Role      `json:"role"`
	Organization string    `json:"organization,omitempty"` // whose it is; "" for the store's own
	Created      time.Time `json:"created"`
	Expires      time.Time `json:"expires,omitzero"`   // zero for never
	LastUsed     time.Time `json:"last_used,omitzero"` // to the minute
}

// SaveOrganization adds an organization, or takes the place of the one with its name. A
// pin that another organization has is ErrExists.
func (d *Database) SaveOrganization(ctx context.Context, o Organization, entry Entry) error {
	return d.saveOrganization(ctx, o, entry)
}

// RemoveOrganization removes one and its tokens. One that owns listings is ErrConflict.
func (d *Database) RemoveOrganization(ctx context.Context, name string, entry Entry) error {
	return d.removeOrganization(ctx, name, entry)
}

// Organization returns the one with this name.
func (d *Database) Organization(ctx context.Context, name string) (Organization, error) {
	return d.organization(ctx, name)
}

// OrganizationOf returns the one that has this public key.
func (d *Database) OrganizationOf(ctx context.Context, pin string) (Organization, error) {
	return d.organizationOf(ctx, pin)
}

// Organizations returns all, by name.
func (d *Database) Organizations(ctx context.Context) ([]Organization, error) {
	return d.organizations(ctx)
}

// AddToken keeps a token by the SHA-256 of what its bearer shows.
func (d *Database) AddToken(ctx context.Context, t Token, hash [32]byte, entry Entry) error {
	return d.addToken(ctx, t, hash, entry)
}

// TokenOf returns the token with this hash, and remembers that it was used. One that has
// expired is ErrNotFound.
func (d *Database) TokenOf(ctx context.Context, hash [32]byte) (Token, error) {
	return d.tokenOf(ctx, hash)
}

// Tokens returns all, expired ones too, oldest first.
func (d *Database) Tokens(ctx context.Context) ([]Token, error) { return d.tokens(ctx) }

// RemoveToken removes the token with this id.
func (d *Database) RemoveToken(ctx context.Context, id string, entry Entry) error {
	return d.removeToken(ctx, id, entry)
}
