package state

// migrations are the steps from an empty database to the newest form; the number of
// steps done is PRAGMA user_version. A step that was released is never edited. Times
// are microseconds since 1970, 0 for none.
func migrations() []string {
	return []string{`
CREATE TABLE extension (
	id          TEXT PRIMARY KEY,
	disabled    INTEGER NOT NULL,
	unconfirmed INTEGER NOT NULL,
	pinned      TEXT NOT NULL,
	current     TEXT NOT NULL,
	version     TEXT NOT NULL,
	file        TEXT NOT NULL,
	removed     INTEGER NOT NULL,
	rejected    TEXT NOT NULL -- JSON
) WITHOUT ROWID;
CREATE TABLE version (
	extension TEXT NOT NULL REFERENCES extension(id) ON DELETE CASCADE,
	digest    TEXT NOT NULL,
	version   TEXT NOT NULL,
	file      TEXT NOT NULL,
	first     INTEGER NOT NULL,
	last      INTEGER NOT NULL,
	PRIMARY KEY (extension, digest)
) WITHOUT ROWID;
-- History needs no row of its extension: what was refused has one too.
CREATE TABLE history (
	seq       INTEGER PRIMARY KEY AUTOINCREMENT,
	extension TEXT NOT NULL,
	time      INTEGER NOT NULL,
	kind      TEXT NOT NULL,
	version   TEXT NOT NULL,
	digest    TEXT NOT NULL,
	actor     TEXT NOT NULL,
	code      TEXT NOT NULL,
	message   TEXT NOT NULL
);
CREATE INDEX history_of ON history (extension, seq);
-- Evidence is big and forgotten earlier than its event, hence apart.
CREATE TABLE evidence (
	seq       INTEGER PRIMARY KEY REFERENCES history(seq) ON DELETE CASCADE,
	extension TEXT NOT NULL,
	body      TEXT NOT NULL -- JSON
);
CREATE INDEX evidence_of ON evidence (extension, seq);
CREATE TABLE audit (
	seq    INTEGER PRIMARY KEY AUTOINCREMENT,
	time   INTEGER NOT NULL,
	actor  TEXT NOT NULL,
	action TEXT NOT NULL,
	target TEXT NOT NULL,
	before TEXT NOT NULL, -- JSON or empty
	after  TEXT NOT NULL, -- JSON or empty
	remote TEXT NOT NULL
);
CREATE TABLE value (
	key   TEXT PRIMARY KEY,
	value TEXT NOT NULL
) WITHOUT ROWID;
`, `
ALTER TABLE extension ADD COLUMN consented INTEGER NOT NULL DEFAULT 0;
ALTER TABLE extension ADD COLUMN decisions TEXT NOT NULL DEFAULT 'null'; -- JSON
ALTER TABLE version ADD COLUMN permissions TEXT NOT NULL DEFAULT 'null'; -- JSON
`, `
ALTER TABLE extension ADD COLUMN publisher TEXT NOT NULL DEFAULT '';
`, `
CREATE TABLE account (
	kind TEXT NOT NULL, -- user, token or session
	key  TEXT NOT NULL,
	body TEXT NOT NULL CHECK (json_valid(body)),
	PRIMARY KEY (kind, key)
) WITHOUT ROWID;
`, `
-- What administrators have set for extensions, the last revisions of each. The sealed
-- secrets of a revision are forgotten when there is a newer one.
CREATE TABLE configuration (
	extension TEXT NOT NULL,
	revision  INTEGER NOT NULL,
	time      INTEGER NOT NULL,
	actor     TEXT NOT NULL,
	content   TEXT NOT NULL, -- JSON
	secrets   TEXT NOT NULL, -- JSON
	PRIMARY KEY (extension, revision)
) WITHOUT ROWID;
`, `
ALTER TABLE extension ADD COLUMN log_level TEXT NOT NULL DEFAULT '';
-- How a change that must not be made twice was answered.
CREATE TABLE reply (
	actor  TEXT NOT NULL,
	key    TEXT NOT NULL,
	digest TEXT NOT NULL,
	answer TEXT NOT NULL, -- JSON
	time   INTEGER NOT NULL,
	PRIMARY KEY (actor, key)
);
CREATE INDEX reply_time ON reply (time);
`, `
-- Plans of installation: those under way, and the last that have ended.
CREATE TABLE plan (
	seq  INTEGER PRIMARY KEY AUTOINCREMENT,
	id   TEXT NOT NULL UNIQUE,
	over INTEGER NOT NULL,
	body TEXT NOT NULL -- JSON
);
`}
}

// originKey holds a Restored or Lost origin until it is acknowledged.
const originKey = "state.origin"
