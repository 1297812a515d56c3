package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"slices"
	"time"

	"github.com/jackfield-host/jackfield/host"
)

// consent takes the form of the page by which a person consents to what a version asks
// for. It is the one thing that the page changes: it needs the session, and what only
// a page of this session can have sent.
func (h *handler) consent(w http.ResponseWriter, r *http.Request) error {
	if !h.signedIn(r) {
		http.Redirect(w, r, "/admin/sign-in", http.StatusSeeOther)
		return nil
	}
	if err := r.ParseForm(); err != nil {
		return problem(http.StatusBadRequest, host.CodeInvalidArgument, "the form can not be read")
	}
	want, got := h.formProof(r), r.PostForm.Get("proof")
	if subtle.ConstantTimeCompare([]byte(want), []byte(got)) != 1 {
		return problem(http.StatusForbidden, "permission_denied", "this form is not of your session; load the page again")
	}
	id, digest := r.PostForm.Get("id"), r.PostForm.Get("digest")
	if id == "" || digest == "" {
		return invalid("the form says not what is consented to")
	}
	_, err := h.cfg.Host.Act(r.Context(), host.Action{Verb: host.VerbConsent, ID: id, Digest: digest, Actor: actor(r)})
	if err != nil {
		return err
	}
	return toAdmin(w, r)
}

// formProof is what the forms of one session carry, "" without a session. It tells
// nothing about the cookie.
func (h *handler) formProof(r *http.Request) string {
	cookie, err := r.Cookie(h.cookie)
	if err != nil || !h.signedIn(r) {
		return ""
	}
	sum := sha256.Sum256([]byte("a form of the session " + cookie.Value))
	return hex.EncodeToString(sum[:])
}

// permission is one permission as a row shows it, with who decided about it and when.
type permission struct {
	Name, By string
	At       *moment
}

// permissions are what an extension may do and may not, and what was decided for
// versions other than the current one.
type permissions struct{ May, MayNot, Unused []permission }

func permissionsOf(e host.Extension, now time.Time) permissions {
	var p permissions
	for _, list := range []struct {
		grants []host.Grant
		into   *[]permission
	}{{e.Grants, &p.May}, {e.Denied, &p.MayNot}} {
		for _, g := range list.grants {
			into := list.into
			if g.Unused {
				into = &p.Unused
			}
			*into = append(*into, permission{g.Permission, g.By, at(&g.At, now)})
		}
	}
	return p
}

// wanted is what a version waits for, as a row shows it.
type wanted struct {
	Version, File, Digest string
	Needs                 []string
}

func wantedOf(c *host.Consent) *wanted {
	if c == nil {
		return nil
	}
	w := &wanted{Version: c.Version, File: c.File, Digest: c.Digest}
	for _, n := range c.Needs {
		w.Needs = append(w.Needs, n.String())
	}
	slices.Sort(w.Needs)
	return w
}
