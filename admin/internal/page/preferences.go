package page

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/admin/internal/words"
	"github.com/jackfield-host/jackfield/internal/language"
	"github.com/jackfield-host/jackfield/internal/visible"
)

// The cookies in which a browser keeps what its reader prefers, and what is to be said
// on the next page. None of them opens anything.
const (
	languageCookie = "jackfield_language"
	themeCookie    = "jackfield_theme"
	noticeCookie   = "jackfield_notice"
	// preferenceLife is how long a preference is kept, in seconds.
	preferenceLife = 400 * 24 * 60 * 60
)

// preference is the value of a cookie, empty for none.
func preference(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

func setCookie(w http.ResponseWriter, r *http.Request, name, value string, age int) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/admin/", MaxAge: age,
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil,
	})
}

// prefer takes the forms of the switches for language and theme. Strangers have them,
// too: they change nothing but how this browser is answered.
func (p *Pages) prefer(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return web.Invalid("the form can not be read")
	}
	if l := r.PostForm.Get("language"); slices.Contains(language.Languages(), words.Language(l)) {
		setCookie(w, r, languageCookie, l, preferenceLife)
	}
	switch theme := r.PostForm.Get("theme"); theme {
	case "light", "dark":
		setCookie(w, r, themeCookie, theme, preferenceLife)
	case "system":
		setCookie(w, r, themeCookie, "", -1)
	}
	http.Redirect(w, r, local(r.PostForm.Get("back")), http.StatusSeeOther)
	return nil
}

// notice is what is said once, on the page after a form was sent.
type notice struct {
	// Kind is ok or bad.
	Kind string
	Text string
}

// told is a notice as the cookie holds it: a key of words, and what stands in it.
type told struct {
	Kind string   `json:"k"`
	Key  string   `json:"m"`
	Args []string `json:"a"`
}

// leave has the next page say the message with this key, as an ok or bad notice.
func leave(w http.ResponseWriter, r *http.Request, kind, key string, args ...string) {
	for i := range args {
		args[i] = visible.Clip(args[i], 200)
	}
	body, err := json.Marshal(told{kind, key, args})
	if err != nil || len(body) > 2000 {
		return // the page shows the change itself, too
	}
	setCookie(w, r, noticeCookie, base64.RawURLEncoding.EncodeToString(body), 60)
}

// takeNotice returns what a form has left to be said, and has it said only once.
func takeNotice(w http.ResponseWriter, r *http.Request, said *words.Words) *notice {
	value := preference(r, noticeCookie)
	if value == "" {
		return nil
	}
	setCookie(w, r, noticeCookie, "", -1)
	body, err := base64.RawURLEncoding.DecodeString(value)
	var t told
	if err != nil || json.Unmarshal(body, &t) != nil || !said.Has(t.Key) {
		return nil
	}
	args := make([]any, len(t.Args))
	for i, a := range t.Args {
		args[i] = visible.Clip(a, 200)
	}
	if t.Kind != "bad" {
		t.Kind = "ok"
	}
	return &notice{t.Kind, said.Say(t.Key, args...)}
}
