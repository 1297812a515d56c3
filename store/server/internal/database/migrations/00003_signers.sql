-- +goose Up
-- By which key all replicas sign for one use. Only the key's fingerprint is here: whoever
-- reads the database can not sign.
CREATE TABLE signers (
	use     TEXT PRIMARY KEY,
	pin     TEXT NOT NULL,
	claimed BIGINT NOT NULL
);
