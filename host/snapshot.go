package host

import (
	"time"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

// State is the condition of an extension; docs/host.md lists the values.
type State = lifecycle.State

// Reason says why an extension is in another state than running.
type Reason = lifecycle.Reason

// Exit says how a process ended.
type Exit = lifecycle.Exit

// Extension is one row of the host's snapshot: an extension, or a file in the drop
// folder that is none (yet). Its JSON form is the contract of the admin API.
type Extension struct {
	// ID is the extension's id; for a file that never became an extension it is the
	// file's name, and Claims holds the id its manifest asks for, if any.
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	Class       string     `json:"class"`
	Request     string     `json:"request"`
	Response    string     `json:"response"`
	Version     string     `json:"version"`
	State       State      `json:"state"`
	Reason      *Reason    `json:"reason"`
	PID         int        `json:"pid"`
	Started     *time.Time `json:"started"`
	Restarts    int        `json:"restarts"`
	Claims      string     `json:"claims,omitempty"`
	Digest      string     `json:"digest"`
	File        string     `json:"file"`
	Signature   Signature  `json:"signature"`
	Permissions []string   `json:"permissions"` // what the current version asks for
	// Grants and Denied are what was decided about permissions; an extension may do what
	// it asks for and was granted.
	Grants []Grant `json:"grants"`
	Denied []Grant `json:"denied"`
	// Consent is what a version waits for; nil when none does.
	Consent  *Consent  `json:"consent"`
	Versions []Version `json:"versions"`
	// Candidate is a newer version that is being tried; nil when there is none.
	Candidate     *Candidate `json:"candidate"`
	LastExit      *Exit      `json:"last_exit"`
	NextTry       *time.Time `json:"next_try"`
	ResidentBytes int64      `json:"resident_bytes"`
	// Enabled is false for what an administrator has disabled, and for files that are
	// no extension.
	Enabled bool   `json:"enabled"`
	Limits  Limits `json:"limits"`
	// Sandbox says of each protection whether it holds of the process; it is empty
	// before the first launch.
	Sandbox []Protection `json:"sandbox"`
	// LogLevel is from which level on its log is kept; both are empty for a file that is
	// no extension.
	LogLevel LogLevel `json:"log_level"`
}

// LogLevel is a least level: debug, info, warn or error.
type LogLevel struct {
	Value   string `json:"value"`   // that holds
	Default string `json:"default"` // that is configured
}

// Signature is what was judged of a bundle's signature; the state is one of trust.State.
type Signature struct {
	State string `json:"state"`
	// Code and Message say why it is not valid, both empty when it is.
	Code    string `json:"code"`
	Message string `json:"message"`
	// Signer and Organization are how the two call themselves. Publisher is the pin of
	// the organization (trust.Pin), empty where no root vouches for it.
	Signer       string   `json:"signer"`
	Organization string   `json:"organization"`
	Publisher    string   `json:"publisher"`
	Chain        []string `json:"chain"` // subjects, the signer first, never nil
	// SignedAt is what a timestamp proves, nil for nothing.
	SignedAt *time.Time `json:"signed_at"`
}

// Version is one kept bundle of an extension.
type Version struct {
	Version string `json:"version"`
	Digest  string `json:"digest"`
	Current bool   `json:"current"`
	Pinned  bool   `json:"pinned"`
}

// Candidate is a version of an extension that has not taken over.
type Candidate struct {
	Version string  `json:"version"`
	Digest  string  `json:"digest"`
	File    string  `json:"file"`
	State   State   `json:"state"`
	Reason  *Reason `json:"reason"`
}
