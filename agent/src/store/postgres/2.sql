-- Who has made a request, and what of it the log of each agent has: what is made or decided at one agent comes into the
-- log of another one before it counts there, and once. An agent of the first version, which may still run, says nothing.
ALTER TABLE request ADD COLUMN agent text NOT NULL DEFAULT '', ADD COLUMN log text NOT NULL DEFAULT '';

-- That it was made, and verdicts of others up to this number.
CREATE TABLE logged (
    request text NOT NULL REFERENCES request (id) ON DELETE CASCADE,
    agent   text NOT NULL,
    verdict bigint NOT NULL,
    PRIMARY KEY (request, agent)
);
