package detail

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/form"
	"github.com/jackfield-host/jackfield/admin/internal/legible"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

const (
	// maxTryForm bounds a posted form: a payload of host.MaxTry bytes, each of which may
	// be written as %XX, and the rest of the form.
	maxTryForm = 3*host.MaxTry + 64<<10
	// maxTryTime bounds a request that is tried.
	maxTryTime = time.Minute
)

// Declared is one type as it is shown.
type Declared struct {
	host.DeclaredType
	URL    string // of its page; "" for what nobody can ask for
	Schema legible.Table
	// Text is the schema as it stands, laid out.
	Text legible.Reading
}

func declaredOf(id string, t host.DeclaredType) Declared {
	v := Declared{DeclaredType: t, Schema: legible.Schema(t.Schema)}
	if len(t.Schema) > 0 && string(t.Schema) != "null" {
		v.Text = legible.Payload("application/json", t.Schema)
	}
	if t.Handled && t.Role == "request" {
		v.URL = URL(id, "types", t.Type)
	}
	return v
}

// Types is the tab of the types of an extension.
type Types struct {
	Header
	Requests, Responses []Declared
}

func (d *Desk) types(w http.ResponseWriter, r *http.Request) error {
	h, err := d.Header(r, "types")
	if err != nil {
		return err
	}
	types, err := d.cfg.Host.Types(h.E.ID)
	if err != nil {
		return err
	}
	view := Types{Header: h}
	for _, t := range types {
		if t.Role == "request" {
			view.Requests = append(view.Requests, declaredOf(h.E.ID, t))
			continue
		}
		view.Responses = append(view.Responses, declaredOf(h.E.ID, t))
	}
	return d.cfg.Render(w, r, http.StatusOK, "detail-types.html", h, view)
}

// How the payload of a request is written.
const (
	ByForm = "form"   // fields made from the schema
	ByJSON = "json"   // a text of JSON
	AsItIs = "opaque" // any text, or a file
)

// Trial is the page of one request type, with the form to try it.
type Trial struct {
	Header
	Type      Declared
	Responses []Declared // that it may be answered with
	Mode      string     // ByForm, ByJSON or AsItIs
	HasForm   bool       // fields can be made from the schema
	Form      *form.Field
	// Text and MediaType are what was written where Mode is not ByForm.
	Text, MediaType string
	// Placed are what is wrong with the payload, Complaint what is wrong with it as a whole.
	Placed    []form.Placed
	Complaint string
	Answer    *Answered
}

// Answered is how a request that was tried was answered.
type Answered struct {
	host.TryResult
	OK         bool
	StatusText string
	Body       legible.Reading
}

// HeaderLine is one header of an answer.
type HeaderLine struct{ Name, Value string }

// Headers are those that a client of the request listener would have got.
func (a *Answered) Headers() []HeaderLine {
	list := []HeaderLine{{"Request-Id", a.RequestID}}
	if a.Type != "" {
		list = append(list, HeaderLine{"Response-Type", a.Type})
	}
	if a.MediaType != "" {
		list = append(list, HeaderLine{"Content-Type", a.MediaType})
	}
	if a.Bytes > 0 {
		list = append(list, HeaderLine{"Content-Length", strconv.Itoa(a.Bytes)})
	}
	return list
}

// trialOf finds the type that r is about.
func (d *Desk) trialOf(r *http.Request) (*Trial, *form.Form, error) {
	h, err := d.Header(r, "types")
	if err != nil {
		return nil, nil, err
	}
	types, err := d.cfg.Host.Types(h.E.ID)
	if err != nil {
		return nil, nil, err
	}
	name := r.PathValue("type")
	at := slices.IndexFunc(types, func(t host.DeclaredType) bool { return t.Type == name && t.Role == "request" && t.Handled })
	if at < 0 {
		return nil, nil, web.NewProblem(http.StatusNotFound, "not_found", "this extension answers no such type")
	}
	t := &Trial{Header: h, Type: declaredOf(h.E.ID, types[at]), Mode: AsItIs}
	for _, other := range types {
		if want := t.Type.Response; other.Role == "response" && want != "" && (other.Type == want || other.Extends == want) {
			t.Responses = append(t.Responses, declaredOf(h.E.ID, other))
		}
	}
	if t.Type.Text.Kind == "" { // no schema
		return t, nil, nil
	}
	t.Mode, t.Text = ByJSON, "{}"
	made, err := form.Parse(t.Type.DeclaredType.Schema)
	if err != nil {
		d.cfg.Log.Warn("no form can be made from the schema of a type", "ext", h.E.ID, "type", name, "error", err)
		return t, nil, nil
	}
	root, err := made.Fill(nil)
	// A form that is one text area of JSON is that already.
	if t.HasForm = err == nil && root.Kind != form.JSON; t.HasForm {
		t.Mode, t.Form = ByForm, root
	}
	return t, made, nil
}

// oneType shows one request type with an empty form.
func (d *Desk) oneType(w http.ResponseWriter, r *http.Request) error {
	t, _, err := d.trialOf(r)
	if err != nil {
		return err
	}
	if t.Mode == ByForm && r.URL.Query().Get("as") == ByJSON {
		t.Mode, t.Text = ByJSON, "{}"
	}
	return d.cfg.Render(w, r, http.StatusOK, "detail-type.html", t.Header, t)
}

// try sends what a person has written and shows what comes of it.
func (d *Desk) try(w http.ResponseWriter, r *http.Request) error {
	control := http.NewResponseController(w)
	web.Allow(control, maxTryTime)
	posted, file, err := tryPosted(w, r)
	if err != nil {
		return err
	}
	t, made, err := d.trialOf(r)
	if err != nil {
		return err
	}
	if t.Mode != AsItIs && (posted.Get("mode") == ByJSON || t.Mode == ByJSON) {
		t.Mode = ByJSON
	}
	payload, ready := t.read(posted, file, made)
	if !ready {
		return d.cfg.Render(w, r, t.status(), "detail-type.html", t.Header, t)
	}
	ctx, cancel := context.WithTimeout(r.Context(), maxTryTime)
	defer cancel()
	who := access.Of(r.Context())
	result, err := d.cfg.Host.Try(ctx, host.TryRequest{
		ID: t.E.ID, Type: t.Type.Type, MediaType: t.MediaType, Payload: payload, Timeout: maxTryTime,
		Actor: web.Actor(r), Roles: []string{string(who.Role)},
	})
	var refused *host.Error
	switch {
	case errors.As(err, &refused):
		t.Complaint = refused.Message
	case err != nil:
		return err
	default:
		t.take(result)
	}
	return d.cfg.Render(w, r, t.status(), "detail-type.html", t.Header, t)
}

// status is that of the page: what was wrong with the form is told to programs, too.
func (t *Trial) status() int {
	if len(t.Placed) > 0 || t.Complaint != "" {
		return http.StatusUnprocessableEntity
	}
	return http.StatusOK
}

// tryPosted reads the form, which may be larger than others, and checks its proof.
func tryPosted(w http.ResponseWriter, r *http.Request) (url.Values, []byte, error) {
	r.Body = http.MaxBytesReader(w, io.NopCloser(web.Whole(r)), maxTryForm)
	var file []byte
	err := r.ParseForm()
	if err == nil {
		if err = r.ParseMultipartForm(maxTryForm); errors.Is(err, http.ErrNotMultipart) {
			err = nil
		}
	}
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, nil, web.NewProblem(http.StatusRequestEntityTooLarge, host.CodeTooLarge, fmt.Sprintf("at most %d bytes can be tried here", host.MaxTry))
	case err != nil:
		return nil, nil, web.Invalid("the form can not be read")
	}
	if err := web.CheckProof(r); err != nil {
		return nil, nil, err
	}
	if r.MultipartForm != nil {
		defer r.MultipartForm.RemoveAll() // nothing of it is on disk: it fits into memory
		for _, head := range r.MultipartForm.File["file"] {
			part, err := head.Open()
			if err != nil {
				return nil, nil, err
			}
			file, err = io.ReadAll(part) // bounded by the form
			if err = errors.Join(err, part.Close()); err != nil {
				return nil, nil, err
			}
		}
	}
	return r.PostForm, file, nil
}

// read takes the payload from what was posted. It is not ready to be sent when a button
// has asked for another form, or something is wrong.
func (t *Trial) read(posted url.Values, file []byte, made *form.Form) (payload []byte, ready bool) {
	as := posted.Get("as")
	switch t.Mode {
	case AsItIs:
		t.Text, t.MediaType = posted.Get("payload"), strings.TrimSpace(posted.Get("media"))
		payload = []byte(t.Text)
		if len(file) > 0 {
			payload = file
		}
		return payload, true
	case ByJSON:
		t.Text = posted.Get("payload")
		value := json.RawMessage(strings.TrimSpace(t.Text))
		switch {
		case !json.Valid(value):
			t.Complaint = jsonComplaint(value)
			return nil, false
		case as == ByForm && t.HasForm:
			root, err := made.Fill(value)
			if err != nil || root.Kind == form.JSON {
				t.Complaint = "this JSON does not fit into the form"
				return nil, false
			}
			t.Mode, t.Form = ByForm, root
			return nil, false
		}
		return value, true
	}
	t.Form = made.Refill(posted)
	if form.Restructures(posted) {
		return nil, false
	}
	value, wrong := made.Decode(posted)
	if len(wrong) > 0 {
		t.Placed = t.Form.Place(wrong)
		return nil, false
	}
	if as == ByJSON {
		var b bytes.Buffer
		if json.Indent(&b, value, "", "  ") == nil {
			t.Mode, t.Text = ByJSON, b.String()
		}
		return nil, false
	}
	return value, true
}

// jsonComplaint says where a text ceases to be JSON.
func jsonComplaint(text []byte) string {
	var any json.RawMessage
	var syntax *json.SyntaxError
	if err := json.Unmarshal(text, &any); errors.As(err, &syntax) {
		before := string(text[:min(int(syntax.Offset), len(text))])
		line := strings.Count(before, "\n") + 1
		column := utf8.RuneCountInString(before[strings.LastIndex(before, "\n")+1:])
		return fmt.Sprintf("line %d, column %d: %s", line, column, syntax.Error())
	}
	return "this is no JSON"
}

// take shows how the request was answered, and what is wrong with it beside its fields.
func (t *Trial) take(result host.TryResult) {
	t.Answer = &Answered{
		TryResult: result, OK: result.Code == "ok", StatusText: http.StatusText(result.Status),
		Body: legible.Payload(result.MediaType, result.Payload),
	}
	if t.Mode != ByForm || len(result.Errors) == 0 {
		return
	}
	var wrong []form.Error
	for _, v := range result.Errors {
		wrong = append(wrong, form.Error{Pointer: v.Pointer, Message: v.Message})
	}
	t.Placed = t.Form.Place(wrong)
}
