package jpl

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/jackfield-host/jackfield/bundle/jpl/abi"
	"github.com/jackfield-host/jackfield/bundle/jpl/internal/elfnote"
)

// Known is what a store knows of an id already. The zero value is an id that is new.
type Known struct {
	// Publisher is who the id belongs to; nil for nobody.
	Publisher *Publisher
	// Versions are those that were ever published.
	Versions []string
}

// CheckForStore judges what a store does not take although Verify does: what Jami would
// drop, not find, not read, or put in another order than people do. problems are all that
// is wrong, warnings what is odd; both may be empty, those of v.Warnings are not among
// them. The File of v must still be open.
func CheckForStore(v *Verified, known Known) (problems []*Error, warnings []string) {
	if p := known.Publisher; p != nil && !p.Same(v.Publisher()) {
		problems = append(problems, refuse(CodePublisherChanged, v.certificateName(), "%s belongs to another publisher: neither the signer's key nor that of %s is known", v.ID(), quoted(v.Author())))
	}
	problems = append(problems, v.versionProblems(known.Versions)...)
	problems = append(problems, v.libraryProblems()...)
	problems = append(problems, v.textProblems()...)
	return problems, v.storeWarnings()
}

// versionProblems hold the version to those that were published before.
func (v *Verified) versionProblems(published []string) []*Error {
	version := v.Version()
	if !numericVersion.MatchString(version) {
		return []*Error{refuse(CodeVersionInvalid, manifestName, "the version %s is not numbers with dots between them, which is all that Jami's client compares", quoted(version))}
	}
	for _, other := range published {
		switch order, agreed := compareVersions(version, other); {
		case version == other:
			return []*Error{refuse(CodeSameVersion, manifestName, "version %s was published already", version)}
		case !agreed:
			return []*Error{refuse(CodeVersionOrder, manifestName, "Jami compares versions as text and its client as numbers of as many parts: with %s beside %s, which was published, some would not be offered the higher one or could not install it; keep the number of parts and of digits", version, other)}
		case order < 0:
			return []*Error{refuse(CodeOlderVersion, manifestName, "version %s was published, which is higher than %s", other, version)}
		}
	}
	return nil
}

// libraryProblems hold the files to what Jami extracts on every platform of theirs.
func (v *Verified) libraryProblems() []*Error {
	var problems []*Error
	if len(v.ABIs()) == 0 {
		problems = append(problems, refuse(CodePlatformMissing, "lib/", "there is no library for any platform of Jami: %s", strings.Join(abi.Names(), ", ")))
	}
	for _, name := range v.ABIs() {
		library := "lib/" + name + "/" + abi.Library(name, v.ID())
		if _, ok := v.sums[library]; !ok {
			problems = append(problems, refuse(CodeLibraryMissing, library, "there is none, and Jami on %s loads nothing else", name))
		}
	}
	for _, e := range v.file.Entries() {
		p := v.placed[e.Name]
		if e.Dir || !p.Library || e.Name == "lib/"+p.Name+"/"+p.Path && !strings.Contains(p.Name+p.Path, "/") {
			continue
		}
		if strings.HasPrefix(e.Name, "lib/") {
			problems = append(problems, refuse(CodeLibraryMisplaced, e.Name, "Jami takes libraries from lib/<platform>/ itself: it would leave this one out"))
		} else {
			problems = append(problems, refuse(CodeFileDropped, e.Name, "Jami takes its name for that of a library of the platform %s and would leave it out; rename it", quoted(p.Name)))
		}
	}
	return problems
}

// textProblems find translations that Jami cannot put in their place: it puts them into the
// text of the JSON file, by way of a pattern in which a dollar sign has a meaning, and looks
// for placeholders again until there are none.
func (v *Verified) textProblems() []*Error {
	var problems []*Error
	for _, locale := range slices.Sorted(maps.Keys(v.locales)) {
		words := v.locales[locale]
		for _, key := range slices.Sorted(maps.Keys(words)) {
			fault := ""
			switch word := words[key]; {
			case strings.ContainsAny(word, `"\`):
				fault = "has a quote or a backslash, which would break the file that Jami puts it into"
			case strings.Contains(word, "$"):
				fault = "has a dollar sign, at which Jami may put in something else and never end"
			case strings.Contains(word, "{{"):
				fault = "has a placeholder itself, at which Jami may never end"
			default:
				continue
			}
			problems = append(problems, refuse(CodeTextUnsafe, localeFolder, "the text of %s for %s %s", quoted(key), locale, fault))
			break // one for each locale is enough to know what to look for
		}
	}
	return problems
}

// storeWarnings are about what a store takes, and its users may stumble over.
func (v *Verified) storeWarnings() []string {
	var warnings []string
	warn := func(format string, args ...any) { warnings = append(warnings, fmt.Sprintf(format, args...)) }
	for _, folder := range v.libFolders() {
		if !abi.Known(folder) {
			warn("lib/%s is for no platform of Jami", folder)
		}
	}
	for _, e := range v.file.Entries() {
		if strings.HasPrefix(e.Name, "lib/") && !e.Dir && !v.placed[e.Name].Library {
			warn("%s stays where it is on every platform: Jami does not take it for a library", e.Name)
		}
	}
	for _, key := range v.placeholders() {
		if has := v.having(key); has < len(v.locales) {
			warn("%d of %d translations have the text of {{%s}}: Jami leaves out every text of one that lacks a single key", has, len(v.locales), key)
		}
	}
	if v.forAndroid() {
		warn("lib/arm64-v8a is for Android; Jami on Linux on ARM asks a store for the same platform, and could not load it")
	}
	if cn := v.chain[0].Subject.CommonName; cn != v.ID() {
		warn("the signer's certificate is for %s, not for %s", quoted(cn), v.ID())
	}
	return warnings
}

// forAndroid reports whether the library for ARM of 64 bits, of which Jami has one name for
// Android and Linux, says that it is for Android.
func (v *Verified) forAndroid() bool {
	const both = "arm64-v8a"
	library := "lib/" + both + "/" + abi.Library(both, v.ID())
	if _, ok := v.sums[library]; !ok {
		return false
	}
	r, err := v.file.OpenEntry(library)
	if err != nil {
		return false // it is only a warning
	}
	defer r.Close()
	head, _ := io.ReadAll(io.LimitReader(r, elfnote.Head))
	android, _ := elfnote.Android(head)
	return android
}
