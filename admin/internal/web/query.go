package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/internal/visible"
)

const (
	// pageSize is how many events a page of history or audit has, unless the client
	// says otherwise, up to maxPage.
	pageSize = 100
	maxPage  = 500
	// maxCursor bounds a cursor, in bytes: it may hold two names.
	maxCursor = 1000
	// maxID bounds an id, in bytes: it is a file's name at the longest.
	maxID = 255
)

// Parameters returns the query of r, in which each of the known Parameters may stand
// once. What is misspelt must not be overlooked: without dry_run a bundle is installed.
func Parameters(r *http.Request, known ...string) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, Invalid("the query can not be read")
	}
	for name, list := range values {
		if !slices.Contains(known, name) {
			can := "no Parameters"
			if len(known) > 0 {
				can = strings.Join(known, ", ")
			}
			return nil, Invalid(fmt.Sprintf("there is no parameter %q here; it takes %s", visible.Clip(name, 40), can))
		}
		if len(list) > 1 {
			return nil, Invalid("the parameter " + name + " stands there twice")
		}
	}
	return values, nil
}

// Switches returns those of the known Parameters that are true.
func Switches(r *http.Request, known ...string) (map[string]bool, error) {
	values, err := Parameters(r, known...)
	if err != nil {
		return nil, err
	}
	on := map[string]bool{}
	for name := range values {
		switch values.Get(name) {
		case "true":
			on[name] = true
		case "false":
		default:
			return nil, Invalid(fmt.Sprintf("write %s=true or %s=false", name, name))
		}
	}
	return on, nil
}

// PageOf returns which part of a list r asks for. Others are the names of parameters that
// may stand there, too.
func PageOf(r *http.Request, others ...string) (cursor string, limit int, err error) {
	values, err := Parameters(r, append([]string{"cursor", "limit"}, others...)...)
	if err != nil {
		return "", 0, err
	}
	cursor, limit = values.Get("cursor"), pageSize
	if len(cursor) > maxCursor || !utf8.ValidString(cursor) {
		return "", 0, Invalid("this is no cursor; take the member next of the page before")
	}
	if values.Has("limit") {
		limit, err = strconv.Atoi(values.Get("limit"))
		if err != nil || limit < 1 || limit > maxPage {
			return "", 0, Invalid(fmt.Sprintf("limit must be a number from 1 to %d", maxPage))
		}
	}
	return cursor, limit, nil
}

// Target is the id that the path of r names, for what changes something. Folders are
// named after ids: what could be a path never gets further than here.
func Target(r *http.Request) (string, error) {
	id := r.PathValue("id")
	if id == "" || id == "." || id == ".." || len(id) > maxID || strings.ContainsAny(id, "/\x00") || !utf8.ValidString(id) {
		return "", NoExtension()
	}
	return id, nil
}

// NoExtension is the problem of an id that nothing has.
func NoExtension() *Problem {
	return NewProblem(http.StatusNotFound, "not_found", "no extension has this id; GET /api/v1/extensions lists them")
}
