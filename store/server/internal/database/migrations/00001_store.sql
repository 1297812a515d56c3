-- +goose Up
-- Runs on SQLite and PostgreSQL as it stands. Times are microseconds since 1970, 0 for
-- none; digests are the 32 bytes of a SHA-256; a document is JSON, as BYTEA compressed
-- with gzip. A migration that was released is never edited.

-- The one row whose lock puts all changes of the catalogue in one order.
CREATE TABLE catalogue (
	one      INTEGER PRIMARY KEY CHECK (one = 1),
	sequence BIGINT NOT NULL, -- of the last change
	lists    BIGINT NOT NULL  -- of the last change of advisories, revocations or labels
);
INSERT INTO catalogue (one, sequence, lists) VALUES (1, 0, 0);

CREATE TABLE counter (
	name  TEXT PRIMARY KEY,
	value BIGINT NOT NULL,
	note  TEXT NOT NULL -- of the audit trail: the hash of its last entry
);
INSERT INTO counter (name, value, note) VALUES ('submission', 0, ''), ('audit', 0, ''), ('downloads', 0, '');

CREATE TABLE organizations (
	name    TEXT PRIMARY KEY,
	title   TEXT NOT NULL,
	created BIGINT NOT NULL
);
CREATE TABLE organization_keys (
	pin          TEXT PRIMARY KEY,
	organization TEXT NOT NULL REFERENCES organizations (name) ON DELETE CASCADE
);
CREATE INDEX organization_keys_of ON organization_keys (organization);

CREATE TABLE tokens (
	id           TEXT PRIMARY KEY,
	hash         BYTEA NOT NULL UNIQUE,
	name         TEXT NOT NULL,
	role         TEXT NOT NULL,
	organization TEXT REFERENCES organizations (name) ON DELETE CASCADE,
	created      BIGINT NOT NULL,
	expires      BIGINT NOT NULL,
	last_used    BIGINT NOT NULL
);

CREATE TABLE listings (
	number       BIGINT PRIMARY KEY, -- the sequence of its first change
	id           TEXT NOT NULL,
	folded       TEXT NOT NULL UNIQUE,
	name         TEXT NOT NULL, -- folded for the order of what is found
	organization TEXT NOT NULL REFERENCES organizations (name),
	format       TEXT NOT NULL,
	sequence     BIGINT NOT NULL UNIQUE, -- of its last change
	hidden       BOOLEAN NOT NULL,
	digest       BYTEA NOT NULL, -- of the document
	size         BIGINT NOT NULL,
	document     BYTEA NOT NULL
);
CREATE INDEX listings_of ON listings (organization);

-- What must be unique, and what is too much for the document, of each release in it.
CREATE TABLE releases (
	listing   BIGINT NOT NULL REFERENCES listings (number),
	version   TEXT NOT NULL,
	state     TEXT NOT NULL,
	channel   TEXT NOT NULL,
	published BIGINT NOT NULL,
	detail    BYTEA, -- a document
	PRIMARY KEY (listing, version)
);
CREATE TABLE files (
	digest  BYTEA PRIMARY KEY,
	listing BIGINT NOT NULL,
	version TEXT NOT NULL,
	FOREIGN KEY (listing, version) REFERENCES releases (listing, version)
);
CREATE TABLE pictures (
	digest  BYTEA NOT NULL,
	listing BIGINT NOT NULL REFERENCES listings (number),
	PRIMARY KEY (digest, listing)
);
CREATE INDEX pictures_of ON pictures (listing);

CREATE TABLE submissions (
	number       BIGINT PRIMARY KEY,
	organization TEXT NOT NULL,
	request      TEXT, -- the client's word for the request
	source       TEXT NOT NULL,
	state        TEXT NOT NULL,
	digest       TEXT NOT NULL,
	listing      TEXT NOT NULL,
	updated      BIGINT NOT NULL,
	document     TEXT NOT NULL,
	claim        TEXT NOT NULL,
	claimed      BIGINT NOT NULL, -- until when
	attempts     INTEGER NOT NULL,
	UNIQUE (organization, request)
);
CREATE INDEX submissions_waiting ON submissions (number) WHERE state IN ('submitted', 'checking');
CREATE INDEX submissions_of ON submissions (organization, number);
CREATE INDEX submissions_digest ON submissions (digest);

CREATE TABLE advisories (
	id       TEXT PRIMARY KEY,
	folded   TEXT NOT NULL, -- id of the listing
	document TEXT NOT NULL
);
CREATE INDEX advisories_of ON advisories (folded);
CREATE TABLE revocations (
	digest   TEXT NOT NULL,
	folded   TEXT NOT NULL,
	version  TEXT NOT NULL,
	document TEXT NOT NULL,
	PRIMARY KEY (digest, folded, version)
);
CREATE INDEX revocations_of ON revocations (folded);
CREATE TABLE labels (
	id       TEXT PRIMARY KEY,
	document TEXT NOT NULL
);

CREATE TABLE timestamps (
	sequence BIGINT PRIMARY KEY,
	issued   BIGINT NOT NULL,
	expires  BIGINT NOT NULL,
	snapshot TEXT NOT NULL,
	envelope BYTEA NOT NULL
);

CREATE TABLE downloads (
	day      BIGINT NOT NULL, -- since 1970
	listing  TEXT NOT NULL,
	version  TEXT NOT NULL,
	platform TEXT NOT NULL,
	count    BIGINT NOT NULL,
	PRIMARY KEY (day, listing, version, platform)
);
CREATE INDEX downloads_of ON downloads (listing, day);
CREATE TABLE download_totals (
	listing TEXT PRIMARY KEY,
	count   BIGINT NOT NULL
);

CREATE TABLE audit (
	number BIGINT PRIMARY KEY,
	time   BIGINT NOT NULL,
	actor  TEXT NOT NULL,
	action TEXT NOT NULL,
	target TEXT NOT NULL,
	reason TEXT NOT NULL,
	detail TEXT NOT NULL,
	remote TEXT NOT NULL,
	hash   TEXT NOT NULL
);
CREATE INDEX audit_target ON audit (target, number);
CREATE INDEX audit_actor ON audit (actor, number);
