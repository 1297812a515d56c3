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
// Who runs a store signs with SignTimestamp. Who reads one calls NewReader once, with a
// Source (NewHTTPSource, OpenExport), and Reader.Refresh for each look:
//
//	view, err := reader.Refresh(ctx)
//	listing, err := view.Listing(ctx, "org.acme.hello")
//	err = view.Download(ctx, file, into, progress)
//	err = Export(ctx, view, w, ExportOptions{Files: true})
//
// Promised: whatever a View gives was signed by the store, byte for byte, and is not older
// than what was seen before; nothing is read without end; every refusal is an *Error with
// one of Codes.
//
// Every type here is the JSON of the native API. Texts in them come from publishers; they
// are valid UTF-8 of bounded length and are never expanded, and whoever shows them must
// escape them.
package store
