// Package archtest holds docs/ARCHITECTURE.md to the code: its test parses the
// tables of that page and compares them with what the packages import, so the page
// cannot lie. There is nothing to call.
package archtest
