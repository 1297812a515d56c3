package dial

import (
	"encoding/binary"
	"slices"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/sdk"
)

// messageKind says what a message of the dial pair is.
type messageKind uint8

const (
	kindAsk    messageKind = 1 // child to host: dial this address
	kindCancel messageKind = 2 // child to host: nobody waits for this dial any more
	kindDone   messageKind = 3 // host to child: here is the socket
	kindFailed messageKind = 4 // host to child: there is none, and why
)

// message is one message of the dial pair. Which fields it has, its kind says.
type message struct {
	kind messageKind
	// id names a dial. A child counts upwards.
	id uint64
	// network of an ask: 0, 4 or 6.
	network uint8
	// timeout of an ask, in milliseconds.
	timeout uint32
	// code of a failure, from codes.
	code uint8
	// text is the address of an ask or the words of a failure.
	text string
}

// codes are the codes of a failed dial; the place in the list is the number on
// the wire, and 0 is none.
func codes() []sdk.Code {
	return []sdk.Code{
		"", sdk.PermissionDenied, sdk.Unavailable, sdk.DeadlineExceeded, sdk.InvalidArgument, sdk.Exhausted,
	}
}

// codeNumber is the number of a code, unavailable's for those that have none.
func codeNumber(code sdk.Code) uint8 {
	codes := codes()
	number := slices.Index(codes[1:], code)
	if number < 0 {
		number = slices.Index(codes[1:], sdk.Unavailable)
	}
	return uint8(number + 1)
}

// append adds the bytes of m to b.
func (m message) append(b []byte) []byte {
	detail, number := uint8(0), uint32(0)
	switch m.kind {
	case kindAsk:
		detail, number = m.network, m.timeout
	case kindFailed:
		detail = m.code
	}
	b = append(b, Version, byte(m.kind), detail, 0)
	b = binary.LittleEndian.AppendUint32(b, number)
	b = binary.LittleEndian.AppendUint64(b, m.id)
	return append(b, m.text...)
}

// parseMessage reads one message. It takes what append makes and nothing else: every
// error is a *FormatError. What an ask asks for is not judged here.
func parseMessage(b []byte) (message, error) {
	switch {
	case len(b) > maxMessage:
		return message{}, breach("a message has more than %d bytes", maxMessage)
	case len(b) < headerSize:
		return message{}, breach("a message of %d bytes, the header alone has %d", len(b), headerSize)
	case b[0] != Version:
		return message{}, breach("a message of version %d, spoken here is %d", b[0], Version)
	}
	detail, number := b[2], binary.LittleEndian.Uint32(b[4:])
	m := message{kind: messageKind(b[1]), id: binary.LittleEndian.Uint64(b[8:]), text: string(b[headerSize:])}
	spare := b[3] != 0
	switch m.kind {
	case kindAsk:
		m.network, m.timeout = detail, number
	case kindFailed:
		m.code = detail
		spare = spare || number != 0
		if m.code == 0 || int(m.code) >= len(codes()) {
			return message{}, breach("a failure with the unknown code %d", m.code)
		}
		if len(m.text) > maxText+len("…") || !utf8.ValidString(m.text) {
			return message{}, breach("a failure whose text is not UTF-8 of at most %d bytes", maxText)
		}
	case kindCancel, kindDone:
		spare = spare || detail != 0 || number != 0 || m.text != ""
	default:
		return message{}, breach("a message of the unknown kind %d", b[1])
	}
	switch {
	case spare:
		return message{}, breach("a message of kind %d with something where nothing belongs", m.kind)
	case m.id == 0:
		return message{}, breach("a message of kind %d with the id 0", m.kind)
	}
	return m, nil
}

// networks are the networks of a dial; the place in the list is the number on the
// wire, "" stands where there is none.
func networks() []string { return []string{"tcp", "", "", "", "tcp4", "", "tcp6"} }

// networkName is the name of a network's number.
func networkName(number uint8) (string, bool) {
	names := networks()
	if int(number) >= len(names) || names[number] == "" {
		return "", false
	}
	return names[number], true
}

// networkNumber is the number of a network's name.
func networkNumber(name string) (uint8, bool) {
	for number, known := range networks() {
		if known == name && known != "" {
			return uint8(number), true
		}
	}
	return 0, false
}
