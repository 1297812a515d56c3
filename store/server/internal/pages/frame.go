package pages

import (
	"net/url"

	"github.com/jackfield-host/jackfield/internal/language"
)

// view is one page. Its template shows {{template "top" .}}, what is its own, and
// {{template "bottom" .}}; within, $ is the frame, and .Data what the view brings.
type view struct {
	Template string
	Status   int    // 0 for 200
	Title    string // the page's own, in the language of the reader
	// Description is for search engines and previews: plain text.
	Description string
	Section     string // entry of the navigation
	// Trail leads to the page; the page itself is not in it.
	Trail []link
	// Feed is the address of an Atom feed about the page.
	Feed string
	// Others are queries that stay when the language is switched.
	Others url.Values
	// NoIndex keeps search engines away.
	NoIndex bool
	Data    any
	// Body is the page itself for what is no HTML, and Media its type.
	Body  []byte
	Media string
}

// link leads somewhere in the store.
type link struct{ Text, Href string }

// frame is a view with what is around it.
type frame struct {
	view
	Language   language.Language
	Store      string
	Version    string
	Home       string
	Navigation []entry
	Switch     []choice
	Style      string // addresses of the style sheets and the mark
	Look, Mark string
	SearchPath string
	Chosen     string // language that forms keep
	words      *language.Words
}

// entry is one link of the navigation.
type entry struct {
	Key, Href string
	Current   bool
}

// choice is one language of the switch.
type choice struct {
	Language language.Language
	Href     string
	Current  bool
}

func (p *Pages) frame(asked request, v view) *frame {
	who := asked.who
	f := &frame{
		view: v, Language: who.language, Store: p.cfg.Name, Version: p.cfg.Version, Home: p.path(who),
		Style: p.staticPath("store.css"), Look: p.staticPath("look.css"), Mark: p.staticPath("jackfield.svg"),
		SearchPath: p.prefix + "/", Chosen: who.chosen, words: p.languages[who.language].words,
	}
	f.Navigation = []entry{
		{"nav.extensions", p.path(who), v.Section == "extensions"},
		{"nav.labels", p.path(who, "labels"), v.Section == "labels"},
	}
	if p.cfg.Desk != nil {
		f.Navigation = append(f.Navigation, entry{"nav.submissions", p.path(who, "submissions"), v.Section == "submissions"})
	}
	f.Navigation = append(f.Navigation, entry{"nav.about", p.path(who, "about"), v.Section == "about"})
	here := asked.URL.EscapedPath()
	if v.Status != 0 {
		here = p.prefix + "/" // whatever the address is that there is no page at
	}
	for _, l := range language.Languages() {
		others := url.Values{"lang": {string(l)}}
		for name, values := range v.Others {
			others[name] = values
		}
		f.Switch = append(f.Switch, choice{l, here + "?" + others.Encode(), l == who.language})
	}
	return f
}

// Here reports that the page is the one that its section leads to.
func (f *frame) Here() bool { return len(f.Trail) == 0 }

// Shot is what a screenshot is called, for those who do not see it: the i-th of n, from 0.
func (f *frame) Shot(i, n int) string { return f.words.Say("listing.screenshot", i+1, n) }

// Folder and Properties are where a host has its trust and its settings.
func (f *frame) Folder() string     { return "conf/trust" }
func (f *frame) Properties() string { return "conf/jackfield.properties" }
