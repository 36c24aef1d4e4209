-- SPDX-License-Identifier: Apache-2.0
-- What an access looks at stays little, however many consents of an item were withdrawn; dead jobs found by their key;
-- payments of licenses that end without a clearance.

ALTER TABLE consent ADD COLUMN pruned boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN consent.pruned IS
    'Of a revoked one: a worker has seen to it that each of its items keeps one row of item_block of what was revoked.';
CREATE INDEX consent_unpruned ON consent (no) WHERE state = 'revoked' AND NOT pruned;
CREATE INDEX item_block_consent ON item_block (consent, version, n);
COMMENT ON TABLE item_block IS
    'Items that rest on a consent being withdrawn. A row says nothing by itself: the consent''s `withdrawn` does. Of'
    ' the revoked consents of an item the row of the newest stays: it binds every clearance that the others bind.';

ALTER TABLE allocation ALTER COLUMN clearance DROP NOT NULL;
COMMENT ON COLUMN allocation.clearance IS
    'Its first clearance; null: the license ended without one, and all of its payment goes back.';

CREATE INDEX job_dead_of ON job (kind, key) WHERE state = 'dead';

GRANT DELETE ON item_block TO :worker;
