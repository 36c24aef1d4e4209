-- SPDX-License-Identifier: Apache-2.0
-- Tariffs of offers; slices in quotes and licenses; the contributors of what was published before they were rows.

ALTER TABLE offer ADD COLUMN kind text NOT NULL DEFAULT 'flat' CHECK (kind IN ('flat', 'per_item'));
ALTER TABLE offer ADD COLUMN minimum bigint NOT NULL DEFAULT 0 CHECK (minimum >= 0);
ALTER TABLE offer ADD CONSTRAINT offer_minimum CHECK (minimum = 0 OR kind = 'per_item');
COMMENT ON COLUMN offer.kind IS 'flat: the amount is for a slice, whatever it holds; per_item: for each of its items.';
COMMENT ON COLUMN offer.amount IS 'In micro-units: for a slice, or for an item of it.';
COMMENT ON COLUMN offer.minimum IS 'Of a quote, in micro-units; 0: none.';

CREATE TABLE slice_weight (
    slice  bigint NOT NULL REFERENCES slice (no) ON DELETE CASCADE,
    rule   text NOT NULL CHECK (rule IN ('per_item', 'per_byte')),
    party  text NOT NULL REFERENCES party,
    weight bigint NOT NULL CHECK (weight >= 0),
    PRIMARY KEY (slice, rule, party)
);
COMMENT ON TABLE slice_weight IS
    'What each contributor weighs in a slice by a split rule: derived from its items, made when it is first quoted.';
COMMENT ON COLUMN slice_weight.slice IS 'The slice.';
COMMENT ON COLUMN slice_weight.rule IS 'The split rule.';
COMMENT ON COLUMN slice_weight.party IS 'The contributor.';
COMMENT ON COLUMN slice_weight.weight IS 'Sum over the items: the weight in each, once or as often as it has bytes.';
GRANT SELECT, INSERT ON slice_weight TO :api, :worker;

-- ---------------------------------------------------------------- what is there

INSERT INTO item_contributor (version, n, place, party, role, weight)
SELECT i.version, i.n, (c.place - 1)::integer, c.value ->> 'party', c.value ->> 'role', (c.value ->> 'weight')::integer
  FROM item i CROSS JOIN LATERAL jsonb_array_elements(i.contributors::jsonb) WITH ORDINALITY AS c (value, place)
UNION ALL
SELECT i.version, i.n, 0, v.publisher, 'publisher', 1
  FROM item i JOIN version v ON v.no = i.version WHERE i.contributors = '[]';

INSERT INTO slice (no, version, request, digest, whole, root, item_count, bytes)
SELECT nextval('slice_no'), v.no, '{}', sha256('{}'), true, v.root, v.item_count, v.bytes
  FROM version v WHERE EXISTS (SELECT FROM quote q WHERE q.version = v.no);

INSERT INTO slice_weight (slice, rule, party, weight)
SELECT s.no, 'per_item', c.party, sum(c.weight)
  FROM slice s JOIN item_contributor c ON c.version = s.version GROUP BY s.no, c.party;

-- ---------------------------------------------------------------- quotes and licenses of slices

ALTER TABLE quote ADD COLUMN slice_no bigint REFERENCES slice (no) ON DELETE SET NULL;
ALTER TABLE quote ADD COLUMN exclusions text NOT NULL DEFAULT '{}';
UPDATE quote q SET slice_no = s.no FROM slice s WHERE s.version = q.version AND s.digest = sha256('{}');
CREATE INDEX quote_slice ON quote (slice_no);
COMMENT ON COLUMN quote.slice_no IS 'The slice; null: it expired, and its list is gone.';
COMMENT ON COLUMN quote.exclusions IS
    'Canonical JSON: how many of the items a clearance would have excluded when it was made, by reason.';

ALTER TABLE license ADD COLUMN slice_no bigint REFERENCES slice (no);
UPDATE license l SET slice_no = s.no FROM slice s WHERE s.version = l.version AND s.digest = sha256('{}');
ALTER TABLE license ALTER COLUMN slice_no SET NOT NULL;
CREATE INDEX license_slice ON license (slice_no);
COMMENT ON COLUMN license.slice_no IS 'The slice.';
