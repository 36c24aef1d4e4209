-- SPDX-License-Identifier: Apache-2.0
-- The rules version in force: logs that began under version 1 go on, their later entries are of later versions.

CREATE TABLE rules (
    version integer PRIMARY KEY CHECK (version >= 1),
    index   bigint NOT NULL
);
COMMENT ON TABLE rules IS 'Rules versions of the log; the largest is in force, under the ledger''s lock.';
COMMENT ON COLUMN rules.version IS 'The version.';
COMMENT ON COLUMN rules.index IS 'Entry that brought it: log.opened or rules.changed.';
-- A log that was begun but has no entry yet opens under the version of the program that opens it.
INSERT INTO rules (version, index) SELECT 1, 0 FROM log WHERE EXISTS (SELECT FROM entry WHERE index = 0);
CALL make_append_only('rules');
GRANT SELECT ON rules TO :api, :worker;
