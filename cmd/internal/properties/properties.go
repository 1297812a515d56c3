// Package properties reads the files in which `jackfield serve` and `jackfield store serve`
// are told how to run: Parse returns the keys of one with their lines, and all that is wrong
// with it.
package properties

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/magiconair/properties"
)

// Max bounds the text of a properties file.
const Max = 1 << 20

// Property is one key of a properties file and the line on which it begins.
type Property struct {
	Key, Value string
	Line       int
}

// LineError is a fault of a properties file, at a line.
type LineError struct {
	Line int
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }
func (e *LineError) Unwrap() error { return e.Err }

// Parse reads UTF-8 properties in the grammar of java.util.Properties,
// without any expansion: ${x} stays as it is. It goes through the file by logical
// line, because the library behind it keeps neither line numbers nor the first of
// two values of a key. All faulty lines are reported.
func Parse(data []byte) ([]Property, []*LineError) {
	if len(data) > Max {
		return nil, []*LineError{{1, fmt.Errorf("the file is over %d bytes", Max)}}
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	// The library takes the two halves of a CRLF for two line ends, which breaks
	// continuation lines.
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	data = bytes.ReplaceAll(data, []byte("\r"), []byte("\n"))

	var found []Property
	var faults []*LineError
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
			faults = append(faults, &LineError{first + 1, err})
			continue
		}
		p.Line = first + 1
		found = append(found, p)
	}
	return found, faults
}

// continues reports whether a line ends in an odd number of backslashes.
func continues(line string) bool {
	return (len(line)-len(strings.TrimRight(line, `\`)))%2 == 1
}

// parseLine reads one logical line. It begins with a key.
func parseLine(text string) (Property, error) {
	if !utf8.ValidString(text) {
		return Property{}, errors.New("not UTF-8")
	}
	if strings.ContainsRune("=:", rune(text[0])) {
		return Property{}, errors.New("no key before the " + text[:1])
	}
	loader := properties.Loader{Encoding: properties.UTF8, DisableExpansion: true}
	p, err := loader.LoadBytes([]byte(text))
	if err != nil {
		// The library counts the lines of what it was given: one.
		return Property{}, errors.New(strings.TrimPrefix(err.Error(), "properties: Line 1: "))
	}
	keys := p.Keys()
	if len(keys) != 1 {
		return Property{}, fmt.Errorf("%d keys on one line", len(keys))
	}
	value, _ := p.Get(keys[0])
	// Java keeps trailing spaces, and nobody sees them.
	return Property{Key: keys[0], Value: strings.TrimSpace(value)}, nil
}
