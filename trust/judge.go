package trust

import "context"

// The names of checks, in the order in which they are made.
const (
	checkSignature    = "signature"               // there is one
	checkAlgorithms   = "algorithms"              // keys and signatures of all certificates
	checkOrder        = "order"                   // each certificate is signed by the next one
	checkRoot         = "root"                    // the chain leads to a trusted root
	checkOrganization = "organization"            // is as the profile wants it
	checkExtension    = "extension"               // the leaf is as the profile wants it
	checkIdentity     = "identity"                // the leaf names the claimed id
	checkTimestamp    = "timestamp"               // proves when it was signed
	checkValidity     = "validity"                // all was valid when it was signed
	checkRevokedOrg   = "revocation organization" // the root has not taken the organization back
	checkRevokedLeaf  = "revocation extension"    // nor the organization the leaf
	checkPublisher    = "publisher"               // is the one that was pinned
)

// Judge judges one claim. Where answers about revocation are at hand it asks nobody; else
// it waits for the network no longer than ctx and Config.Timeout allow.
func (j *Judge) Judge(ctx context.Context, claim Claim) Verdict {
	return Verdict{}.fail(checkSignature, CodeUnsigned, "the bundle is not signed")
}
