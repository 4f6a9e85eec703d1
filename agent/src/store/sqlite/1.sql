CREATE TABLE request (
    id         TEXT PRIMARY KEY,
    kind       TEXT NOT NULL CHECK (kind IN ('access', 'statement')),
    state      TEXT NOT NULL
        CHECK (state IN ('pending', 'approved', 'rejected', 'withdrawn', 'used', 'expired')),
    resource   TEXT NOT NULL,
    sub        TEXT NOT NULL,
    idp        TEXT NOT NULL,
    actor      TEXT,
    name       TEXT NOT NULL,
    reason     TEXT,
    binding    TEXT NOT NULL,
    details    TEXT NOT NULL,
    sealed     BLOB,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used       INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX request_of ON request (sub, idp, state);
CREATE INDEX request_by_end ON request (state, expires_at);
-- One pending request for one thing, whatever races.
CREATE UNIQUE INDEX request_pending
    ON request (kind, sub, idp, coalesce(actor, ''), resource, binding) WHERE state = 'pending';

CREATE TABLE verdict (
    request TEXT NOT NULL REFERENCES request (id) ON DELETE CASCADE,
    state   TEXT NOT NULL CHECK (state IN ('approved', 'rejected', 'withdrawn')),
    sub     TEXT NOT NULL,
    idp     TEXT NOT NULL,
    name    TEXT NOT NULL,
    reason  TEXT,
    at      INTEGER NOT NULL
) STRICT;

CREATE INDEX verdict_of ON verdict (request);

CREATE TABLE seen (
    request TEXT NOT NULL REFERENCES request (id) ON DELETE CASCADE,
    sub     TEXT NOT NULL,
    idp     TEXT NOT NULL,
    PRIMARY KEY (request, sub, idp)
) STRICT;
