-- More kinds of requests, and approvals for several runs. A CHECK can only be changed with its table; what refers to
-- it refers to it by its name, and keys are not looked at while this runs.
CREATE TABLE request_3 (
    id         TEXT PRIMARY KEY,
    kind       TEXT NOT NULL CHECK (kind IN ('access', 'statement', 'unmask', 'window', 'break_glass')),
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
    used       INTEGER NOT NULL DEFAULT 0,
    -- Digest of what an approval with any values is for, where there can be one.
    template   TEXT,
    -- Runs that are left of such an approval; of one for a single run there is no number.
    runs_left  INTEGER
) STRICT;

INSERT INTO request_3 SELECT id, kind, state, resource, sub, idp, actor, name, reason, binding, details, sealed,
    created_at, expires_at, used, NULL, NULL FROM request;
DROP TABLE request;
ALTER TABLE request_3 RENAME TO request;

CREATE INDEX request_of ON request (sub, idp, state);
CREATE INDEX request_by_end ON request (state, expires_at);
CREATE UNIQUE INDEX request_pending
    ON request (kind, sub, idp, coalesce(actor, ''), resource, binding) WHERE state = 'pending';
CREATE INDEX request_for_a_time ON request (kind, state) WHERE kind IN ('unmask', 'window', 'break_glass');
