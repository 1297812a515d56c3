package api

import (
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

// List is the answer of GET /api/v1/extensions.
type List struct {
	Extensions []host.Extension `json:"extensions"`
	// Next is the cursor of the page after this one, empty when there is none.
	Next string `json:"next,omitempty"`
}

// listExtensions answers with all rows, or with a page of them where the client asks for
// one. Those whose token is for some extensions see these alone.
func (a *API) listExtensions(w http.ResponseWriter, r *http.Request) error {
	cursor, limit, err := web.PageOf(r)
	if err != nil {
		return err
	}
	after, err := rowOf(cursor)
	if err != nil {
		return err
	}
	if !r.URL.Query().Has("limit") && cursor == "" {
		limit = -1 // as it was before there were pages
	}
	who, list := access.Of(r.Context()), List{Extensions: []host.Extension{}}
	for _, e := range a.cfg.Host.Snapshot() { // by id and file
		if !who.May(access.See, e.ID) || place(e) <= after {
			continue
		}
		if len(list.Extensions) == limit {
			list.Next = cursorOf(list.Extensions[limit-1])
			break
		}
		list.Extensions = append(list.Extensions, complete(e))
	}
	return web.WriteJSON(w, http.StatusOK, list)
}

// place orders rows as a snapshot does.
func place(e host.Extension) string { return e.ID + "\x00" + e.File }

// cursorOf is the cursor of the page behind e.
func cursorOf(e host.Extension) string { return base64.RawURLEncoding.EncodeToString([]byte(place(e))) }

// rowOf returns the place that a cursor names, "" for no cursor. The row itself may be
// gone by now.
func rowOf(cursor string) (string, error) {
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || cursor != "" && !strings.Contains(string(text), "\x00") {
		return "", web.Invalid("this is no cursor; take the member next of the page before")
	}
	return string(text), nil
}
