package wire

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/sdk"
)

// The limits of the dial pair; docs/DIAL.md says the same.
const (
	dialVersion    = 1
	dialHeader     = 16   // bytes in front of a message's text
	maxDialMessage = 4096 // bytes
	maxDialAddress = 300  // bytes; the longest host name has 253
	maxDialText    = 1024 // bytes of an error

	maxDials       = 64 // under way at once
	maxDialTimeout = time.Minute
)

// dialKind says what a message of the dial pair is.
type dialKind uint8

const (
	dialAsk    dialKind = 1 // child to host: dial this address
	dialCancel dialKind = 2 // child to host: nobody waits for this dial any more
	dialDone   dialKind = 3 // host to child: here is the socket
	dialFailed dialKind = 4 // host to child: there is none, and why
)

// dialMessage is one message of the dial pair. Which fields it has, its kind says.
type dialMessage struct {
	kind dialKind
	// id names a dial. A child counts upwards.
	id uint64
	// network of an ask: 0, 4 or 6.
	network uint8
	// timeout of an ask, in milliseconds.
	timeout uint32
	// code of a failure, from dialCodes.
	code uint8
	// text is the address of an ask or the words of a failure.
	text string
}

// dialCodes are the codes of a failed dial; the place in the list is the number on
// the wire, and 0 is none.
func dialCodes() []sdk.Code {
	return []sdk.Code{
		"", sdk.PermissionDenied, sdk.Unavailable, sdk.DeadlineExceeded, sdk.InvalidArgument, sdk.Exhausted,
	}
}

// dialCodeNumber is the number of a code, unavailable's for those that have none.
func dialCodeNumber(code sdk.Code) uint8 {
	codes := dialCodes()
	number := slices.Index(codes[1:], code)
	if number < 0 {
		number = slices.Index(codes[1:], sdk.Unavailable)
	}
	return uint8(number + 1)
}

// dialFormatError says how the other side broke the format. The pair ends with it.
type dialFormatError struct{ what string }

func (e *dialFormatError) Error() string { return "the dial pair was broken: " + e.what }

func dialBreach(format string, args ...any) *dialFormatError {
	return &dialFormatError{what: fmt.Sprintf(format, args...)}
}

// append adds the bytes of m to b.
func (m dialMessage) append(b []byte) []byte {
	detail, number := uint8(0), uint32(0)
	switch m.kind {
	case dialAsk:
		detail, number = m.network, m.timeout
	case dialFailed:
		detail = m.code
	}
	b = append(b, dialVersion, byte(m.kind), detail, 0)
	b = binary.LittleEndian.AppendUint32(b, number)
	b = binary.LittleEndian.AppendUint64(b, m.id)
	return append(b, m.text...)
}

// parseDial reads one message. It takes what append makes and nothing else: every
// error is a *dialFormatError. What an ask asks for is not judged here.
func parseDial(b []byte) (dialMessage, error) {
	switch {
	case len(b) > maxDialMessage:
		return dialMessage{}, dialBreach("a message has more than %d bytes", maxDialMessage)
	case len(b) < dialHeader:
		return dialMessage{}, dialBreach("a message of %d bytes, the header alone has %d", len(b), dialHeader)
	case b[0] != dialVersion:
		return dialMessage{}, dialBreach("a message of version %d, spoken here is %d", b[0], dialVersion)
	}
	detail, number := b[2], binary.LittleEndian.Uint32(b[4:])
	m := dialMessage{kind: dialKind(b[1]), id: binary.LittleEndian.Uint64(b[8:]), text: string(b[dialHeader:])}
	spare := b[3] != 0
	switch m.kind {
	case dialAsk:
		m.network, m.timeout = detail, number
	case dialFailed:
		m.code = detail
		spare = spare || number != 0
		if m.code == 0 || int(m.code) >= len(dialCodes()) {
			return dialMessage{}, dialBreach("a failure with the unknown code %d", m.code)
		}
		if len(m.text) > maxDialText+len("…") || !utf8.ValidString(m.text) {
			return dialMessage{}, dialBreach("a failure whose text is not UTF-8 of at most %d bytes", maxDialText)
		}
	case dialCancel, dialDone:
		spare = spare || detail != 0 || number != 0 || m.text != ""
	default:
		return dialMessage{}, dialBreach("a message of the unknown kind %d", b[1])
	}
	switch {
	case spare:
		return dialMessage{}, dialBreach("a message of kind %d with something where nothing belongs", m.kind)
	case m.id == 0:
		return dialMessage{}, dialBreach("a message of kind %d with the id 0", m.kind)
	}
	return m, nil
}

// dialNetworks are the networks of a dial; the place in the list is the number on the
// wire, "" stands where there is none.
func dialNetworks() []string { return []string{"tcp", "", "", "", "tcp4", "", "tcp6"} }

// dialNetwork is the name of a network's number.
func dialNetwork(number uint8) (string, bool) {
	names := dialNetworks()
	if int(number) >= len(names) || names[number] == "" {
		return "", false
	}
	return names[number], true
}

// dialNetworkNumber is the number of a network's name.
func dialNetworkNumber(name string) (uint8, bool) {
	for number, known := range dialNetworks() {
		if known == name && known != "" {
			return uint8(number), true
		}
	}
	return 0, false
}
