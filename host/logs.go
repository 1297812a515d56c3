package host

import (
	"context"
	"io"
	"time"
)

// LogQuery says which lines of an extension's log are wanted. The zero value means the
// last DefaultTail lines.
type LogQuery struct {
	// Tail is how many of the last lines that match are wanted, 0 for DefaultTail, -1 for
	// none (of those that are there already), MaxTail at most.
	Tail int
	// Level is the least level: debug, info, warn or error. Empty means every line.
	Level string
	// Contains is a text that the message, or KEY=VALUE of an attribute, must contain,
	// whatever the case of its letters.
	Contains string
	// Since leaves out what is older; the zero time means nothing.
	Since time.Time
}

// The bounds of LogQuery.Tail.
const (
	DefaultTail = 200
	MaxTail     = 10_000
)

// LogLine is one line of an extension's log. Its strings come from the extension:
// they are hostile until they are escaped.
type LogLine struct {
	Time    time.Time `json:"time"`
	Level   string    `json:"level"` // debug, info, warn or error
	Message string    `json:"message"`
	// Attrs are in the order in which they were logged; version and instance, which say
	// who wrote the line, come first.
	Attrs []LogAttr `json:"attrs"`
	// Raw is the line as it stands in the file, without its end.
	Raw string `json:"-"`
	// Position names the place behind this line, for FollowLogs.
	Position string `json:"-"`
	// Missed, when it is not 0, makes this no line: a reader that was too slow, or came
	// back too late, has missed that many lines here.
	Missed int `json:"missed,omitempty"`
}

// LogAttr is one attribute of a line.
type LogAttr struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Logs returns the last lines of an extension's log that match q, the oldest first. The
// log of an extension that was removed is there until it is purged.
func (h *Host) Logs(ctx context.Context, id string, q LogQuery) ([]LogLine, error) {
	return nil, &Error{Code: CodeInternal, Message: "not built yet"}
}

// LogFollower gives the lines of a log as they come. It belongs to one goroutine.
type LogFollower struct{}

// FollowLogs gives the lines that Logs would, and then those that follow, also over the
// rotation of files. With after, the Position of a line, it begins behind that line
// instead. Whoever follows must Close.
func (h *Host) FollowLogs(ctx context.Context, id string, q LogQuery, after string) (*LogFollower, error) {
	return nil, &Error{Code: CodeInternal, Message: "not built yet"}
}

// Next waits for the next line. It returns ctx's error when that ends first, and can be
// called again then; io.EOF when the host stops.
func (f *LogFollower) Next(ctx context.Context) (LogLine, error) { return LogLine{}, io.EOF }

// Close gives the file back.
func (f *LogFollower) Close() {}

// LogFile returns the whole log of an extension, the oldest file first, as it is now. The
// caller closes it.
func (h *Host) LogFile(id string) (io.ReadCloser, error) {
	return nil, &Error{Code: CodeInternal, Message: "not built yet"}
}
