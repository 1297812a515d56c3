package extcmd

import (
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/schema/outline"
)

// maxConfig bounds what is read from a file; the host takes as much.
const maxConfig = 256 << 10

// configChange is what the arguments ask for.
type configChange struct {
	verb   string // "" to show, set or unset
	items  []string
	file   string
	dryRun bool
	stdin  io.Reader
}

func (x *configChange) parse(args []string) error {
	if len(args) > 0 {
		x.verb, x.items = args[0], args[1:]
	}
	switch {
	case x.verb == "" && (x.file != "" || x.dryRun):
		return output.Usagef("write set behind the id", "--file and --dry-run are for set")
	case x.verb != "" && x.verb != "set" && x.verb != "unset":
		return output.Usagef("", "%q is neither set nor unset", x.verb)
	case x.verb == "set" && x.file != "" && len(x.items) > 0:
		return output.Usagef("", "set takes KEY=VALUE, or the whole with --file, not both")
	case x.verb == "set" && x.file == "" && len(x.items) == 0:
		return output.Usagef("write KEY=VALUE, or --file FILE", "there is nothing to set")
	case x.verb == "unset" && x.file != "":
		return output.Usagef("", "--file is for set")
	case x.verb == "unset" && len(x.items) == 0:
		return output.Usagef("write the keys behind it", "there is nothing to unset")
	}
	return nil
}

// apply returns the values after the change of what there is now.
func (x *configChange) apply(now host.Configuration) (*outline.Object, error) {
	if x.file != "" {
		return x.whole()
	}
	read, err := outline.Decode(now.Values)
	object, ok := read.(*outline.Object)
	if err != nil || !ok {
		return nil, output.Errorf("is this a jackfield host of this version?", "the host's answer cannot be read")
	}
	var raw []byte
	if string(now.Schema) != "null" {
		raw = now.Schema
	}
	schema, err := outline.Read(raw)
	if err != nil {
		return nil, output.Errorf("", "the extension's schema cannot be read: %w", err)
	}
	fromStdin := false
	for _, item := range x.items {
		key, text, assigns := strings.Cut(item, "=")
		tokens := tokensOf(key)
		if len(tokens) == 0 || assigns != (x.verb == "set") {
			return nil, output.Usagef("set takes KEY=VALUE, unset takes KEY", "%q cannot be %s", item, x.verb)
		}
		place := placeOf(schema, tokens)
		secret := isSecret(now, tokens)
		if x.verb == "unset" {
			unset(object, tokens, secret)
			continue
		}
		from, taken := strings.CutPrefix(text, "@")
		if secret && !taken {
			return nil, output.Usagef("write "+key+"=@FILE, or "+key+"=@- for the standard input", "%s is a secret, and arguments can be seen by others on this machine", key)
		}
		if taken {
			if from == "-" && fromStdin {
				return nil, output.Usagef("", "the standard input can be one value only")
			}
			fromStdin = fromStdin || from == "-"
			if text, err = x.read(from); err != nil {
				return nil, err
			}
			text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
		}
		if err := set(object, tokens, valueOf(place, text)); err != nil {
			return nil, output.Usagef("'-o json' shows the values as they are", "%s: %w", key, err)
		}
	}
	return object, nil
}

// whole reads the whole configuration.
func (x *configChange) whole() (*outline.Object, error) {
	text, err := x.read(x.file)
	if err != nil {
		return nil, err
	}
	read, err := outline.Decode([]byte(text))
	object, ok := read.(*outline.Object)
	if err != nil || !ok {
		return nil, output.Usagef("it begins with { and ends with }", "%s is not one JSON object", x.file)
	}
	return object, nil
}

func (x *configChange) read(from string) (string, error) {
	in := x.stdin
	if from != "-" {
		f, err := os.Open(from)
		if err != nil {
			return "", output.Usagef("", "%w", err)
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxConfig+1))
	if err == nil && len(text) > maxConfig {
		err = output.Usagef("", "%s has more than the %d bytes that a configuration may have", from, maxConfig)
	}
	return string(text), err
}

// tokensOf are the parts of a key: a JSON pointer, or names with dots between them.
func tokensOf(key string) []string {
	switch {
	case key == "":
		return nil
	case strings.HasPrefix(key, "/"):
		return outline.Tokens(key)
	}
	return strings.Split(key, ".")
}

func placeOf(schema *outline.Outline, tokens []string) outline.Place {
	place := schema.Sure()
	for _, t := range tokens {
		place = place.Property(t)
	}
	return place
}

// isSecret reports whether a place is, is within, or holds a secret that the host names.
func isSecret(now host.Configuration, tokens []string) bool {
	return slices.ContainsFunc(now.Secrets, func(s host.Secret) bool {
		secret := outline.Tokens(s.Pointer)
		n := min(len(secret), len(tokens))
		return slices.Equal(secret[:n], tokens[:n]) && len(tokens) >= len(secret)
	})
}

// valueOf is what a text means: itself where the schema says string, else the JSON that
// it is, if it is some.
func valueOf(place outline.Place, text string) any {
	if types := place.All("type"); len(types) > 0 && !slices.ContainsFunc(types, func(t any) bool { return t != "string" }) {
		return text
	}
	if value, err := outline.Decode([]byte(text)); err == nil {
		return value
	}
	return text
}

func set(object *outline.Object, tokens []string, value any) error {
	for _, t := range tokens[:len(tokens)-1] {
		below, there := object.Get(t)
		next, ok := below.(*outline.Object)
		if there && !ok {
			return errors.New("what is there is no object; set all of it as JSON")
		}
		if !there {
			next = &outline.Object{}
			object.Set(t, next)
		}
		object = next
	}
	object.Set(tokens[len(tokens)-1], value)
	return nil
}

// unset removes a value; a secret is cleared, which null says.
func unset(object *outline.Object, tokens []string, secret bool) {
	for _, t := range tokens[:len(tokens)-1] {
		below, _ := object.Get(t)
		next, ok := below.(*outline.Object)
		if !ok {
			return
		}
		object = next
	}
	last := tokens[len(tokens)-1]
	if secret {
		object.Set(last, nil)
		return
	}
	object.Delete(last)
}
