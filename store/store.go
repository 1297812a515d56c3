// Package store is what a store serves and what its clients read: listings and their
// releases, the signed index over them, submissions, advisories and revocations.
// docs/store.md has the formats in prose.
//
//   - Listing, Release and File are the catalogue's nouns.
//   - Timestamp, Snapshot and Shard are the index: one short signed document under which
//     everything is named by digest, so that whoever stands between a store and a host can
//     neither change, nor mix, nor roll back, nor freeze what the host sees.
//   - Submission, Advisory and Revocation are what publishers and hosts are told.
//
// Every type here is the JSON of the native API. Texts in them come from publishers; they
// are valid UTF-8 of bounded length and are never expanded, and whoever shows them must
// escape them.
package store
