-- SPDX-License-Identifier: Apache-2.0
-- Clearances: asked for, judged by a worker, issued or denied in the ledger. What they rest on and leave out.

CREATE TABLE clearance (
    no           bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    id           text NOT NULL UNIQUE,
    license      bigint NOT NULL REFERENCES license (no),
    territory    text NOT NULL,
    model_class  text NOT NULL,
    project      text,
    wanted_until timestamptz,
    requested_at timestamptz NOT NULL,
    pass         bigint NOT NULL DEFAULT 0,
    seed         bytea CHECK (octet_length(seed) = 32),
    state        text NOT NULL DEFAULT 'pending'
                 CHECK (state IN ('pending', 'cleared', 'cleared_with_exclusions', 'refused')),
    granted      boolean GENERATED ALWAYS AS (state IN ('cleared', 'cleared_with_exclusions')) STORED,
    as_of        bigint,
    evaluated_at timestamptz,
    valid_until  timestamptz,
    cleared      bigint,
    counts       text,
    reason       text,
    rows_root    bytea CHECK (octet_length(rows_root) = 32),
    document     bytea CHECK (octet_length(document) = 32),
    index        bigint,
    CHECK ((state = 'pending') = (index IS NULL)),
    CHECK ((index IS NULL) = (as_of IS NULL) AND (index IS NULL) = (evaluated_at IS NULL)
           AND (index IS NULL) = (valid_until IS NULL) AND (index IS NULL) = (cleared IS NULL)
           AND (index IS NULL) = (counts IS NULL) AND (index IS NULL) = (rows_root IS NULL)
           AND (index IS NULL) = (document IS NULL)),
    CHECK (index IS NULL OR seed IS NOT NULL)
);
COMMENT ON TABLE clearance IS
    'Whether the items of a license may be used now. Of those issued for a license the newest counts.';
COMMENT ON COLUMN clearance.no IS 'Short number for the tables that hang from it.';
COMMENT ON COLUMN clearance.id IS 'clr_…';
COMMENT ON COLUMN clearance.license IS 'Under which license; it says the purpose.';
COMMENT ON COLUMN clearance.territory IS 'Where the items are to be used: within the license''s territory.';
COMMENT ON COLUMN clearance.model_class IS 'In models of which class.';
COMMENT ON COLUMN clearance.project IS 'What the buyer calls the project; private.';
COMMENT ON COLUMN clearance.wanted_until IS 'Until when it was asked for; null: for as long as clearances are given.';
COMMENT ON COLUMN clearance.requested_at IS 'When.';
COMMENT ON COLUMN clearance.pass IS
    'Number of the newest pass over the items: what an older one has found is not used any more.';
COMMENT ON COLUMN clearance.seed IS
    'Secret, 256 random bits: the salt of item n is the first 16 bytes of SHA-256(seed, n in 8 bytes).';
COMMENT ON COLUMN clearance.state IS 'pending until a worker has judged; then what it found.';
COMMENT ON COLUMN clearance.granted IS 'It was issued, not denied.';
COMMENT ON COLUMN clearance.as_of IS 'Size of the log whose state was judged: no later withdrawal is in it.';
COMMENT ON COLUMN clearance.evaluated_at IS 'When it was judged.';
COMMENT ON COLUMN clearance.valid_until IS 'Valid before.';
COMMENT ON COLUMN clearance.cleared IS 'Items that it clears.';
COMMENT ON COLUMN clearance.counts IS 'Canonical JSON: items that it leaves out, by reason.';
COMMENT ON COLUMN clearance.reason IS 'Of every item alike, which then have no rows in clearance_exclusion; else null.';
COMMENT ON COLUMN clearance.rows_root IS 'List root over {consents,item,salt} of the items that it clears.';
COMMENT ON COLUMN clearance.document IS 'Its TrainingClearance, without proof.';
COMMENT ON COLUMN clearance.index IS 'Entry clearance.issued or clearance.denied.';
CREATE INDEX clearance_newest ON clearance (license, index DESC) WHERE granted;
CREATE INDEX clearance_pending ON clearance (license) WHERE state = 'pending';

CREATE TABLE clearance_consent (
    clearance bigint NOT NULL,
    consent   bigint NOT NULL,
    verdict   integer NOT NULL,
    clears    boolean NOT NULL,
    PRIMARY KEY (clearance, consent)
);
COMMENT ON TABLE clearance_consent IS
    'Consents of the creators of a clearance''s items, each judged once for all of them. Those of a pass are replaced'
    ' by the next one''s; of a clearance that was decided they stay.';
COMMENT ON COLUMN clearance_consent.clearance IS 'The clearance.';
COMMENT ON COLUMN clearance_consent.consent IS 'The consent.';
COMMENT ON COLUMN clearance_consent.verdict IS 'What was found, by its place in the table of verdicts of that time.';
COMMENT ON COLUMN clearance_consent.clears IS 'It grants what the clearance is about.';

CREATE TABLE clearance_exclusion (
    clearance bigint NOT NULL,
    n         integer NOT NULL,
    reason    text NOT NULL,
    PRIMARY KEY (clearance, n)
);
COMMENT ON TABLE clearance_exclusion IS
    'Items that a clearance leaves out: all others of the license''s slice it clears. Kept like clearance_consent.';
COMMENT ON COLUMN clearance_exclusion.clearance IS 'The clearance.';
COMMENT ON COLUMN clearance_exclusion.n IS 'Number of the item within its version.';
COMMENT ON COLUMN clearance_exclusion.reason IS 'Why: a code of docs/credentials.md.';

CREATE VIEW cleared_item AS
    SELECT c.no AS clearance, m.version, m.n
      FROM clearance c JOIN license l ON l.no = c.license JOIN slice_member m ON m.slice = l.slice_no
     WHERE c.granted AND NOT EXISTS (SELECT FROM clearance_exclusion x WHERE x.clearance = c.no AND x.n = m.n);
COMMENT ON VIEW cleared_item IS 'The items that each clearance cleared when it was issued, whatever came since.';
COMMENT ON COLUMN cleared_item.clearance IS 'The clearance.';
COMMENT ON COLUMN cleared_item.version IS 'The item''s version.';
COMMENT ON COLUMN cleared_item.n IS 'Number of the item within it.';

CREATE INDEX consent_withdrawn_since ON consent (withdrawn) WHERE withdrawn IS NOT NULL;

GRANT SELECT ON clearance, clearance_consent, clearance_exclusion, cleared_item TO :api, :worker;
GRANT INSERT ON clearance TO :api;
GRANT INSERT, DELETE ON clearance_consent, clearance_exclusion TO :worker;
GRANT UPDATE ON clearance TO :worker;
