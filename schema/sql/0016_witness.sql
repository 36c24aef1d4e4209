-- SPDX-License-Identifier: Apache-2.0
-- Cosignatures of witnesses on the log's checkpoints, verified before they are stored.

CREATE TABLE cosignature (
    size    bigint NOT NULL REFERENCES checkpoint (size),
    witness text NOT NULL,
    line    text NOT NULL,
    signed  timestamptz NOT NULL,
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (size, witness)
);
COMMENT ON TABLE cosignature IS 'Cosignatures of checkpoints by witnesses; each was verified before it was stored.';
COMMENT ON COLUMN cosignature.size IS 'The checkpoint.';
COMMENT ON COLUMN cosignature.witness IS 'The witness''s verifier key (vkey), C2SP tlog-cosignature.';
COMMENT ON COLUMN cosignature.line IS 'Its signature line, as it stands below a checkpoint, with the newline.';
COMMENT ON COLUMN cosignature.signed IS 'When the witness signed, by its own word.';
COMMENT ON COLUMN cosignature.at IS 'When it was stored.';
CREATE INDEX cosignature_witness ON cosignature (witness, size);

CALL make_append_only('cosignature');

GRANT SELECT ON cosignature TO :api, :worker;
GRANT INSERT ON cosignature TO :worker;
