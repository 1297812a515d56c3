package resolver

import (
	"fmt"
	"strings"
)

// maxWhy is how many reasons of a chain are written down before its end.
const maxWhy = 8

// reasons says why each choice of a plan was made.
type reasons struct {
	u      *universe
	s      *search
	chosen map[string]*candidate
	links  map[string]*link
}

// link is one reason and the way from it to what was asked.
type link struct {
	text   string
	next   *link // nil at the end
	end    *link
	length int
}

// why is the chain of reasons for a choice, to what was asked; of a long one the middle is
// left out.
func (w *reasons) why(c *candidate) []string {
	var chain []string
	first := w.link(c)
	for l := first; l != nil; l = l.next {
		if len(chain) == maxWhy && l.next != nil {
			chain = append(chain, fmt.Sprintf("and so on, %d times", l.length-1))
			l = l.end
		}
		chain = append(chain, l.text)
	}
	return chain
}

// link is the first reason of a choice.
func (w *reasons) link(c *candidate) *link {
	if l, done := w.links[c.ID]; done {
		return l // nil for one that leads back to itself: the chain ends there
	}
	w.links[c.ID] = nil
	l := &link{length: 1}
	l.end = l
	if text := w.root(c); text != "" {
		l.text = text
	} else {
		e := w.moved(c)
		if e == nil {
			return nil // cannot happen: what nobody needs is not chosen
		}
		l.text = sentence(w.u, e)
		if e.by.ID == c.ID { // what the installed version needs is not there any more
			l.text += ", so it can not stay"
		} else if l.next = w.link(e.by); l.next != nil {
			l.end, l.length = l.next.end, l.next.length+1
		}
	}
	w.links[c.ID] = l
	return l
}

// root is why a choice was made that no other one made necessary, "" if it was not so.
func (w *reasons) root(c *candidate) string {
	role := w.u.roleOf(c.ID)
	switch {
	case c.current && (role == kept || w.u.installed[c.ID].Pinned):
		return stays(w.u.installed[c.ID])
	case c.current:
		return c.ID + " is installed in the highest version that there is a plan for"
	case role == named && w.u.asks[c.ID] != nil:
		return "you ask for " + askText(w.u.asks[c.ID])
	case role == named:
		return "you ask to update " + c.ID
	case role == updated:
		return "you ask to update everything"
	}
	return ""
}

// moved is the need because of which a choice was made that nobody asked for: the one that
// brought it in, or one that what is installed does not meet.
func (w *reasons) moved(c *candidate) *edge {
	current := w.u.pool(c.ID).current
	if current == nil {
		return w.s.queued[c.ID]
	}
	for _, e := range w.s.demands[c.ID] {
		if e.by != c && !e.allows(current) {
			return e
		}
	}
	for _, e := range current.edges {
		other := w.chosen[e.ID]
		if e.ID == c.ID {
			other = current // it never met its own need
		}
		if other == nil && !e.Optional || other != nil && !e.allows(other) {
			return &edge{Need: e.Need, by: current}
		}
	}
	return nil
}

func stays(i *Installed) string {
	switch {
	case i.Pinned:
		return i.ID + " is installed and pinned"
	case i.Held:
		return i.ID + " is installed and held"
	}
	return i.ID + " is installed and fits"
}

func askText(a *Ask) string {
	if a.Version == nil {
		return a.ID
	}
	return a.ID + " " + a.Version.String()
}

// sentence says who needs what: "org.a 2.0, installed, needs org.b >=3".
func sentence(u *universe, e *edge) string {
	if e.by == nil {
		return "you ask for " + strings.TrimSpace(e.ID+" "+constraintText(e.Version))
	}
	return fmt.Sprintf("%s needs %s", subject(u, e.by), needText(e.Need))
}

func needText(n Need) string {
	text := strings.TrimSpace(n.ID + " " + constraintText(n.Version))
	if n.Optional {
		text += " if it is there"
	}
	return text
}

// subject names a release and how it comes into it.
func subject(u *universe, c *candidate) string {
	text := c.ID + " " + c.Version
	i := u.installed[c.ID]
	switch {
	case c.current && i.Pinned:
		return text + ", installed and pinned,"
	case c.current && i.Held:
		return text + ", installed and held,"
	case c.current:
		return text + ", installed,"
	case u.asks[c.ID] != nil:
		return text + ", asked for,"
	}
	return text
}
