package admin

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
	// maxCursor bounds a cursor, in bytes. The host makes them, and they are short.
	maxCursor = 200
	// maxID bounds an id, in bytes: it is a file's name at the longest.
	maxID = 255
)

// parameters returns the query of r, in which each of the known parameters may stand
// once. What is misspelt must not be overlooked: without dry_run a bundle is installed.
func parameters(r *http.Request, known ...string) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, invalid("the query can not be read")
	}
	for name, list := range values {
		if !slices.Contains(known, name) {
			can := "no parameters"
			if len(known) > 0 {
				can = strings.Join(known, ", ")
			}
			return nil, invalid(fmt.Sprintf("there is no parameter %q here; it takes %s", visible.Clip(name, 40), can))
		}
		if len(list) > 1 {
			return nil, invalid("the parameter " + name + " stands there twice")
		}
	}
	return values, nil
}

// switches returns those of the known parameters that are true.
func switches(r *http.Request, known ...string) (map[string]bool, error) {
	values, err := parameters(r, known...)
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
			return nil, invalid(fmt.Sprintf("write %s=true or %s=false", name, name))
		}
	}
	return on, nil
}

// pageOf returns which part of a list r asks for.
func pageOf(r *http.Request) (cursor string, limit int, err error) {
	values, err := parameters(r, "cursor", "limit")
	if err != nil {
		return "", 0, err
	}
	cursor, limit = values.Get("cursor"), pageSize
	if len(cursor) > maxCursor || !utf8.ValidString(cursor) {
		return "", 0, invalid("this is no cursor; take the member next of the page before")
	}
	if values.Has("limit") {
		limit, err = strconv.Atoi(values.Get("limit"))
		if err != nil || limit < 1 || limit > maxPage {
			return "", 0, invalid(fmt.Sprintf("limit must be a number from 1 to %d", maxPage))
		}
	}
	return cursor, limit, nil
}

// target is the id that the path of r names, for what changes something. Folders are
// named after ids: what could be a path never gets further than here.
func target(r *http.Request) (string, error) {
	id := r.PathValue("id")
	if id == "" || id == "." || id == ".." || len(id) > maxID || strings.ContainsAny(id, "/\x00") || !utf8.ValidString(id) {
		return "", noExtension()
	}
	return id, nil
}
