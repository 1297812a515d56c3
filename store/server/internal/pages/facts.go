package pages

import (
	"slices"
	"strings"

	"github.com/jackfield-host/jackfield/store"
)

// facts are what a release is and wants.
type facts struct {
	Platforms   []string
	InHost      bool // it runs in a host, which is no platform to people
	Size        int64
	Permissions []permission
	// Declares says that its format has permissions at all.
	Declares bool
	Requires []requirement
	Requests,
	Responses []string
	MoreTypes int
	Files     []file
	SignerKey string
}

// permission is one in words: the key of a message and what stands in it.
type permission struct{ Name, Key, Of string }

// requirement is one dependency: its id, where its page is, and the rest of what the
// author wrote.
type requirement struct{ ID, Href, Rest string }

// file is one file of a release.
type file struct {
	store.File
	Download string // empty where it is not offered
}

// factsOf are the facts of a release; its files are linked if they can be had.
func (p *Pages) factsOf(asked request, e Entry, r *store.Release, had bool) facts {
	f := facts{Declares: e.Format == store.FormatBundle}
	for _, x := range r.Files[:min(len(r.Files), maxItems)] {
		f.Size = max(f.Size, x.Size)
		for _, platform := range x.Platforms {
			if platform == "server" {
				f.InHost = true
			} else if len(f.Platforms) < maxItems && !slices.Contains(f.Platforms, platform) {
				f.Platforms = append(f.Platforms, platform)
			}
		}
		one := file{File: x}
		if had {
			one.Download = p.download(e.ID, r, x)
		}
		f.Files = append(f.Files, one)
	}
	for _, name := range r.Permissions[:min(len(r.Permissions), maxItems)] {
		f.Permissions = append(f.Permissions, permissionOf(name))
	}
	for _, item := range r.Requires[:min(len(r.Requires), maxItems)] {
		f.Requires = append(f.Requires, p.requirementOf(asked, item))
	}
	for _, t := range r.Types {
		switch {
		case len(f.Requests)+len(f.Responses) == maxTypes:
			f.MoreTypes++
		case t.Role == "request":
			f.Requests = append(f.Requests, t.Name)
		default:
			f.Responses = append(f.Responses, t.Name)
		}
	}
	return f
}

// permissionOf is a permission (docs/bundle.md) in words.
func permissionOf(name string) permission {
	kind, of, _ := strings.Cut(name, ":")
	switch kind {
	case "kv", "events":
		if of == "" {
			return permission{name, "permission." + kind, ""}
		}
	case "net", "sql", "call":
		if of != "" {
			return permission{name, "permission." + kind, of}
		}
	}
	return permission{name, "permission.other", name}
}

// requirementOf reads as much of a dependency as a link needs, in the grammar of any
// format: the id stands in front.
func (p *Pages) requirementOf(asked request, item string) requirement {
	end := strings.IndexAny(item, " \t<>=;")
	if end < 0 {
		end = len(item)
	}
	r := requirement{ID: item[:end], Rest: strings.TrimSpace(item[end:])}
	if e, ok := asked.now.Listing(r.ID); ok {
		r.Href = p.path(asked.who, "extensions", e.ID)
	}
	return r
}

// download is where the file of a release is: a route of the native API, in which a
// platform chooses among several files.
func (p *Pages) download(id string, r *store.Release, f store.File) string {
	address := p.prefix + "/api/v1/listings/" + segment(id) + "/releases/" + segment(r.Version) + "/download"
	if len(r.Files) > 1 && len(f.Platforms) > 0 && len(f.Platforms[0]) <= maxName {
		address = withQuery(address, "platform", f.Platforms[0])
	}
	return address
}
