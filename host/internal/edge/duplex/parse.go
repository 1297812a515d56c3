package duplex

import (
	"github.com/jackfield-host/jackfield/host/internal/edge/envelope"
	"github.com/jackfield-host/jackfield/sdk"
)

func parse(j *job) error { return envelope.Parse(j.text, &j.Line) }

// parseRequest takes a line apart that must be a request.
func parseRequest(j *job) error {
	if err := parse(j); err != nil {
		return err
	}
	if j.Cancel != nil || j.Subscribe != nil || j.Unsubscribe != nil {
		return sdk.Errorf(sdk.InvalidArgument, "cancel, subscribe and unsubscribe are for GET /v1/connect")
	}
	return checkRequest(j)
}

// checkRequest checks that what a request must have is there.
func checkRequest(j *job) error {
	switch {
	case j.ID == nil:
		return sdk.Errorf(sdk.InvalidArgument, "the key id is missing")
	case j.Type == nil:
		return sdk.Errorf(sdk.InvalidArgument, "the key type is missing")
	case j.Payload == nil && j.Base64 == nil:
		return sdk.Errorf(sdk.InvalidArgument, "a payload is missing: payload, or payload_base64 with content_type")
	case j.Payload != nil && j.Base64 != nil:
		return sdk.Errorf(sdk.InvalidArgument, "payload and payload_base64 exclude each other")
	case j.Payload != nil && j.Media != nil:
		return sdk.Errorf(sdk.InvalidArgument, "content_type belongs to payload_base64; payload is application/json")
	}
	return nil
}
