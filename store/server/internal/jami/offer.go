package jami

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/bundle/jpl"
	"github.com/jackfield-host/jackfield/bundle/jpl/abi"
	"github.com/jackfield-host/jackfield/store"
)

// offer is what the store offers of a listing on one platform.
type offer struct {
	listing  *store.Listing
	releases []*store.Release // the newest first, never empty
	file     *store.File      // of the newest
	platform string           // for which file was found, in our names
}

// serverArch is the platform of what runs in a host of ours. No Jami asks for it.
const serverArch = "server"

// arch is what a client calls its platform: a name of Jami's, or one of ours.
type arch struct {
	name      string
	format    store.Format // what is listed for it; empty for an arch that is unknown
	platforms []string     // that it stands for, the more likely first
}

func archOf(name string) arch {
	switch {
	case name == serverArch:
		return arch{name, store.FormatBundle, []string{serverArch}}
	case abi.Known(name):
		return arch{name, store.FormatJami, abi.Platforms(name)}
	case len(abi.Of(name)) > 0:
		return arch{name, store.FormatJami, []string{name}}
	}
	return arch{name: name}
}

// listed are all for which there can be lists.
func listed() []arch {
	all := map[string]bool{serverArch: true}
	for _, name := range abi.Names() {
		all[name] = true
		for _, ours := range abi.Platforms(name) {
			all[ours] = true
		}
	}
	var list []arch
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, archOf(name))
	}
	return list
}

// offerOf finds what is offered of a listing: the published releases that have a file for
// the platform, and only where there is none, those that are deprecated. Jami knows no
// channels, so only what is stable counts.
func offerOf(l *store.Listing, a arch) (offer, bool) {
	if a.format == "" || l.Format != a.format {
		return offer{}, false
	}
	for _, platform := range a.platforms {
		for _, state := range []store.ReleaseState{store.Published, store.Deprecated} {
			o := offer{listing: l, platform: platform}
			for i := range l.Releases {
				r := &l.Releases[i]
				if r.State != state || r.Channel == store.Beta || r.Revoked != "" {
					continue
				}
				file := fileOf(r, platform, a.format)
				if file == nil {
					continue
				}
				if o.file == nil {
					o.file = file
				}
				o.releases = append(o.releases, r)
			}
			if o.file != nil {
				return o, true
			}
		}
	}
	return offer{}, false
}

// fileOf finds the file for a platform. Every bundle runs in a host.
func fileOf(r *store.Release, platform string, format store.Format) *store.File {
	for i := range r.Files {
		if format == store.FormatBundle || slices.Contains(r.Files[i].Platforms, platform) {
			return &r.Files[i]
		}
	}
	return nil
}

// item is one object of a list, and the answer to details. There must be no "status" in
// it: the client would take it for the state of its own row.
type item struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Author      string `json:"author"`
	Version     string `json:"version"`
	Timestamp   string `json:"timestamp"` // compared as text
	IconPath    string `json:"iconPath"`
	Background  string `json:"background"`
}

// release is one object of a list of versions.
type release struct {
	ID        string `json:"id"`
	Version   string `json:"version"`
	Timestamp string `json:"timestamp"`
}

// stamp writes a time so that texts are ordered as times are.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// item makes an object of what is offered, in the first language of chain there is.
func (f *Face) item(id string, author string, texts map[string]store.Text, newest release, chain []string, arch string) item {
	text := texts[""]
	for _, locale := range chain {
		if better, ok := texts[locale]; ok {
			text = better
			break
		}
	}
	query := id + "?arch=" + arch // neither needs escaping: arch is a name of Jami's or ours
	return item{
		ID: id, Name: text.Name, Description: tame(text.Description), Author: author,
		Version: newest.Version, Timestamp: newest.Timestamp,
		IconPath: f.base + "/icons/" + query, Background: f.base + "/backgrounds/" + query,
	}
}

// language reads the header by which Jami says its language: fr_CA, one name without a
// quality. Of a list, as browsers send it, the first one counts.
func language(header string) []string {
	first, _, _ := strings.Cut(header, ",")
	first, _, _ = strings.Cut(first, ";")
	first, _, _ = strings.Cut(strings.TrimSpace(first), ".") // fr_CA.UTF-8
	if len(first) > 35 {
		first = ""
	}
	return jpl.LocaleChain(first)
}
