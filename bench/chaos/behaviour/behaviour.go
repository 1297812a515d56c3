// Package behaviour is what a bundle of the chaos program says about how its process
// behaves. The program writes it into the bundle, the extension reads it at Init.
package behaviour

// File is the bundle's file that holds a Behaviour as JSON.
const File = "behaviour.json"

// Behaviour is how a process behaves. The zero value answers and does no harm.
type Behaviour struct {
	// Version is what the process answers with.
	Version string `json:"version"`

	FailInit       bool `json:"fail_init,omitempty"`
	FailCheck      bool `json:"fail_check,omitempty"`
	FailActivate   bool `json:"fail_activate,omitempty"` // after it wrote, with WriteData
	ExitInActivate bool `json:"exit_in_activate,omitempty"`
	// DieAfter ends the process that many milliseconds after Activate.
	DieAfter int `json:"die_after,omitempty"`
	// HangAfter lets Check and handlers never return, from that many milliseconds after
	// Activate on.
	HangAfter int `json:"hang_after,omitempty"`
	// Slow is how many milliseconds a request takes.
	Slow int `json:"slow,omitempty"`
	// PanicShare is the share of the requests that panic, 0 to 1.
	PanicShare float64 `json:"panic_share,omitempty"`
	// Grandchild starts a process in a session of its own that holds stdout and stderr.
	Grandchild bool `json:"grandchild,omitempty"`
	// WriteData has Activate write Version into the data folder's file Format, and each
	// request append a line to Journal: the version, a space, the request's number.
	WriteData bool `json:"write_data,omitempty"`
}

// The files in the data folder.
const (
	Format  = "format"
	Journal = "journal"
)

// Request is what the extension is asked.
type Request struct {
	N int64 `json:"n"`
}

// Answer is what it answers.
type Answer struct {
	N       int64  `json:"n"`
	Version string `json:"version"`
	// Found is what Activate found in Format, "" when there was none.
	Found string `json:"found,omitempty"`
}
