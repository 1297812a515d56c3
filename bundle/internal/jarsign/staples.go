package jarsign

import (
	"bytes"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

const maxStaples = 8

// ParseStaples splits OCSP answers that stand one after another, in DER. What they say
// is not looked at. Of no bytes it makes no answers.
func ParseStaples(data []byte) ([][]byte, error) {
	if len(data) > MaxStaples {
		return nil, fmt.Errorf("the OCSP answers have %d bytes, more than the %d allowed", len(data), MaxStaples)
	}
	var list [][]byte
	for in := cryptobyte.String(data); !in.Empty(); {
		var answer cryptobyte.String
		if !in.ReadASN1Element(&answer, asn1.SEQUENCE) {
			return nil, fmt.Errorf("answer %d is no OCSP answer in DER", len(list)+1)
		}
		if len(list) == maxStaples {
			return nil, fmt.Errorf("there are more than %d OCSP answers", maxStaples)
		}
		list = append(list, bytes.Clone(answer))
	}
	return list, nil
}
