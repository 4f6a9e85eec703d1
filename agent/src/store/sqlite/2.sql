-- What principals were given, where a policy limits it, by minutes since 1970.
CREATE TABLE usage (
    idp      TEXT NOT NULL,
    sub      TEXT NOT NULL,
    resource TEXT NOT NULL,
    policy   TEXT NOT NULL,
    minute   INTEGER NOT NULL,
    rows     INTEGER NOT NULL,
    bytes    INTEGER NOT NULL,
    PRIMARY KEY (idp, sub, resource, policy, minute)
) STRICT, WITHOUT ROWID;

CREATE INDEX usage_by_minute ON usage (minute);
