-- Names are those of the SQLite store. `agent` is the id of an agent, `log` the name of its log.
CREATE TABLE request (
    id         text PRIMARY KEY,
    number     bigint GENERATED ALWAYS AS IDENTITY,
    kind       text NOT NULL,
    state      text NOT NULL
        CHECK (state IN ('pending', 'approved', 'rejected', 'withdrawn', 'used', 'expired')),
    resource   text NOT NULL,
    sub        text NOT NULL,
    idp        text NOT NULL,
    actor      text,
    name       text NOT NULL,
    reason     text,
    binding    text NOT NULL,
    details    text NOT NULL,
    sealed     bytea,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    -- Digest of what an approval with any values is for, where there can be one.
    template   text,
    -- Runs that are left of such an approval; of one for a single run there is no number.
    runs_left  bigint
);

CREATE INDEX request_of ON request (sub, idp, state);
CREATE INDEX request_by_end ON request (state, expires_at);
CREATE INDEX request_for_a_time ON request (kind, state) WHERE kind IN ('unmask', 'window', 'break_glass');
-- One pending request for one thing, whatever races.
CREATE UNIQUE INDEX request_pending
    ON request (kind, sub, idp, coalesce(actor, ''), resource, binding) WHERE state = 'pending';

CREATE TABLE verdict (
    number  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request text NOT NULL REFERENCES request (id) ON DELETE CASCADE,
    state   text NOT NULL CHECK (state IN ('approved', 'rejected', 'withdrawn')),
    sub     text NOT NULL,
    idp     text NOT NULL,
    name    text NOT NULL,
    reason  text,
    at      bigint NOT NULL,
    agent   text NOT NULL,
    log     text NOT NULL
);

CREATE INDEX verdict_of ON verdict (request);

CREATE TABLE seen (
    request text NOT NULL REFERENCES request (id) ON DELETE CASCADE,
    sub     text NOT NULL,
    idp     text NOT NULL,
    PRIMARY KEY (request, sub, idp)
);

-- Which agents have used an access: each has it in its own log.
CREATE TABLE used (
    request text NOT NULL REFERENCES request (id) ON DELETE CASCADE,
    agent   text NOT NULL,
    PRIMARY KEY (request, agent)
);

-- What principals were given by each agent, where a policy limits it, by minutes since 1970.
CREATE TABLE usage (
    agent    text NOT NULL,
    idp      text NOT NULL,
    sub      text NOT NULL,
    resource text NOT NULL,
    policy   text NOT NULL,
    minute   bigint NOT NULL,
    rows     bigint NOT NULL,
    bytes    bigint NOT NULL,
    PRIMARY KEY (agent, idp, sub, resource, policy, minute)
);

CREATE INDEX usage_by_minute ON usage (minute);

-- What ends sessions before their time, in the order in which it counts. `forgotten_at`: none, for ever.
CREATE TABLE revocation (
    number       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agent        text NOT NULL,
    event        text NOT NULL,
    forgotten_at bigint
);

-- Which store this is: numbers of another one mean nothing here. `code` says whether an agent has the same
-- `key_file` as those before it.
CREATE TABLE store (
    one  boolean PRIMARY KEY DEFAULT true CHECK (one),
    id   text NOT NULL DEFAULT gen_random_uuid(),
    code text NOT NULL
);
