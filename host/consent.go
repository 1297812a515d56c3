package host

import "time"

// Grant is what somebody has decided about one permission of an extension.
type Grant struct {
	// Permission is in the one spelling of extension_permissions.
	Permission string `json:"permission"`
	// By is who decided: folder for who put the first version there, admin, or host.
	By string    `json:"by"`
	At time.Time `json:"at"`
	// Unused says that the current version does not ask for it. It is kept for the
	// versions that can be rolled back to, and forgotten with the last that asks.
	Unused bool `json:"unused"`
}

// Consent is what a version waits for: nobody has decided about Needs.
type Consent struct {
	Version string `json:"version"`
	Digest  string `json:"digest"`
	File    string `json:"file"`
	Needs   []Need `json:"needs"` // never empty
}

// Need is one thing that is to be consented to.
type Need struct {
	Kind NeedKind `json:"kind"`
	// What is the permission, in the one spelling of extension_permissions.
	What string `json:"what"`
}

// NeedKind says of which kind a Need is. The set is closed.
type NeedKind string

// The kinds.
const NeedPermission NeedKind = "permission"
