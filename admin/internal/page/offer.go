package page

import (
	"net/url"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/admin/internal/words"
	"github.com/jackfield-host/jackfield/host"
)

// offer returns the button for what helps. fits is false where it can not help this
// extension, allowed where this person may not use it.
func (h helper) offer(help words.Help) (a action, fits, allowed bool) {
	switch help {
	case words.HelpEnable:
		return h.post(host.VerbEnable, "do.enable")
	case words.HelpRetry:
		if h.e.State == "backoff" {
			return h.post(host.VerbRetry, "do.retry-now")
		}
		return h.post(host.VerbRetry, "do.retry")
	case words.HelpRecheck:
		return h.post(host.VerbRecheck, "do.recheck")
	case words.HelpConsent:
		if h.e.Consent == nil {
			return action{}, false, false
		}
		return h.post(host.VerbConsent, "do.consent", field{"digest", text(h.e.Consent.Digest)})
	case words.HelpUnpin:
		a, _, allowed = h.post(host.VerbUnpin, "do.unpin")
		return a, h.pinned(), allowed
	case words.HelpRollback:
		version := earlier(h.e)
		a, _, allowed = h.link("of.to-version", access.Operate, pathOf(h.e.ID, string(host.VerbRollback))+h.query("version", version), version)
		return a, version != "", allowed
	case words.HelpRemove:
		key := "do.remove"
		if isFile(h.e) || h.e.State == "conflict" || h.e.Reason != nil && h.e.Reason.Code == "held" {
			key = "of.remove-file"
		}
		a, fits, allowed = h.link(key, access.Remove, pathOf(h.e.ID, string(host.VerbRemove))+h.query("", ""))
		a.Kind = "danger"
		return a, fits, allowed
	}
	return h.page(help)
}

// page is a link to a page where more than one button is needed.
func (h helper) page(help words.Help) (a action, fits, allowed bool) {
	switch help {
	case words.HelpConfigure:
		a, _, allowed = h.link("go.configure", access.Configure, pathOf(h.e.ID, "config"))
		return a, !isFile(h.e), allowed
	case words.HelpInstall:
		key := "go.install"
		if h.e.State == "waiting" {
			key = "go.install-need"
		}
		a, fits, _ = h.link(key, access.Install, "/admin/install")
		return a, fits, h.who.May(access.Install, "") // of the host, not of one extension
	case words.HelpLogs:
		a, _, allowed = h.link("go.logs", access.See, pathOf(h.e.ID, "logs"))
		return a, !isFile(h.e), allowed
	case words.HelpTrust:
		return h.link("go.trust", access.See, pathOf(h.e.ID, "trust"))
	}
	return action{}, false, false
}

// post is the form of a verb. Who has no session gets none.
func (h helper) post(verb host.Verb, key string, fields ...field) (a action, fits, allowed bool) {
	fields = append([]field{{"proof", h.who.Proof}, {"back", h.back}}, fields...)
	a = action{Label: h.w.Say(key), Post: pathOf(h.e.ID, string(verb)), Fields: fields}
	return a, true, h.who.Proof != "" && h.who.May(web.RightOf(verb), h.e.ID)
}

func (h helper) link(key string, right access.Right, href string, args ...any) (a action, fits, allowed bool) {
	return action{Label: h.w.Say(key, args...), Href: href}, true, h.who.May(right, h.e.ID)
}

// query leads back here from a page that asks first.
func (h helper) query(name, value string) string {
	q := url.Values{"back": {h.back}}
	if name != "" {
		q.Set(name, value)
	}
	return "?" + q.Encode()
}

// earlier is the version to roll back to: the first kept one that is not the current.
func earlier(e host.Extension) string {
	for _, v := range e.Versions {
		if !v.Current {
			return v.Version
		}
	}
	return ""
}

func (h helper) pinned() bool {
	for _, v := range h.e.Versions {
		if v.Pinned {
			return true
		}
	}
	return false
}
