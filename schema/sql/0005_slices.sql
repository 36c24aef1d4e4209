-- SPDX-License-Identifier: Apache-2.0
-- Slices: attributes that filters can ask, contributors and their weights as rows, the items of a slice.

ALTER TABLE item ADD COLUMN facts jsonb GENERATED ALWAYS AS (attributes::jsonb) STORED;
COMMENT ON COLUMN item.facts IS
    'The attributes once more, for filters; the text beside it is what the details root commits to.';

CREATE TABLE item_contributor (
    version bigint NOT NULL,
    n       integer NOT NULL,
    place   integer NOT NULL CHECK (place >= 0),
    party   text NOT NULL REFERENCES party,
    role    text NOT NULL,
    weight  integer NOT NULL CHECK (weight BETWEEN 1 AND 1000000),
    PRIMARY KEY (version, n, place)
);
COMMENT ON TABLE item_contributor IS
    'Who made which item, one row a contributor; an item that declares none has its publisher as the only one.';
COMMENT ON COLUMN item_contributor.version IS
    'The item''s version; not a foreign key: the rows are made of the items, ten million in one statement.';
COMMENT ON COLUMN item_contributor.n IS 'Number of the item within it.';
COMMENT ON COLUMN item_contributor.place IS 'Place in the item''s list of contributors, from 0.';
COMMENT ON COLUMN item_contributor.party IS 'Who.';
COMMENT ON COLUMN item_contributor.role IS 'As what; publisher where none was declared.';
COMMENT ON COLUMN item_contributor.weight IS 'Share in what the item earns, beside the other contributors''.';
CREATE INDEX item_contributor_party ON item_contributor (party, version, n);

CREATE SEQUENCE slice_no AS bigint;
CREATE TABLE slice (
    no         bigint PRIMARY KEY,
    version    bigint NOT NULL REFERENCES version (no),
    request    text NOT NULL,
    digest     bytea NOT NULL CHECK (octet_length(digest) = 32),
    whole      boolean NOT NULL,
    root       bytea NOT NULL CHECK (octet_length(root) = 32),
    item_count bigint NOT NULL CHECK (item_count >= 0),
    bytes      bigint NOT NULL CHECK (bytes >= 0),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (version, digest)
);
COMMENT ON TABLE slice IS
    'Slices that were asked for, each once; derived from version and request, so that a row can be made again.';
COMMENT ON COLUMN slice.no IS 'Short number for the tables that hang from it.';
COMMENT ON COLUMN slice.version IS 'Of which version.';
COMMENT ON COLUMN slice.request IS 'Canonical JSON of the request; {} is the whole version.';
COMMENT ON COLUMN slice.digest IS 'SHA-256 of the request.';
COMMENT ON COLUMN slice.whole IS 'The request is {}: the slice has no rows in slice_item.';
COMMENT ON COLUMN slice.root IS 'RFC 6962 root over {path,sha256,size} of its items sorted by path bytes.';
COMMENT ON COLUMN slice.item_count IS 'Items.';
COMMENT ON COLUMN slice.bytes IS 'Sum of the items'' sizes.';
COMMENT ON COLUMN slice.created_at IS 'When it was made.';

CREATE TABLE slice_item (
    slice bigint NOT NULL,
    n     integer NOT NULL,
    PRIMARY KEY (slice, n)
);
COMMENT ON TABLE slice_item IS 'Items of slices that are not whole versions.';
COMMENT ON COLUMN slice_item.slice IS
    'slice.no; not a foreign key: the rows are written before the slice, whose root is computed from them.';
COMMENT ON COLUMN slice_item.n IS 'Number of the item within its version.';

CREATE VIEW slice_member AS
    SELECT s.no AS slice, s.version, i.n FROM slice s JOIN item i ON i.version = s.version WHERE s.whole
    UNION ALL
    SELECT s.no, s.version, x.n FROM slice s JOIN slice_item x ON x.slice = s.no WHERE NOT s.whole;
COMMENT ON VIEW slice_member IS 'The items of each slice, whole versions too.';
COMMENT ON COLUMN slice_member.slice IS 'The slice.';
COMMENT ON COLUMN slice_member.version IS 'Its version.';
COMMENT ON COLUMN slice_member.n IS 'Number of the item within it.';

CALL make_append_only('item_contributor');

GRANT SELECT ON item_contributor, slice, slice_item, slice_member TO :api, :worker;
GRANT INSERT ON item_contributor, slice, slice_item TO :api, :worker;
GRANT DELETE ON slice, slice_item TO :worker;
GRANT USAGE ON SEQUENCE slice_no TO :api, :worker;
