// Package abi knows Jami's platforms: what they are called, what our names for them are, and
// what Jami extracts of an archive on each. Names lists them, Platforms and Of translate,
// Place says what becomes of an entry.
package abi

import (
	"regexp"
	"slices"
	"strings"
)

// platform is one of Jami's platforms.
type platform struct {
	name      string
	platforms []string // in our names, the more likely first
	library   string   // the library of a plugin, $ for its id
}

// table is the names that are compiled into Jami, and what they run on. arm64-v8a is that
// of every ARM of 64 bits which is not Apple's: a computer that runs Linux, too.
func table() []platform {
	return []platform{
		{"arm64-apple-Darwin", []string{"darwin-arm64"}, "lib$.dylib"},
		{"arm64-v8a", []string{"linux-arm64", "android-arm64"}, "lib$.so"},
		{"armeabi", []string{"android-arm"}, "lib$.so"},
		{"armeabi-v7a", []string{"android-arm", "linux-arm"}, "lib$.so"},
		{"iphone", []string{"ios-arm64"}, "lib$.dylib"},
		{"x64-windows", []string{"windows-amd64"}, "$.dll"},
		{"x86", []string{"android-386"}, "lib$.so"},
		{"x86-linux-gnu", []string{"linux-386"}, "lib$.so"},
		{"x86_64", []string{"android-amd64"}, "lib$.so"},
		{"x86_64-apple-Darwin", []string{"darwin-amd64"}, "lib$.dylib"},
		{"x86_64-linux-gnu", []string{"linux-amd64"}, "lib$.so"},
	}
}

func find(name string) (platform, bool) {
	list := table()
	i := slices.IndexFunc(list, func(p platform) bool { return p.name == name })
	if i < 0 {
		return platform{}, false
	}
	return list[i], true
}

// Names lists the names that Jami has for its platforms, sorted.
func Names() []string {
	var names []string
	for _, p := range table() {
		names = append(names, p.name)
	}
	return names
}

// Known reports whether name is one of Names.
func Known(name string) bool {
	_, ok := find(name)
	return ok
}

// Platforms returns our names ("linux-amd64") for one of Jami's, the more likely first; nil
// when it is none of Jami's.
func Platforms(name string) []string {
	p, _ := find(name)
	return p.platforms
}

// Of returns Jami's names for one of our platforms, sorted; nil when Jami has none.
func Of(ours string) []string {
	var names []string
	for _, p := range table() {
		if slices.Contains(p.platforms, ours) {
			names = append(names, p.name)
		}
	}
	return names
}

// Library returns the name of the file that Jami loads for a plugin on one of its
// platforms, "" when it is none of Jami's.
func Library(name, id string) string {
	p, _ := find(name)
	return strings.ReplaceAll(p.library, "$", id)
}

// libraryPath is by what Jami tells libraries from other files while it extracts: a slash,
// anything, a slash, a name, any character, and what libraries end with, or go on with. It
// is not bound to lib, nor to the end of the name: data/models/resource.json is one.
var libraryPath = regexp.MustCompile(`/(.*)/([a-zA-Z0-9_]+.(?:dylib|so|dll|lib).*)`)

// Placement is what Jami makes of the name of an entry.
type Placement struct {
	// Library says that it is taken for a library: one of the platform Name, where it is
	// extracted to Path. Elsewhere it is left out without a word.
	Library    bool
	Name, Path string
}

// On returns where the entry is extracted to on a platform of Jami's; ok is false where it
// is left out.
func (p Placement) On(name, entry string) (path string, ok bool) {
	switch {
	case !p.Library:
		return entry, true
	case p.Name == name:
		return p.Path, true
	}
	return "", false
}

// Place tells what Jami makes of the name of an entry that is no folder.
func Place(entry string) Placement {
	// Jami's pattern counts bytes, ours runes; so each byte is made a rune.
	m := libraryPath.FindStringSubmatch(asRunes(entry))
	if m == nil {
		return Placement{}
	}
	return Placement{true, asBytes(m[1]), asBytes(m[2])}
}

func asRunes(s string) string {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}

func asBytes(s string) string {
	var b []byte
	for _, r := range s {
		b = append(b, byte(r))
	}
	return string(b)
}
