// Package trusttest makes authorities, chains, OCSP answers and CRLs in memory, good ones
// and broken ones.
package trusttest
