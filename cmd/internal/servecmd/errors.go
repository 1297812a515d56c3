package servecmd

import (
	"fmt"
	"strings"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
)

// Problem is one fault of the configuration.
type Problem struct {
	Key string
	// Value is shown only of keys that are known to hold no secret.
	Value string
	// Place is a file and line, an environment variable or a flag.
	Place   string
	Message string
}

func (p *Problem) String() string {
	var b strings.Builder
	if p.Place != "" {
		b.WriteString(p.Place + ": ")
	}
	if p.Key != "" {
		b.WriteString(p.Key)
		if p.Value != "" {
			fmt.Fprintf(&b, " = %q", p.Value)
		}
		if verb, _, _ := strings.Cut(p.Message, " "); verb == "is" || verb == "stands" {
			b.WriteString(" ")
		} else {
			b.WriteString(": ")
		}
	}
	b.WriteString(p.Message)
	return b.String()
}

// ConfigError is everything that is wrong with the configuration, at once. The
// process ends with the code of a wrong command line.
type ConfigError struct{ Problems []*Problem }

func (e *ConfigError) Error() string {
	if len(e.Problems) == 1 {
		return "configuration: " + e.Problems[0].String()
	}
	lines := []string{fmt.Sprintf("configuration: %d faults", len(e.Problems))}
	for _, p := range e.Problems {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}

// Hint says where the keys are listed.
func (e *ConfigError) Hint() string {
	return "'jackfield serve --help' lists every key with its default"
}

// ExitCode implements the contract of output.ExitCode.
func (e *ConfigError) ExitCode() int { return output.ExitUsage }
