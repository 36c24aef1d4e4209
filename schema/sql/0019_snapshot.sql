-- SPDX-License-Identifier: Apache-2.0
-- Snapshots: what the market owes to every creator as of a size of the log, committed to by sum trees.

CREATE TABLE snapshot (
    no    bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    as_of bigint NOT NULL CHECK (as_of > 0),
    index bigint UNIQUE CHECK (index >= as_of),
    at    timestamptz,
    CHECK ((index IS NULL) = (at IS NULL))
);
COMMENT ON TABLE snapshot IS 'Snapshots of the creators'' accounts.';
COMMENT ON COLUMN snapshot.no IS 'Short number for the tables that hang from it.';
COMMENT ON COLUMN snapshot.as_of IS 'Size of the log that it is computed over.';
COMMENT ON COLUMN snapshot.index IS 'Entry balances.snapshot; null: prepared, not in effect, and given up by the next.';
COMMENT ON COLUMN snapshot.at IS 'The `at` of that entry.';
CREATE UNIQUE INDEX snapshot_as_of ON snapshot (as_of) WHERE index IS NOT NULL;

CREATE FUNCTION snapshot_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.index IS NOT NULL THEN
        RAISE EXCEPTION 'snapshot % is in effect', OLD.index USING ERRCODE = '42501';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER kept BEFORE UPDATE OR DELETE ON snapshot FOR EACH ROW EXECUTE FUNCTION snapshot_kept();

CREATE TABLE snapshot_tree (
    snapshot bigint NOT NULL REFERENCES snapshot ON DELETE CASCADE,
    currency text NOT NULL,
    accounts bigint NOT NULL CHECK (accounts > 0),
    root     bytea NOT NULL CHECK (octet_length(root) = 32),
    total    text NOT NULL,
    PRIMARY KEY (snapshot, currency)
);
COMMENT ON TABLE snapshot_tree IS 'A snapshot''s sum tree of each currency, as its entry names them.';
COMMENT ON COLUMN snapshot_tree.snapshot IS 'Of which snapshot.';
COMMENT ON COLUMN snapshot_tree.currency IS 'ISO 4217.';
COMMENT ON COLUMN snapshot_tree.accounts IS 'Leaves.';
COMMENT ON COLUMN snapshot_tree.root IS 'Hash of its root.';
COMMENT ON COLUMN snapshot_tree.total IS 'Sum of its root, as decimal text.';

CREATE TABLE snapshot_leaf (
    snapshot   bigint NOT NULL REFERENCES snapshot ON DELETE CASCADE,
    currency   text NOT NULL,
    place      bigint NOT NULL CHECK (place >= 0),
    id         bytea NOT NULL CHECK (octet_length(id) = 32),
    commitment bytea NOT NULL CHECK (octet_length(commitment) = 32),
    balance    bigint NOT NULL CHECK (balance >= 0),
    account    text,
    n          bigint CHECK (n > 0),
    salt       bytea CHECK (octet_length(salt) = 16),
    PRIMARY KEY (snapshot, currency, place),
    UNIQUE (snapshot, currency, id),
    CHECK ((account IS NULL) = (salt IS NULL) AND (account IS NULL) = (n IS NULL))
);
COMMENT ON TABLE snapshot_leaf IS 'Leaves of the sum trees, an account each.';
COMMENT ON COLUMN snapshot_leaf.snapshot IS 'Of which snapshot.';
COMMENT ON COLUMN snapshot_leaf.currency IS 'Of which tree.';
COMMENT ON COLUMN snapshot_leaf.place IS 'Place in the tree, sorted by salted id, from 0.';
COMMENT ON COLUMN snapshot_leaf.id IS 'Salted id of the account.';
COMMENT ON COLUMN snapshot_leaf.commitment IS 'SHA-256 of {account,balance,n,salt} in canonical form.';
COMMENT ON COLUMN snapshot_leaf.balance IS
    'Micro-units: what was allocated less what was paid out, 0 if that is negative; a sum of the tree.';
COMMENT ON COLUMN snapshot_leaf.account IS 'Whose; null with number and salt: erased.';
COMMENT ON COLUMN snapshot_leaf.n IS 'Number of the account''s last line.';
COMMENT ON COLUMN snapshot_leaf.salt IS '128 random bits of the commitment.';

CREATE TABLE snapshot_tile (
    snapshot bigint NOT NULL REFERENCES snapshot ON DELETE CASCADE,
    currency text NOT NULL,
    level    integer NOT NULL CHECK (level >= 0),
    n        bigint NOT NULL CHECK (n >= 0),
    nodes    bytea NOT NULL CHECK (octet_length(nodes) % 48 = 0 AND octet_length(nodes) BETWEEN 48 AND 12288),
    PRIMARY KEY (snapshot, currency, level, n)
);
COMMENT ON TABLE snapshot_tile IS 'Nodes of the sum trees, 256 a row: so that a path is had without hashing a tree.';
COMMENT ON COLUMN snapshot_tile.snapshot IS 'Of which snapshot.';
COMMENT ON COLUMN snapshot_tile.currency IS 'Of which tree.';
COMMENT ON COLUMN snapshot_tile.level IS '0: leaves; 1: the nodes above 256 of them each; and so on.';
COMMENT ON COLUMN snapshot_tile.n IS 'Number of the tile within its level.';
COMMENT ON COLUMN snapshot_tile.nodes IS 'Sum in 16 bytes and hash, one node after the other.';

-- What a snapshot must not leave out, found by its entry.
CREATE INDEX allocation_index ON allocation (index);
CREATE INDEX payout_index ON payout (index);
CREATE INDEX payout_failed_index ON payout (failed_index);

GRANT SELECT ON snapshot, snapshot_tree, snapshot_leaf, snapshot_tile TO :api, :worker;
GRANT INSERT, DELETE ON snapshot TO :worker;
GRANT UPDATE (index, at) ON snapshot TO :worker;
GRANT INSERT ON snapshot_tree, snapshot_leaf, snapshot_tile TO :worker;
