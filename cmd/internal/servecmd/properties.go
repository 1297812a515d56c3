package servecmd

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/magiconair/properties"
)

// maxProperties bounds the text of a properties file.
const maxProperties = 1 << 20

// property is one key of a properties file and the line on which it begins.
type property struct {
	key, value string
	line       int
}

// lineError is a fault of a properties file, at a line.
type lineError struct {
	line int
	err  error
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %v", e.line, e.err) }
func (e *lineError) Unwrap() error { return e.err }

// parseProperties reads UTF-8 properties in the grammar of java.util.Properties,
// without any expansion: ${x} stays as it is. It goes through the file by logical
// line, because the library behind it keeps neither line numbers nor the first of
// two values of a key. All faulty lines are reported.
func parseProperties(data []byte) ([]property, []*lineError) {
	if len(data) > maxProperties {
		return nil, []*lineError{{1, fmt.Errorf("the file is over %d bytes", maxProperties)}}
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	// The library takes the two halves of a CRLF for two line ends, which breaks
	// continuation lines.
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	data = bytes.ReplaceAll(data, []byte("\r"), []byte("\n"))

	var found []property
	var faults []*lineError
	lines := strings.Split(string(data), "\n")
	for i := 0; i < len(lines); {
		first := i
		text := strings.TrimLeft(lines[i], " \t\f")
		i++
		if text == "" || text[0] == '#' || text[0] == '!' {
			continue
		}
		for continues(text) && i < len(lines) {
			text += "\n" + lines[i]
			i++
		}
		p, err := parseLine(text)
		if err != nil {
			faults = append(faults, &lineError{first + 1, err})
			continue
		}
		p.line = first + 1
		found = append(found, p)
	}
	return found, faults
}

// continues reports whether a line ends in an odd number of backslashes.
func continues(line string) bool {
	return (len(line)-len(strings.TrimRight(line, `\`)))%2 == 1
}

// parseLine reads one logical line. It begins with a key.
func parseLine(text string) (property, error) {
	if !utf8.ValidString(text) {
		return property{}, errors.New("not UTF-8")
	}
	if strings.ContainsRune("=:", rune(text[0])) {
		return property{}, errors.New("no key before the " + text[:1])
	}
	loader := properties.Loader{Encoding: properties.UTF8, DisableExpansion: true}
	p, err := loader.LoadBytes([]byte(text))
	if err != nil {
		// The library counts the lines of what it was given: one.
		return property{}, errors.New(strings.TrimPrefix(err.Error(), "properties: Line 1: "))
	}
	keys := p.Keys()
	if len(keys) != 1 {
		return property{}, fmt.Errorf("%d keys on one line", len(keys))
	}
	value, _ := p.Get(keys[0])
	// Java keeps trailing spaces, and nobody sees them.
	return property{key: keys[0], value: strings.TrimSpace(value)}, nil
}
