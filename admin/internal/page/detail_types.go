package page

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

// declared is one type as it is shown.
type declared struct {
	host.DeclaredType
	URL    string // of its page; "" for what nobody can ask for
	Schema legible.Table
	// Text is the schema as it stands, laid out.
	Text legible.Reading
}

func declaredOf(id string, t host.DeclaredType) declared {
	d := declared{DeclaredType: t, Schema: legible.Schema(t.Schema)}
	if len(t.Schema) > 0 && string(t.Schema) != "null" {
		d.Text = legible.Payload("application/json", t.Schema)
	}
	if t.Handled && t.Role == "request" {
		d.URL = detailURL(id, "types", t.Type)
	}
	return d
}

// detailTypes lists the types of an extension.
func (p *Pages) detailTypes(w http.ResponseWriter, r *http.Request) error {
	d, err := p.detailOf(r, "types")
	if err != nil {
		return err
	}
	types, err := p.cfg.Host.Types(d.E.ID)
	if err != nil {
		return err
	}
	view := struct {
		detail
		Requests, Responses []declared
	}{detail: d}
	for _, t := range types {
		if t.Role == "request" {
			view.Requests = append(view.Requests, declaredOf(d.E.ID, t))
			continue
		}
		view.Responses = append(view.Responses, declaredOf(d.E.ID, t))
	}
	return p.render(w, http.StatusOK, "detail-types.html", view)
}

// How the payload of a request is written.
const (
	tryForm   = "form"   // fields made from the schema
	tryJSON   = "json"   // a text of JSON
	tryOpaque = "opaque" // any text, or a file
)

// trial is the page of one request type, with the form to try it.
type trial struct {
	detail
	Type      declared
	Responses []declared // that it may be answered with
	Mode      string     // tryForm, tryJSON or tryOpaque
	HasForm   bool       // fields can be made from the schema
	Form      *form.Field
	// Text and MediaType are what was written where Mode is not tryForm.
	Text, MediaType string
	// Placed are what is wrong with the payload, Complaint what is wrong with it as a whole.
	Placed    []form.Placed
	Complaint string
	Answer    *answered
}

// answered is how a request that was tried was answered.
type answered struct {
	host.TryResult
	OK         bool
	StatusText string
	Body       legible.Reading
}

// trialOf finds the type that r is about.
func (p *Pages) trialOf(r *http.Request) (*trial, *form.Form, error) {
	d, err := p.detailOf(r, "types")
	if err != nil {
		return nil, nil, err
	}
	types, err := p.cfg.Host.Types(d.E.ID)
	if err != nil {
		return nil, nil, err
	}
	name := r.PathValue("type")
	at := slices.IndexFunc(types, func(t host.DeclaredType) bool { return t.Type == name && t.Role == "request" && t.Handled })
	if at < 0 {
		return nil, nil, web.NewProblem(http.StatusNotFound, "not_found", "this extension answers no such type")
	}
	t := &trial{detail: d, Type: declaredOf(d.E.ID, types[at]), Mode: tryOpaque}
	for _, other := range types {
		if want := t.Type.Response; other.Role == "response" && want != "" && (other.Type == want || other.Extends == want) {
			t.Responses = append(t.Responses, declaredOf(d.E.ID, other))
		}
	}
	if t.Type.Text.Kind == "" { // no schema
		return t, nil, nil
	}
	t.Mode = tryJSON
	made, err := form.Parse(t.Type.DeclaredType.Schema)
	if err != nil {
		p.cfg.Log.Warn("no form can be made from the schema of a type", "ext", d.E.ID, "type", name, "error", err)
		return t, nil, nil
	}
	root, err := made.Fill(nil)
	// The root of another kind has no name for a control: a name that is empty is not sent.
	if t.HasForm = err == nil && root.Kind == form.Group; t.HasForm {
		t.Mode, t.Form = tryForm, root
	}
	return t, made, nil
}

// detailType shows one request type with an empty form.
func (p *Pages) detailType(w http.ResponseWriter, r *http.Request) error {
	t, _, err := p.trialOf(r)
	if err != nil {
		return err
	}
	if t.Mode == tryForm && r.URL.Query().Get("as") == tryJSON {
		t.Mode, t.Text = tryJSON, "{}"
	}
	return p.render(w, http.StatusOK, "detail-type.html", t)
}

// detailTry sends what a person has written and shows what comes of it.
func (p *Pages) detailTry(w http.ResponseWriter, r *http.Request) error {
	control := http.NewResponseController(w)
	web.Allow(control, maxTryTime)
	posted, file, err := tryPosted(w, r)
	if err != nil {
		return err
	}
	t, made, err := p.trialOf(r)
	if err != nil {
		return err
	}
	if t.Mode != tryOpaque && (posted.Get("mode") == tryJSON || t.Mode == tryJSON) {
		t.Mode = tryJSON
	}
	payload, ready := t.read(posted, file, made)
	if !ready {
		return p.render(w, t.status(), "detail-type.html", t)
	}
	ctx, cancel := context.WithTimeout(r.Context(), maxTryTime)
	defer cancel()
	who := access.Of(r.Context())
	result, err := p.cfg.Host.Try(ctx, host.TryRequest{
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
	return p.render(w, t.status(), "detail-type.html", t)
}

// status is that of the page: what was wrong with the form is told to programs, too.
func (t *trial) status() int {
	if len(t.Placed) > 0 || t.Complaint != "" {
		return http.StatusUnprocessableEntity
	}
	return http.StatusOK
}

// tryPosted reads the form, which may be larger than others, and checks its proof.
func tryPosted(w http.ResponseWriter, r *http.Request) (url.Values, []byte, error) {
	r.Body = http.MaxBytesReader(w, io.NopCloser(web.Whole(r)), maxTryForm)
	var file []byte
	err := r.ParseMultipartForm(maxTryForm)
	if errors.Is(err, http.ErrNotMultipart) {
		err = r.ParseForm()
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
func (t *trial) read(posted url.Values, file []byte, made *form.Form) (payload []byte, ready bool) {
	as := posted.Get("as")
	switch t.Mode {
	case tryOpaque:
		t.Text, t.MediaType = posted.Get("payload"), strings.TrimSpace(posted.Get("media"))
		payload = []byte(t.Text)
		if len(file) > 0 {
			payload = file
		}
		return payload, true
	case tryJSON:
		t.Text = posted.Get("payload")
		value := json.RawMessage(strings.TrimSpace(t.Text))
		switch {
		case !json.Valid(value):
			t.Complaint = jsonComplaint(value)
			return nil, false
		case as == tryForm && t.HasForm:
			root, err := made.Fill(value)
			if err != nil || root.Kind != form.Group {
				t.Complaint = "this JSON does not fit into the form"
				return nil, false
			}
			t.Mode, t.Form = tryForm, root
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
	if as == tryJSON {
		var b bytes.Buffer
		if json.Indent(&b, value, "", "  ") == nil {
			t.Mode, t.Text = tryJSON, b.String()
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
func (t *trial) take(result host.TryResult) {
	t.Answer = &answered{
		TryResult: result, OK: result.Code == "ok", StatusText: http.StatusText(result.Status),
		Body: legible.Payload(result.MediaType, result.Payload),
	}
	if t.Mode != tryForm || len(result.Errors) == 0 {
		return
	}
	var wrong []form.Error
	for _, v := range result.Errors {
		wrong = append(wrong, form.Error{Pointer: v.Pointer, Message: v.Message})
	}
	t.Placed = t.Form.Place(wrong)
}
