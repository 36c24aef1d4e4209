-- SPDX-License-Identifier: Apache-2.0
-- Sealing by a worker, how far a version's verification has come, what is verified for whom.

-- What is broken, and what is paused for it, are few: found without looking at all that is well.
CREATE INDEX content_broken ON content (sha256) WHERE state IN ('corrupt', 'missing');
CREATE INDEX offer_paused ON offer (version) WHERE state = 'paused';
-- From a content to the versions that hold it, a step for each version however many of its items share the content.
CREATE INDEX item_content_version ON item (sha256, version);
DROP INDEX item_content;

-- ---------------------------------------------------------------- sealing

ALTER TABLE version DROP CONSTRAINT version_state_check;
ALTER TABLE version ADD CONSTRAINT version_state_check
    CHECK (state IN ('draft', 'sealing', 'sealed', 'published', 'yanked'));
COMMENT ON COLUMN version.state IS
    'draft: parts are being loaded; sealing: a worker sorts the items; sealed: roots known; published; yanked.';
ALTER TABLE version ADD COLUMN fault text;
COMMENT ON COLUMN version.fault IS 'Why a worker could not seal the draft; told at the next wish to publish it.';
CREATE INDEX draft_item_path ON draft_item (version, path);

-- ---------------------------------------------------------------- how far a version is verified

ALTER TABLE version ADD COLUMN checked bigint;
COMMENT ON COLUMN version.checked IS
    'So many items, from the first, have been verified for this version; null: published before this was kept.';
ALTER TABLE version ADD COLUMN verified bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN version.verified IS 'Items among them whose content was in order when last counted.';
ALTER TABLE version ADD COLUMN corrupt bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN version.corrupt IS 'Items among them whose content was corrupt.';
ALTER TABLE version ADD COLUMN missing bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN version.missing IS 'Items among them whose content was missing.';

ALTER TABLE content_upload ADD COLUMN verified_at timestamptz;
COMMENT ON COLUMN content_upload.verified_at IS
    'When a worker last verified the bytes for a version of this party: what others hold is not its business.';

UPDATE content_upload u SET verified_at = c.verified_at FROM content c
 WHERE c.sha256 = u.sha256 AND c.state = 'verified' AND c.verified_at >= u.uploaded_at;
UPDATE version v SET verified = n.verified, corrupt = n.corrupt, missing = n.missing
  FROM (SELECT i.version, count(*) FILTER (WHERE c.state = 'verified') AS verified,
               count(*) FILTER (WHERE c.state = 'corrupt') AS corrupt,
               count(*) FILTER (WHERE c.state = 'missing') AS missing
          FROM item i JOIN content c ON c.sha256 = i.sha256 GROUP BY i.version) n
 WHERE v.no = n.version AND v.state IN ('published', 'yanked');

-- ---------------------------------------------------------------- who may do what

GRANT INSERT ON item TO :worker;
GRANT UPDATE (verified_at) ON content_upload TO :worker;

-- ---------------------------------------------------------------- lists of payments

CREATE INDEX payment_party ON payment (party, id);
CREATE INDEX payment_received ON payment (id) WHERE license IS NULL;
