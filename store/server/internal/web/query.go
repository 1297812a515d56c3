package web

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/internal/visible"
)

// maxValue bounds the value of a query parameter, in bytes.
const maxValue = 1000

// Parameters returns the query of r, in which each of the known parameters may stand once.
// What is misspelt must not be overlooked.
func Parameters(r *http.Request, known ...string) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, Invalid("the query can not be read")
	}
	for name, list := range values {
		if !slices.Contains(known, name) {
			can := "no parameters"
			if len(known) > 0 {
				can = strings.Join(known, ", ")
			}
			return nil, Invalid("there is no parameter %q here; it takes %s", visible.Clip(name, 40), can)
		}
		if len(list) > 1 {
			return nil, Invalid("the parameter %s stands there twice", name)
		}
		if len(list[0]) > maxValue || !utf8.ValidString(list[0]) {
			return nil, Invalid("the parameter %s must be UTF-8 of at most %d bytes", name, maxValue)
		}
	}
	return values, nil
}

// Limit is the parameter limit, initial where it is not given.
func Limit(values url.Values, initial, most int) (int, error) {
	if !values.Has("limit") {
		return initial, nil
	}
	limit, err := strconv.Atoi(values.Get("limit"))
	if err != nil || limit < 1 || limit > most {
		return 0, Invalid("limit must be a number from 1 to %d", most)
	}
	return limit, nil
}

// Number is a parameter that is a positive number, 0 where it is not given.
func Number(values url.Values, name string) (int64, error) {
	if !values.Has(name) {
		return 0, nil
	}
	n, err := strconv.ParseInt(values.Get(name), 10, 64)
	if err != nil || n < 1 {
		return 0, Invalid("%s must be a positive number", name)
	}
	return n, nil
}

// Flag is a parameter that is true or false.
func Flag(values url.Values, name string) (bool, error) {
	switch values.Get(name) {
	case "true":
		return true, nil
	case "false", "":
		return false, nil
	}
	return false, Invalid("write %s=true or %s=false", name, name)
}

// Read decodes the body of r, which is one JSON object with no members but those of into.
func Read(r *http.Request, into any) error {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" || params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8") {
		return NewProblem(UnsupportedMedia, "send application/json, in UTF-8")
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" {
		return NewProblem(UnsupportedMedia, "send it as it is, without a Content-Encoding")
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return bodyError(err)
	}
	if !utf8.Valid(body) {
		return Invalid("the body is not UTF-8")
	}
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return Invalid("the body is not what is taken here: %s", visible.Clip(strings.TrimPrefix(err.Error(), "json: "), 200))
	}
	if _, err := decoder.Token(); err != io.EOF {
		return Invalid("something stands behind the JSON object in the body")
	}
	return nil
}

// bodyError is why a body could not be read: what the client did, if nothing else is known.
func bodyError(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return err
	}
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		return NewProblem(DeadlineExceeded, "what is sent has not come for too long")
	}
	return Invalid("the body ends too early, or can not be read")
}
