-- SPDX-License-Identifier: Apache-2.0
-- Jobs that ended go after a time; how far the log has been hashed again stays.

GRANT DELETE ON job TO :worker;
CREATE INDEX job_ended ON job (done_at) WHERE state = 'done';
CREATE INDEX job_dead ON job (id) WHERE state = 'dead';

CREATE TABLE rehash (
    one         boolean PRIMARY KEY DEFAULT true CHECK (one),
    size        bigint NOT NULL DEFAULT 0 CHECK (size >= 0),
    root        bytea CHECK (octet_length(root) = 32),
    total       bigint NOT NULL DEFAULT 0 CHECK (total >= size),
    passed_size bigint NOT NULL DEFAULT 0,
    passed_at   timestamptz
);
COMMENT ON TABLE rehash IS 'How far a worker has hashed the whole stored log again: one row.';
COMMENT ON COLUMN rehash.one IS 'Always true: there is one row.';
COMMENT ON COLUMN rehash.size IS 'Entries that the pass under way has hashed; it goes on from there.';
COMMENT ON COLUMN rehash.root IS 'Root over these entries.';
COMMENT ON COLUMN rehash.total IS 'Entries that the pass under way is to hash.';
COMMENT ON COLUMN rehash.passed_size IS 'Entries of the last pass that came to its end.';
COMMENT ON COLUMN rehash.passed_at IS 'When that was.';
INSERT INTO rehash DEFAULT VALUES;
GRANT SELECT ON rehash TO :api, :worker;
GRANT UPDATE ON rehash TO :worker;
