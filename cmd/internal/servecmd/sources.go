package servecmd

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/jackfield-host/jackfield/cmd/internal/properties"
	"github.com/jackfield-host/jackfield/internal/nearest"
)

const envPrefix = "JACKFIELD_"

// assignment is one key with a value, and where it was found.
type assignment struct{ key, value, place string }

func (a assignment) problem(message string) *Problem {
	return &Problem{Key: a.key, Place: a.place, Message: message}
}

func (a assignment) invalid(k key) *Problem {
	p := a.problem("allowed is " + k.allowed)
	p.Value = a.value
	if a.value == "" {
		p.Message = "is empty; " + p.Message
	}
	return p
}

// unknown does not show the value: a mistyped key may hold a secret.
func (a assignment) unknown() *Problem {
	if later(a.key) {
		return a.problem("is not supported by this version")
	}
	if near := nearestKey(a.key); near != "" {
		return a.problem("is not a key; did you mean " + near + "?")
	}
	return a.problem("is not a key")
}

// Sources is where a configuration comes from, the lowest first.
type Sources struct {
	// File is conf/jackfield.properties; it may be missing.
	File string
	// Environ is the environment, as of os.Environ.
	Environ []string
	// Flags are the flags that were given.
	Flags []assignment
}

// Load puts a configuration together from the defaults, the file, the environment
// and the flags; the later wins. It looks at everything, also at what a later source
// overrides, and reports all faults in one *ConfigError.
func Load(src Sources) (Config, error) {
	c := Defaults()
	all, problems := fromFile(src.File)
	env, ignored, more := fromEnviron(src.Environ)
	c.Ignored = ignored
	problems = append(problems, more...)
	origins := []origin{{fromTheFile, all}, {fromEnvironment, env}, {fromFlag, src.Flags}}
	all = slices.Concat(all, env, src.Flags)

	places := map[string]string{}
	for _, a := range all {
		if p := c.set(a); p != nil {
			problems = append(problems, p)
			continue
		}
		places[a.key] = a.place
	}
	problems = append(problems, c.check(func(key string) string { return places[key] })...)
	if len(problems) > 0 {
		return Config{}, &ConfigError{problems}
	}
	c.Effective = effective(origins)
	return c, nil
}

func fromFile(path string) ([]assignment, []*Problem) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, []*Problem{{Place: path, Message: "reading the configuration: " + cause(err)}}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, properties.Max+1))
	if err != nil {
		return nil, []*Problem{{Place: path, Message: "reading the configuration: " + cause(err)}}
	}
	return fromProperties(path, data)
}

// fromProperties turns the text of a properties file into assignments. A key that
// stands twice is a fault: one of the two is not what its writer thinks.
func fromProperties(name string, data []byte) ([]assignment, []*Problem) {
	found, faults := properties.Parse(data)
	var problems []*Problem
	for _, f := range faults {
		problems = append(problems, &Problem{Place: fmt.Sprintf("%s:%d", name, f.Line), Message: f.Err.Error()})
	}
	var out []assignment
	first := map[string]int{}
	for _, p := range found {
		a := assignment{p.Key, p.Value, fmt.Sprintf("%s:%d", name, p.Line)}
		if line, twice := first[p.Key]; twice {
			problems = append(problems, a.problem(fmt.Sprintf("stands already in line %d", line)))
			continue
		}
		first[p.Key] = p.Line
		out = append(out, a)
	}
	return out, problems
}

// fromEnviron takes the JACKFIELD_ variables: one per key, and JACKFIELD_PROPERTIES
// with lines as in the file, for the keys of single extensions, whose ids do not fit
// into the name of a variable. A variable that is nearly a key is a fault. Anything
// else with our prefix is ignored, and reported for the log: Kubernetes, for one,
// sets JACKFIELD_PORT and more in the neighbourhood of a service called jackfield.
func fromEnviron(environ []string) (found []assignment, ignored []string, problems []*Problem) {
	for _, variable := range slices.Sorted(slices.Values(environ)) {
		name, value, _ := strings.Cut(variable, "=")
		rest, ours := strings.CutPrefix(name, envPrefix)
		if !ours {
			continue
		}
		i := slices.IndexFunc(keys(), func(k key) bool { return k.env() == name })
		if strings.HasPrefix(rest, "STORE_") { // of `jackfield store`
			continue
		}
		switch rest {
		case "HOST", "TOKEN", "REQUESTS", "STORE": // of `jackfield ext` and `jackfield store`
			continue
		case "PROPERTIES":
			lines, more := fromProperties(name, []byte(value))
			found, problems = append(found, lines...), append(problems, more...)
			continue
		}
		if i >= 0 {
			found = append(found, assignment{keys()[i].name, value, name})
		} else if p := doubtful(name, rest); p != nil {
			problems = append(problems, p)
		} else {
			ignored = append(ignored, name)
		}
	}
	return found, ignored, problems
}

// doubtful returns what is wrong with a variable that was probably meant as a key.
func doubtful(name, rest string) *Problem {
	if strings.HasPrefix(rest, "REPOSITORY_") {
		return &Problem{Place: name, Message: "the keys of a repository have no variables of their own: write them as lines into " + envPrefix + "PROPERTIES"}
	}
	guess := strings.ToLower(strings.ReplaceAll(rest, "_", "."))
	if isLater := slices.ContainsFunc([]string{guess, strings.ToLower(rest)}, later); isLater {
		return &Problem{Place: name, Message: "is not supported by this version"}
	}
	near := nearestKey(guess)
	i := slices.IndexFunc(keys(), func(k key) bool { return k.name == near })
	if i < 0 {
		return nil
	}
	return &Problem{Place: name, Message: "no key has this variable; did you mean " + keys()[i].env() + "?"}
}

// nearestKey returns the key that name was probably meant to be, or "".
func nearestKey(name string) string {
	id, isExtension := "", false
	if rest, ok := strings.CutPrefix(name, "extension."); ok {
		if parts := strings.Split(rest, "."); len(parts) > 2 {
			id, isExtension = strings.Join(parts[:len(parts)-2], "."), true
			name = strings.Join(parts[len(parts)-2:], ".")
		}
	}
	best, least := "", 4
	for _, k := range keys() {
		if isExtension && k.extension == nil {
			continue
		}
		if d := nearest.Distance(strings.ReplaceAll(name, "_", "."), strings.ReplaceAll(k.name, "_", ".")); d < least {
			best, least = k.name, d
		}
	}
	if best != "" && isExtension {
		return "extension." + id + "." + best
	}
	return best
}

// cause is err without the path, for a message that names it already.
func cause(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
