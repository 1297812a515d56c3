package stores

import (
	"testing"

	"github.com/jackfield-host/jackfield/host"
)

// A repository is forgotten by who was asked whether to, and of those that there are only.
func TestForget(t *testing.T) {
	off := acme()
	off.Name, off.Enabled = "off", false
	h := &house{t: t, repositories: []host.Repository{acme(), off}}
	if got := shown[Forget](t, h.ask(admin(), "GET", "/admin/repositories/acme/forget", nil)); got.Name != "acme" {
		t.Errorf("it is asked about %+v", got)
	}
	for _, name := range []string{"off", "nobody"} {
		if a := h.ask(admin(), "GET", "/admin/repositories/"+name+"/forget", nil); a.code() != host.CodeNotFound {
			t.Errorf("about %s it is asked: %+v", name, a)
		}
	}
	var forgotten string
	h.forget = func(name string, by host.Actor) (host.Repository, error) {
		forgotten = by.Name + " " + name
		return acme(), nil
	}
	if a := h.ask(admin(), "POST", "/admin/repositories/acme/forget", nil); a.err != nil || forgotten != "ada acme" || a.to != RepositoriesPath || a.left != "ok forgotten acme" {
		t.Errorf("%q was forgotten: %+v", forgotten, a)
	}
	h.forget = func(string, host.Actor) (host.Repository, error) {
		return host.Repository{}, &host.Error{Code: host.CodeNotFound, Message: "there is no such repository"}
	}
	if a := h.ask(admin(), "POST", "/admin/repositories/acme/forget", nil); a.err == nil || a.to != "" || a.left != "" {
		t.Errorf("what could not be forgotten: %+v", a)
	}
}
