package e2e

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/bundle/bundletest"
)

// story is how an extension, or a file, comes into a state, and how a person gets it out
// of it from the overview.
type story struct {
	// state is the key of words.
	state string
	// begin brings something into the state and returns its id.
	begin func(h *home) string
	// mend does what is to be done outside of the page, before the offer is taken; nil
	// for nothing.
	mend func(h *home)
	// look finds what is said where the overview has no entry; nil reads the entry.
	look func(p *person, id string)
	// take takes the offer; nil presses the button.
	take func(p *person, id string)
	// end is the state after it, "" for gone, and of what: "" for the id of before.
	end, of string
}

// TestEveryState: a person who sees nothing but the overview finds why an extension does
// not run, and mends it with what is offered there.
func TestEveryState(t *testing.T) {
	t.Parallel()
	h := serve(t)
	other := newPublisher(t, "Other Sensors", "other.example")
	p := visit(t, h)
	untold := states()
	for _, s := range stories(t, other) {
		untold = slices.DeleteFunc(untold, func(state string) bool { return state == s.state })
		t.Run(s.state, func(t *testing.T) { p.as(t).live(s) })
	}
	for _, message := range p.Complaints() {
		if strings.Contains(message, "404 (Not Found)") && strings.Contains(message, "/admin/extensions/"+idOf("gone")) {
			continue // the page of what is removed, which is there and says so
		}
		t.Errorf("the browser complains: %s", message)
	}
	if len(untold) > 0 {
		t.Errorf("no story is about %v", untold)
	}
}

// states are those of host.md.
func states() []string {
	return strings.Fields("pending waiting starting running draining stopped backoff failed conflict unsupported refused removed")
}

// live is one story.
func (p *person) live(s story) {
	p.t.Helper()
	h, said := p.home, words()[s.state]
	id := s.begin(h)
	p.open("/admin/")
	if s.look != nil {
		s.look(p, id)
	} else {
		p.reads(id, said)
	}
	if s.mend != nil {
		s.mend(h)
	}
	switch {
	case s.take != nil:
		s.take(p, id)
	case said.offer != "":
		p.press(id, said)
	}
	id = cmp.Or(s.of, id)
	h.awaitState(id, s.end)
	p.open("/admin/")
	switch s.end {
	case "":
		p.Until(id+" is gone from the overview", scripted(`!page.rowOf(%s) && !page.entry(%s)`, id, id))
	case "running":
		p.Until("all is well with "+id, scripted(`!page.entry(%s) && page.says(page.rowOf(%s)).includes("running")`, id, id))
	default:
		p.Until(id+" is "+s.end, scripted(`page.says(page.rowOf(%s)).includes(%s)`, id, words()[s.end].badge))
	}
}

// scripted is an expression with quoted strings in it that can use scripts.
func scripted(expression string, strs ...string) string {
	for _, s := range strs {
		expression = strings.Replace(expression, "%s", quoted(s), 1)
	}
	return "(() => {" + scripts + "return " + expression + "})()"
}

// reads waits until the overview says of an extension what is to be said.
func (p *person) reads(id string, said said) {
	p.t.Helper()
	p.Until("an entry of "+id, scripted(`page.entry(%s) !== undefined`, id))
	for what, text := range map[string]string{"state": said.badge, "title": said.title, "next step": said.next} {
		p.Until("the "+what+" of "+id+": "+text, scripted(`page.says(page.entry(%s)).includes(%s)`, id, text))
	}
	if said.offer != "" {
		p.Until("what helps "+id+": "+said.offer, scripted(`page.button(page.entry(%s), %s) !== undefined`, id, said.offer))
	}
}

// press takes the offer of an entry, or of a row that has none, through the page that
// asks first.
func (p *person) press(id string, said said) {
	p.t.Helper()
	p.click(said.offer, scripted(`page.button(page.entry(%s) ?? page.rowOf(%s), %s)`, id, id, said.offer))
	if said.sure != "" {
		p.click("saying yes", scripted(`page.button(document.querySelector(".ask form"), %s)`, said.sure))
	}
}

// stories are those of all states. Other signs what nobody trusts yet.
func stories(t *testing.T, other *publisher) []story {
	var answered func() int
	cut := func(h *home) ([]byte, int) {
		jar := h.publisher.sign(h.t, "half", pack(h.t, "half", "1.0.0"))
		return jar, len(jar) / 2
	}
	var half []byte
	return []story{
		{
			state: "pending", end: "running", of: idOf("half"),
			begin: func(h *home) string {
				whole, n := cut(h)
				half = whole[n:]
				h.write("extensions/half.jar", whole[:n])
				h.awaitState("half.jar", "pending")
				return "half.jar"
			},
			take: func(p *person, _ string) { // the copy goes on
				p.home.append("extensions/half.jar", half)
			},
		},
		{
			state: "waiting", end: "running", of: idOf("needy"),
			begin: func(h *home) string {
				h.drop("needy.jar", h.publisher.sign(h.t, "needy", pack(h.t, "needy", "1.0.0", bundletest.With("extension_requires", idOf("needed")+" >=1.0"))))
				return h.awaitFile("needy.jar", "waiting")
			},
			take: func(p *person, id string) {
				p.press(id, words()["waiting"])
				p.upload("needed.jar", p.home.publisher.sign(p.t, "needed", pack(p.t, "needed", "1.0.0")))
			},
		},
		{
			state: "starting", end: "running",
			begin: func(h *home) string {
				h.install("slow", "starting", mood("slow"))
				return idOf("slow")
			},
			mend: func(h *home) { h.setMood("slow", "well") },
		},
		{
			state: "running", end: "stopped",
			begin: func(h *home) string {
				h.install("well", "running")
				return idOf("well")
			},
			look: func(p *person, id string) {
				p.Until("the row of "+id, scripted(`!page.entry(%s) && page.says(page.rowOf(%s)).includes(%s)`, id, id, words()["running"].badge))
			},
			take: func(p *person, id string) { p.disable(id) },
		},
		{
			state: "draining", end: "stopped",
			begin: func(h *home) string {
				h.install("busy", "running")
				h.setMood("busy", "hold")
				answered = h.request("busy", "{}")
				h.awaitInFlight("busy")
				if status, text := h.ask("POST", "/api/v1/extensions/"+idOf("busy")+"/disable"); status != 200 {
					h.t.Fatalf("disabling: %d %s", status, text)
				}
				h.awaitState(idOf("busy"), "draining")
				return idOf("busy")
			},
			mend: func(h *home) {
				h.setMood("busy", "well")
				if status := answered(); status != 200 {
					h.t.Errorf("the request under way while it drained was answered %d", status)
				}
			},
		},
		{
			state: "stopped", end: "running",
			begin: func(h *home) string {
				h.install("off", "running")
				if status, text := h.ask("POST", "/api/v1/extensions/"+idOf("off")+"/disable?wait=true"); status != 200 {
					h.t.Fatalf("disabling: %d %s", status, text)
				}
				return idOf("off")
			},
		},
		{
			state: "backoff", end: "running",
			begin: func(h *home) string {
				h.install("crashing", "running")
				h.setMood("crashing", "crash")
				h.request("crashing", "{}")()
				h.await("it was started again at once", func() bool {
					r := h.row(idOf("crashing"))
					return r.Restarts == 1 && r.State == "running"
				})
				h.request("crashing", "{}")()
				h.awaitState(idOf("crashing"), "backoff")
				return idOf("crashing")
			},
			mend: func(h *home) { h.setMood("crashing", "well") },
		},
		{
			state: "failed", end: "",
			begin: func(h *home) string {
				h.drop("letter.jar", bytes.Repeat([]byte("Dear administrator, "), 500))
				h.awaitState("letter.jar", "failed")
				return "letter.jar"
			},
		},
		{
			state: "consent", end: "running",
			begin: func(h *home) string {
				h.install("asking", "running", bundletest.With("extension_permissions", "kv"))
				h.drop("asking.jar", h.publisher.sign(h.t, "asking", pack(h.t, "asking", "2.0.0", bundletest.With("extension_permissions", "kv, net:api.example:443"))))
				h.await("version 2.0.0 waits", func() bool {
					r := h.row(idOf("asking"))
					return r.Consent != nil && r.Consent.Version == "2.0.0"
				})
				return idOf("asking")
			},
		},
		{
			state: "conflict", end: "",
			begin: func(h *home) string {
				h.install("first", "running", bundletest.With("extension_name", "Twin"))
				h.drop("second.jar", h.publisher.sign(h.t, "second", pack(h.t, "second", "1.0.0", bundletest.With("extension_name", "Twin"))))
				return h.awaitFile("second.jar", "conflict")
			},
		},
		{
			state: "unsupported", end: "running", of: idOf("foreign"),
			begin: func(h *home) string {
				jar := bundletest.Good(bundletest.With("extension_class", idOf("foreign")), bundletest.With("extension_request", typeOf("foreign")),
					bundletest.With("extension_name", "Sensor foreign"), bundletest.Without("bin/linux-amd64/extension"),
					func(c *bundletest.Content) { clear(c.Files) }, bundletest.WithFile("bin/windows-arm64/extension.exe", []byte("MZ")))
				h.drop("foreign.jar", h.publisher.sign(h.t, "foreign", jar))
				return h.awaitFile("foreign.jar", "unsupported")
			},
			take: func(p *person, id string) {
				p.press(id, words()["unsupported"])
				p.upload("foreign.jar", p.home.publisher.sign(p.t, "foreign", pack(p.t, "foreign", "1.1.0")))
			},
		},
		{
			state: "refused", end: "running", of: idOf("stranger"),
			begin: func(h *home) string {
				h.drop("stranger.jar", other.sign(h.t, "stranger", pack(h.t, "stranger", "1.0.0")))
				return h.awaitFile("stranger.jar", "refused")
			},
			mend: func(h *home) { h.write("conf/trust/other.pem", other.root) },
		},
		{
			state: "removed", end: "running",
			begin: func(h *home) string {
				h.install("gone", "running")
				h.remove("extensions/gone.jar")
				h.awaitState(idOf("gone"), "")
				return idOf("gone")
			},
			look: func(p *person, id string) { // it is not there; its page still is
				p.Until(id+" is not listed", scripted(`document.querySelector("main") && !page.rowOf(%s) && !page.entry(%s)`, id, id))
				p.open("/admin/extensions/" + id)
				p.Until("the page says that it is removed", scripted(`page.says(document.querySelector("main")).toLowerCase().includes(%s)`, words()["removed"].badge))
			},
			take: func(p *person, _ string) {
				p.open("/admin/install")
				p.upload("gone.jar", p.home.publisher.sign(p.t, "gone", pack(p.t, "gone", "1.0.0")))
			},
		},
	}
}
