-- SPDX-License-Identifier: Apache-2.0
-- The log's life: later keys of the issuer, and the log's end.

CREATE TABLE issuer_key (
    index bigint PRIMARY KEY,
    key   text NOT NULL UNIQUE
);
COMMENT ON TABLE issuer_key IS 'Later keys of the issuer; the first is in `log`. The newest is in force.';
COMMENT ON COLUMN issuer_key.index IS 'Entry that brought it: issuer.key_changed.';
COMMENT ON COLUMN issuer_key.key IS 'Its verifier key.';
CALL make_append_only('issuer_key');

CREATE TABLE log_frozen (
    index     bigint PRIMARY KEY,
    successor text NOT NULL
);
CREATE UNIQUE INDEX log_frozen_once ON log_frozen ((true));
COMMENT ON TABLE log_frozen IS 'The end of the log, if it has come: nothing is appended after it.';
COMMENT ON COLUMN log_frozen.index IS 'The log''s last entry: log.frozen.';
COMMENT ON COLUMN log_frozen.successor IS 'Verifier key of the log that goes on; its name is that log''s origin.';
CALL make_append_only('log_frozen');

GRANT SELECT ON issuer_key, log_frozen TO :api, :worker;
