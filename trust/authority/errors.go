package authority

import "fmt"

// Code says what went wrong, for programs. The set is closed.
type Code string

// The codes.
const (
	// CodeExists: what should be made is there already.
	CodeExists Code = "exists"
	// CodeNotFound: there is no such authority, organization or certificate.
	CodeNotFound Code = "not_found"
	// CodeNoKey: the key that should sign is not where it is looked for.
	CodeNoKey Code = "no_key"
	// CodePassphrase: the passphrase does not open the key, or none was given.
	CodePassphrase Code = "passphrase"
	// CodeInvalid: a name, a duration or a signing request that can not be taken.
	CodeInvalid Code = "invalid"
	// CodeWeak: a key or a signature that is too weak to be certified.
	CodeWeak Code = "weak"
	// CodeRevoked: the certificate is revoked, or the key is known to others.
	CodeRevoked Code = "revoked"
	// CodeExpired: the certificate of the authority that should sign is not valid now.
	CodeExpired Code = "expired"
	// CodeBusy: another process changes the authority and does not end.
	CodeBusy Code = "busy"
	// CodeDamaged: a file of the authority is not what was written.
	CodeDamaged Code = "damaged"
	// CodeExposed: a key without a passphrase that others on this machine can read.
	CodeExposed Code = "exposed"
)

// Error is a refusal. Its message says what and which.
type Error struct {
	Code Code
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

func refuse(code Code, format string, args ...any) error {
	return &Error{Code: code, Err: fmt.Errorf(format, args...)}
}
