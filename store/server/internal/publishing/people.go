package publishing

import (
	"crypto/rand"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/internal/negotiate"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
	"github.com/jackfield-host/jackfield/store/server/internal/web"
)

const (
	maxText = 200 // characters of names and titles
	maxPins = 16
	maxDays = 3650
)

// hostName is the form of the name of an organization: that of a DNS name in lower case.
var hostName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)

// pin is the form of a public key as trust.Pin says it; without a host where the
// certificates of a format name none.
var pin = regexp.MustCompile(`^sha256:[0-9a-f]{64}(@[a-z0-9.-]{1,253})?$`)

func (a *API) organizations(w http.ResponseWriter, r *http.Request) error {
	rows, err := a.cfg.Database.Organizations(r.Context())
	if err != nil {
		return err
	}
	answer := store.OrganizationList{Organizations: make([]store.Organization, len(rows))}
	for i, o := range rows {
		answer.Organizations[i] = shown(o)
	}
	return negotiate.WriteJSON(w, http.StatusOK, answer)
}

func shown(o database.Organization) store.Organization {
	if o.Pins == nil {
		o.Pins = []string{}
	}
	return store.Organization(o)
}

// saveOrganization answers POST organizations: one is added, or takes the place of the one
// of its name.
func (a *API) saveOrganization(w http.ResponseWriter, r *http.Request) error {
	var asked store.OrganizationRequest
	if err := web.Read(r, &asked); err != nil {
		return err
	}
	if len(asked.Name) > 253 || !hostName.MatchString(asked.Name) {
		return web.Invalid("name must be the host name in the organization's certificates, such as acme.example")
	}
	if asked.Title == "" {
		asked.Title = asked.Name
	}
	if !text(asked.Title) {
		return web.Invalid("title must be 1 to %d characters on one line", maxText)
	}
	if len(asked.Pins) == 0 || len(asked.Pins) > maxPins || slices.ContainsFunc(asked.Pins, func(p string) bool { return !pin.MatchString(p) }) {
		return web.Invalid("pins must be 1 to %d public keys, such as sha256:…@acme.example; 'jackfield bundle verify FILE' shows that of a publisher", maxPins)
	}
	slices.Sort(asked.Pins)
	o := database.Organization{Name: asked.Name, Title: asked.Title, Pins: slices.Compact(asked.Pins), Created: a.cfg.Now()}
	if before, err := a.cfg.Database.Organization(r.Context(), o.Name); err == nil {
		o.Created = before.Created
	} else if !errors.Is(err, database.ErrNotFound) {
		return err
	}
	err := a.cfg.Database.SaveOrganization(r.Context(), o, entry(r, "organization.save", o.Name))
	if errors.Is(err, database.ErrExists) {
		return web.NewProblem(web.Conflict, "another organization has one of these keys")
	}
	if err != nil {
		return err
	}
	return negotiate.WriteJSON(w, http.StatusOK, shown(o))
}

func (a *API) removeOrganization(w http.ResponseWriter, r *http.Request) error {
	name := web.Var(r, "name")
	err := a.cfg.Database.RemoveOrganization(r.Context(), name, entry(r, "organization.remove", name))
	switch {
	case errors.Is(err, database.ErrConflict):
		p := web.NewProblem(web.Conflict, name+" owns listings, which can not be without an owner")
		p.Hint = "withdraw them; revoke its tokens, so that it publishes nothing more"
		return p
	case errors.Is(err, database.ErrNotFound):
		return web.NewProblem(web.NotFound, "there is no such organization")
	case err != nil:
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *API) tokens(w http.ResponseWriter, r *http.Request) error {
	rows, err := a.cfg.Database.Tokens(r.Context())
	if err != nil {
		return err
	}
	answer := store.TokenList{Tokens: make([]store.Token, len(rows))}
	for i, t := range rows {
		answer.Tokens[i] = shownToken(t)
	}
	return negotiate.WriteJSON(w, http.StatusOK, answer)
}

func shownToken(t database.Token) store.Token {
	return store.Token{ID: t.ID, Name: t.Name, Role: store.Role(t.Role), Organization: t.Organization,
		Created: t.Created, Expires: t.Expires, LastUsed: t.LastUsed}
}

// newToken answers POST tokens with the token, the only time that it is shown.
func (a *API) newToken(w http.ResponseWriter, r *http.Request) error {
	var asked store.TokenRequest
	if err := web.Read(r, &asked); err != nil {
		return err
	}
	if err := a.judgeToken(r, asked); err != nil {
		return err
	}
	t := database.Token{ID: newID(), Name: asked.Name, Role: database.Role(asked.Role), Organization: asked.Organization, Created: a.cfg.Now()}
	if asked.Days > 0 {
		t.Expires = t.Created.AddDate(0, 0, asked.Days)
	}
	secret, hash := web.NewSecret()
	if err := a.cfg.Database.AddToken(r.Context(), t, hash, entry(r, "token.new", t.ID)); err != nil {
		return err
	}
	return negotiate.WriteJSON(w, http.StatusCreated, store.NewToken{Token: shownToken(t), Secret: secret})
}

func (a *API) judgeToken(r *http.Request, asked store.TokenRequest) error {
	publisher := asked.Role == store.RolePublisher
	switch {
	case !slices.Contains(roles(), string(asked.Role)):
		return web.Invalid("role must be one of %s", strings.Join(roles(), ", "))
	case !text(asked.Name):
		return web.Invalid("name must be 1 to %d characters on one line, which say whose token it is", maxText)
	case asked.Days < 0 || asked.Days > maxDays:
		return web.Invalid("days must be 0, for a token that does not expire, to %d", maxDays)
	case publisher && asked.Organization == "":
		return web.Invalid("a publisher's token needs the organization that it publishes for")
	case !publisher && asked.Organization != "":
		return web.Invalid("the token of a %s is for all organizations", asked.Role)
	case !publisher:
		return nil
	}
	_, err := a.cfg.Database.Organization(r.Context(), asked.Organization)
	if errors.Is(err, database.ErrNotFound) {
		p := web.NewProblem(web.NotFound, "there is no such organization")
		p.Hint = "'jackfield store org add' adds one"
		return p
	}
	return err
}

func (a *API) removeToken(w http.ResponseWriter, r *http.Request) error {
	id := web.Var(r, "token")
	err := a.cfg.Database.RemoveToken(r.Context(), id, entry(r, "token.revoke", id))
	if errors.Is(err, database.ErrNotFound) {
		return web.NewProblem(web.NotFound, "there is no such token")
	}
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// audit answers GET audit, newest first.
func (a *API) audit(w http.ResponseWriter, r *http.Request) error {
	values, err := web.Parameters(r, "actor", "target", "cursor", "limit")
	if err != nil {
		return err
	}
	filter := database.AuditFilter{Actor: values.Get("actor"), Target: values.Get("target")}
	if filter.Before, err = web.Number(values, "cursor"); err != nil {
		return err
	}
	limit, err := web.Limit(values, pageSize, maxPage)
	if err != nil {
		return err
	}
	filter.Limit = limit + 1
	rows, err := a.cfg.Database.Audit(r.Context(), filter)
	if err != nil {
		return err
	}
	page := store.AuditPage{Entries: []store.AuditEntry{}}
	for i, e := range rows {
		if i == limit {
			page.Next = strconv.FormatInt(rows[i-1].Number, 10)
			break
		}
		page.Entries = append(page.Entries, store.AuditEntry(e))
	}
	return negotiate.WriteJSON(w, http.StatusOK, page)
}

// text reports whether s is a name for people: short, on one line.
func text(s string) bool {
	n := utf8.RuneCountInString(s)
	return utf8.ValidString(s) && n > 0 && n <= maxText && strings.TrimSpace(s) == s &&
		!strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f })
}

// newID names a token, to speak of it.
func newID() string { return "t-" + strings.ToLower(rand.Text()[:12]) }
