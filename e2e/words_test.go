package e2e

// What the stories look for in the pages, all of it: words in English, and where they
// stand.

// atOverview is true on the overview of somebody who is signed in.
const atOverview = `location.pathname === "/admin/" && document.querySelector("#token, #password") === null`

// scripts find things in the pages. entry is what the overview says of an extension that
// is not well, rowOf its line in the table; button is a button or link by what it says.
const scripts = `
const page = {
  of: (selector, id) => [...document.querySelectorAll(selector)].find(e => [...e.querySelectorAll("a[href]")].some(a => decodeURIComponent(a.pathname) === "/admin/extensions/" + id)),
  entry: id => page.of("#entries article", id),
  rowOf: id => page.of("#rows tr", id),
  says: e => e ? e.textContent.replace(/[\u2066-\u2069]/g, "").replace(/\s+/g, " ").trim() : "",
  label: b => { const c = b.cloneNode(true); c.querySelectorAll(".unseen").forEach(u => u.remove()); return page.says(c); },
  button: (e, label) => e ? [...e.querySelectorAll("a[href], button")].find(b => page.label(b) === label) : undefined,
};
`

// said is what the overview says of each state, and what it offers.
type said struct {
	badge string // the word for the state
	title string // what happened, in a few words
	next  string // what to do about it, a part of the sentence
	offer string // the button or link that helps, "" where nothing is to be done
	// sure is the button of the page that asks first, "" where none does.
	sure string
}

// words has every state of host.md.
func words() map[string]said {
	return map[string]said{
		"pending":     {badge: "pending", title: "Its file is still being copied", next: "it is taken up by itself"},
		"waiting":     {badge: "waiting", title: "It needs another extension", next: "it starts by itself then", offer: "Install what is missing"},
		"starting":    {badge: "starting", title: "It starts", next: "this takes seconds"},
		"running":     {badge: "running", offer: "Disable", sure: "Disable"},
		"draining":    {badge: "draining", title: "It finishes its last requests", next: "after timeouts.drain"},
		"stopped":     {badge: "stopped", title: "It is switched off", next: "Enable it", offer: "Enable"},
		"backoff":     {badge: "backing off", title: "It keeps crashing", next: "If an earlier version worked, roll back", offer: "Try again now"},
		"failed":      {badge: "failed", title: "This is no bundle", next: "Remove it, or put the right file in its place", offer: "Remove this file", sure: "Remove"},
		"consent":     {badge: "running", title: "It asks for more than it was allowed", next: "Allow what it asks if you trust it", offer: "Allow"},
		"conflict":    {badge: "conflict", title: "Another extension has this name", next: "Remove one of the two files", offer: "Remove this file", sure: "Remove"},
		"unsupported": {badge: "unsupported", title: "It has no program for this platform", next: "Install a bundle for this platform", offer: "Install another version"},
		"refused":     {badge: "refused", title: "Nobody here trusts its signer", next: "put its root certificate into conf/trust", offer: "Check the signature again"},
		"removed":     {badge: "removed", title: "", next: "", offer: "Install another version"},
	}
}
