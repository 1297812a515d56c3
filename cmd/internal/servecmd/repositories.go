package servecmd

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/nearest"
)

// repositoryPrefix begins the keys of one repository: repository.<name>.<key>.
const repositoryPrefix = "repository."

// repositoryKey is a key that each repository has.
type repositoryKey struct {
	name, doc, allowed, initial string
	set                         func(*host.RepositorySource, string) bool
}

func repositoryKeys() []repositoryKey {
	return []repositoryKey{
		ofRepository("url", "address of the repository, or for a store also the path of an exported folder or file", "",
			kind[string]{allowed: "an http or https address, or a path, which is relative to the home folder", parse: text(4096).parse, show: text(4096).show},
			func(s *host.RepositorySource) *string { return &s.URL }),
		ofRepository("root", "PEM file with those who vouch for the repository; without one the roots of conf/trust do for a store, and nobody for a repository of Jameica's", "",
			optional(kind[string]{allowed: "the path of a file, which is relative to the home folder", parse: text(4096).parse, show: text(4096).show}),
			func(s *host.RepositorySource) *string { return &s.Root }),
		ofRepository("kind", "what the repository is", string(host.KindJackfield),
			choice(string(host.KindJackfield), string(host.KindJameica)),
			func(s *host.RepositorySource) *string { return (*string)(&s.Kind) }),
		ofRepository("priority", "the higher goes before others that have the same extension", "0",
			number(-1000, 1000), func(s *host.RepositorySource) *int { return &s.Priority }),
		{
			name: "enabled", doc: "whether anything is read of it", allowed: boolean().allowed, initial: "true",
			set: func(s *host.RepositorySource, value string) bool {
				enabled, ok := boolean().parse(value)
				s.Disabled = ok && !enabled
				return ok
			},
		},
		ofRepository("allow_unsigned", "take ZIPs of a repository of Jameica's that nobody has signed", "false",
			boolean(), func(s *host.RepositorySource) *bool { return &s.Unsigned }),
	}
}

func ofRepository[T any](name, doc, initial string, k kind[T], at func(*host.RepositorySource) *T) repositoryKey {
	return repositoryKey{name: name, doc: doc, allowed: k.allowed, initial: initial, set: func(s *host.RepositorySource, value string) bool {
		return assign(k, value, at(s))
	}}
}

// splitRepository splits repository.<name>.<key>.
func splitRepository(name string) (repository, key string, ok bool) {
	body, ok := strings.CutPrefix(name, repositoryPrefix)
	if !ok {
		return "", "", false
	}
	repository, key, ok = strings.Cut(body, ".")
	return repository, key, ok
}

// setRepository applies one assignment of a repository, or says what is wrong with it.
func (c *Config) setRepository(a assignment) *Problem {
	repository, name, ok := splitRepository(a.key)
	if !ok {
		return a.problem("is not a key; write repository.<name>.url, for example")
	}
	i := slices.IndexFunc(repositoryKeys(), func(k repositoryKey) bool { return k.name == name })
	if i < 0 {
		for _, k := range repositoryKeys() {
			if nearest.Distance(k.name, name) < 4 {
				return a.problem("is not a key; did you mean " + repositoryPrefix + repository + "." + k.name + "?")
			}
		}
		return a.problem("is not a key")
	}
	source, known := c.Repositories[repository]
	if !known {
		source = host.RepositorySource{Name: repository, Kind: host.KindJackfield}
	}
	if k := repositoryKeys()[i]; !k.set(&source, a.value) {
		return a.invalid(key{name: k.name, allowed: k.allowed})
	}
	c.Repositories[repository] = source
	return nil
}

// checkRepositories finds what is wrong between the keys of each repository.
func (c *Config) checkRepositories(where func(key string) string) []*Problem {
	var problems []*Problem
	for _, source := range c.RepositorySources("/") {
		prefix := repositoryPrefix + source.Name + "."
		place := where(prefix + "url")
		for _, k := range repositoryKeys() {
			if place == "" {
				place = where(prefix + k.name)
			}
		}
		if err := source.Check(); err != nil {
			problems = append(problems, &Problem{Key: repositoryPrefix + source.Name, Place: place, Message: "is no repository: " + err.Error()})
		}
	}
	return problems
}

// RepositorySources are those that were set, by name, with paths as from a home folder.
func (c *Config) RepositorySources(home string) []host.RepositorySource {
	var list []host.RepositorySource
	for _, name := range slices.Sorted(maps.Keys(c.Repositories)) {
		source := c.Repositories[name]
		isPath := source.Kind == host.KindJackfield && !strings.Contains(source.URL, "://")
		for _, path := range []struct {
			at *string
			is bool
		}{{&source.Root, true}, {&source.URL, isPath}} {
			if path.is && *path.at != "" && !filepath.IsAbs(*path.at) {
				*path.at = filepath.Join(home, *path.at)
			}
		}
		list = append(list, source)
	}
	return list
}

// ofRepositoryRow is the row of a key of a repository that was set.
func ofRepositoryRow(a assignment, source string) (host.Setting, bool) {
	_, name, ok := splitRepository(a.key)
	i := slices.IndexFunc(repositoryKeys(), func(k repositoryKey) bool { return k.name == name })
	if !ok || i < 0 {
		return host.Setting{}, false
	}
	k := repositoryKeys()[i]
	return host.Setting{
		Key: a.key, Value: a.value, Default: k.initial, Source: source, Place: a.place,
		Doc: fmt.Sprintf("of one repository: %s", k.doc), Allowed: k.allowed,
	}, true
}
