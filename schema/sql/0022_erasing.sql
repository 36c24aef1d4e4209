-- SPDX-License-Identifier: Apache-2.0
-- That a clearance's list is erased follows from its seed and from the erasure, so that an erasure's entry changes one
-- row, however many clearances the buyer has.

UPDATE clearance SET seed = decode(repeat('00', 32), 'hex') WHERE erased AND seed IS NOT NULL;
ALTER TABLE clearance DROP COLUMN erased;
COMMENT ON COLUMN clearance.seed IS
    'Secret, 256 random bits: the salt of item n is the first 16 bytes of SHA-256(seed, n in 8 bytes). Zeros: erased; '
    'already while its buyer''s erasure is erasing, the list is not served.';

-- A buyer's clearances, a page at a time.
CREATE INDEX clearance_license ON clearance (license, no);
