package jpl

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/jackfield-host/jackfield/internal/schema"
)

var errNoObject = errors.New("it is not a JSON object")

// parseObject reads one JSON object strictly: see checkJSON.
func parseObject(data []byte) (map[string]json.RawMessage, error) {
	if err := checkJSON(data); err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil || members == nil {
		return nil, errNoObject
	}
	return members, nil
}

// checkJSON takes one JSON value that every reader takes for the same: UTF-8, no key twice,
// nothing around it, no number beyond a double, no half of a character. Jami's reader
// takes more in one place, and less in another.
func checkJSON(data []byte) error {
	if err := schema.CheckJSON(data); err != nil {
		return err
	}
	var value any
	if err := json.Unmarshal(data, &value); err != nil {
		return errors.New("it has a number that is out of range")
	}
	if !pairedSurrogates(data) {
		return errors.New(`it has half of a character (\ud800 to \udfff alone)`)
	}
	return nil
}

// pairedSurrogates reports whether each escape of a half of a character stands beside that
// of its other half. data is JSON, in which a backslash stands within strings alone.
func pairedSurrogates(data []byte) bool {
	for {
		at := bytes.IndexByte(data, '\\')
		if at < 0 {
			return true
		}
		data = data[at:]
		high, n := unit(data)
		data = data[n:]
		switch {
		case high < 0xd800 || high > 0xdfff:
			continue
		case high >= 0xdc00:
			return false
		}
		low, n := unit(data)
		if low < 0xdc00 || low > 0xdfff {
			return false
		}
		data = data[n:]
	}
}

// unit reads an escape at the front of data: its UTF-16 code unit, 0 when it is none of
// that kind, and how many bytes to go on behind.
func unit(data []byte) (code uint64, size int) {
	if len(data) < 6 || data[0] != '\\' || data[1] != 'u' {
		return 0, min(2, len(data))
	}
	code, _ = strconv.ParseUint(string(data[2:6]), 16, 16) // CheckJSON has seen to it
	return code, 6
}
