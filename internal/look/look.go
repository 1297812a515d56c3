// Package look is what the pages of the house look like: Files has look.css, the colours,
// type and parts that the admin page and the store share, and jackfield.svg, the mark of
// the house. docs/DESIGN.md says how they are used.
package look

import "embed"

// Files are look.css and jackfield.svg. Nobody changes them.
//
//go:embed look.css jackfield.svg
var Files embed.FS
