-- SPDX-License-Identifier: Apache-2.0
-- Allocations of payments to creators, their accounts, payouts.

-- ---------------------------------------------------------------- accounts of creators

ALTER TABLE account DROP CONSTRAINT account_kind_check;
ALTER TABLE account DROP CONSTRAINT account_check;
ALTER TABLE account ADD CONSTRAINT account_kind_check
    CHECK (kind IN ('bank', 'clearing', 'fees', 'prepaid', 'pending', 'available', 'in_payout'));
ALTER TABLE account ADD CONSTRAINT account_check CHECK ((party IS NULL) = (kind IN ('bank', 'clearing', 'fees')));
COMMENT ON COLUMN account.kind IS
    'bank (money received), clearing (paid, not yet allocated), fees (the platform''s); prepaid (a buyer''s credit); '
    'pending (a creator''s, held), available, in_payout (instructed, not yet settled).';

CREATE TABLE creator_account (
    id       text PRIMARY KEY,
    party    text NOT NULL REFERENCES party,
    currency text NOT NULL,
    UNIQUE (party, currency)
);
COMMENT ON TABLE creator_account IS
    'What the log calls a creator''s account in a currency: pending, available and in_payout of the books together.';
COMMENT ON COLUMN creator_account.id IS 'acc_…';
COMMENT ON COLUMN creator_account.party IS 'The creator.';
COMMENT ON COLUMN creator_account.currency IS 'ISO 4217.';

-- ---------------------------------------------------------------- transactions that are prepared

ALTER TABLE book_transaction ALTER COLUMN index DROP NOT NULL;
COMMENT ON COLUMN book_transaction.kind IS
    'topup, purchase, allocation, refund, release, payout, payout_settled, payout_failed.';
COMMENT ON COLUMN book_transaction.index IS
    'The entry it belongs to; null: prepared, in force with its row in book_activation.';

CREATE TABLE book_activation (
    transaction bigint PRIMARY KEY REFERENCES book_transaction,
    index       bigint NOT NULL
);
COMMENT ON TABLE book_activation IS
    'Transactions that were prepared unseen and came into force with an entry. Only postings on accounts of kind '
    'pending, clearing and fees are ever prepared.';
COMMENT ON COLUMN book_activation.transaction IS 'The transaction.';
COMMENT ON COLUMN book_activation.index IS 'The entry.';

-- The sum is asked once a transaction, by its last posting: an allocation has a posting for each creator.
CREATE INDEX posting_of_transaction ON posting (transaction, no);
DROP INDEX posting_transaction;
CREATE OR REPLACE FUNCTION posting_checked() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before posting;
BEGIN
    IF NEW.no = (SELECT max(no) FROM posting WHERE transaction = NEW.transaction)
       AND EXISTS (SELECT FROM posting p JOIN account a ON a.no = p.account WHERE p.transaction = NEW.transaction
                    GROUP BY a.currency HAVING sum(p.amount) <> 0) THEN
        RAISE EXCEPTION 'transaction % does not balance', NEW.transaction USING ERRCODE = '23514';
    END IF;
    IF (NEW.running IS NULL) <> (SELECT party IS NULL FROM account WHERE no = NEW.account) THEN
        RAISE EXCEPTION 'posting % numbers the wrong kind of account', NEW.no USING ERRCODE = '23514';
    END IF;
    IF NEW.running IS NOT NULL THEN
        SELECT * INTO before FROM posting WHERE account = NEW.account AND running = NEW.running - 1;
        IF coalesce(before.running, 0) + 1 <> NEW.running
           OR coalesce(before.balance, 0) + NEW.amount <> NEW.balance THEN
            RAISE EXCEPTION 'posting % does not continue its account', NEW.no USING ERRCODE = '23514';
        END IF;
        IF NEW.balance < 0 THEN
            RAISE EXCEPTION 'posting % takes more than its account has', NEW.no USING ERRCODE = '23514';
        END IF;
    END IF;
    RETURN NULL;
END $$;

-- ---------------------------------------------------------------- allocations

CREATE TABLE allocation (
    no                  bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    id                  text NOT NULL UNIQUE,
    license             bigint NOT NULL UNIQUE REFERENCES license (no),
    clearance           text NOT NULL,
    state               text NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'prepared', 'posted', 'nothing')),
    items               bigint,
    cleared             bigint,
    owed                bigint,
    fee                 bigint,
    refund              bigint,
    line_count          bigint,
    lines_root          bytea CHECK (octet_length(lines_root) = 32),
    transaction         bigint REFERENCES book_transaction,
    refund_id           text,
    index               bigint,
    refund_index        bigint,
    due_at              timestamptz NOT NULL,
    posted_at           timestamptz,
    available_at        timestamptz,
    release_transaction bigint REFERENCES book_transaction
);
COMMENT ON TABLE allocation IS 'What became of a license''s payment after its first clearance: once a license.';
COMMENT ON COLUMN allocation.no IS 'Short number for the tables that hang from it.';
COMMENT ON COLUMN allocation.id IS 'alc_…';
COMMENT ON COLUMN allocation.license IS 'The license.';
COMMENT ON COLUMN allocation.clearance IS 'Its first clearance.';
COMMENT ON COLUMN allocation.state IS
    'due; prepared: lines and postings are there, unseen; posted; nothing: nothing was left to split.';
COMMENT ON COLUMN allocation.items IS 'Items of the slice.';
COMMENT ON COLUMN allocation.cleared IS 'Items among them that the clearance did not exclude.';
COMMENT ON COLUMN allocation.owed IS 'Micro-units of the payment that stay: fee and lines together.';
COMMENT ON COLUMN allocation.fee IS 'The platform''s fee.';
COMMENT ON COLUMN allocation.refund IS 'What goes back to the buyer.';
COMMENT ON COLUMN allocation.line_count IS 'Creators who are paid.';
COMMENT ON COLUMN allocation.lines_root IS 'List root over {account,amount,n,salt} sorted by account.';
COMMENT ON COLUMN allocation.transaction IS 'The books'' transaction.';
COMMENT ON COLUMN allocation.refund_id IS 'ref_…; null: no refund.';
COMMENT ON COLUMN allocation.index IS 'Entry allocation.posted.';
COMMENT ON COLUMN allocation.refund_index IS 'Entry refund.posted.';
COMMENT ON COLUMN allocation.due_at IS 'The `at` of the clearance.';
COMMENT ON COLUMN allocation.posted_at IS 'The `at` of allocation.posted, or of the refund of everything.';
COMMENT ON COLUMN allocation.available_at IS 'Until then its lines are held.';
COMMENT ON COLUMN allocation.release_transaction IS 'The books'' transaction that made them available.';
CREATE INDEX allocation_due ON allocation (no) WHERE state IN ('due', 'prepared');
CREATE INDEX allocation_held ON allocation (available_at) WHERE state = 'posted' AND release_transaction IS NULL;

CREATE VIEW unpaid_item AS
    SELECT a.license, x.n FROM allocation a JOIN clearance c ON c.id = a.clearance
      JOIN clearance_exclusion x ON x.clearance = c.no;
COMMENT ON VIEW unpaid_item IS 'Items that a license''s first clearance excluded: refunded, never split.';
COMMENT ON COLUMN unpaid_item.license IS 'The license.';
COMMENT ON COLUMN unpaid_item.n IS 'Number of the item within its version.';

CREATE TABLE allocation_line (
    allocation bigint NOT NULL REFERENCES allocation (no),
    place      integer NOT NULL CHECK (place >= 0),
    account    text NOT NULL REFERENCES creator_account,
    party      text NOT NULL REFERENCES party,
    weight     bigint NOT NULL CHECK (weight > 0),
    amount     bigint NOT NULL CHECK (amount > 0),
    fee        bigint NOT NULL CHECK (fee >= 0),
    n          bigint NOT NULL CHECK (n > 0),
    salt       bytea NOT NULL CHECK (octet_length(salt) = 16),
    path       bytea NOT NULL CHECK (octet_length(path) % 32 = 0),
    PRIMARY KEY (allocation, place),
    UNIQUE (account, n)
);
COMMENT ON TABLE allocation_line IS 'Parts of an allocation, a row a creator who is paid.';
COMMENT ON COLUMN allocation_line.allocation IS 'Of which allocation.';
COMMENT ON COLUMN allocation_line.place IS 'Place in the list, sorted by account, from 0.';
COMMENT ON COLUMN allocation_line.account IS 'Whose account.';
COMMENT ON COLUMN allocation_line.party IS 'Whose.';
COMMENT ON COLUMN allocation_line.weight IS 'What the creator weighs in the cleared items, by the split rule.';
COMMENT ON COLUMN allocation_line.amount IS 'Micro-units, net.';
COMMENT ON COLUMN allocation_line.fee IS
    'The share of the fee that was held back from this creator, by the same weights.';
COMMENT ON COLUMN allocation_line.n IS 'Number of the line within its account, from 1 without gaps.';
COMMENT ON COLUMN allocation_line.salt IS '128 random bits of the line''s leaf.';
COMMENT ON COLUMN allocation_line.path IS 'Merkle path from the leaf to the lines root, hashes one after another.';

-- ---------------------------------------------------------------- payouts

CREATE TABLE payout_run (
    no         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    id         text NOT NULL UNIQUE,
    operator   text NOT NULL REFERENCES party,
    currency   text NOT NULL,
    minimum    bigint NOT NULL CHECK (minimum >= 0),
    rail       text NOT NULL CHECK (rail IN ('csv')),
    state      text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'instructed')),
    file       bytea,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    done_at    timestamptz
);
COMMENT ON TABLE payout_run IS 'Payouts of what is available in one currency over one rail.';
COMMENT ON COLUMN payout_run.no IS 'Short number for the tables that hang from it.';
COMMENT ON COLUMN payout_run.id IS 'run_…';
COMMENT ON COLUMN payout_run.operator IS 'Who asked for it.';
COMMENT ON COLUMN payout_run.currency IS 'ISO 4217.';
COMMENT ON COLUMN payout_run.minimum IS 'Less than so many micro-units are not paid out.';
COMMENT ON COLUMN payout_run.rail IS 'csv: a file for the operator.';
COMMENT ON COLUMN payout_run.state IS 'running: a worker makes its payouts; instructed: the file is there.';
COMMENT ON COLUMN payout_run.file IS 'What the rail is handed, made once: the same bytes each time.';
COMMENT ON COLUMN payout_run.created_at IS 'When it was asked for.';
COMMENT ON COLUMN payout_run.done_at IS 'When the file was made.';
CREATE UNIQUE INDEX payout_run_running ON payout_run (currency) WHERE state = 'running';

CREATE TABLE payout (
    id            text PRIMARY KEY,
    run           bigint NOT NULL REFERENCES payout_run (no),
    account       text NOT NULL REFERENCES creator_account,
    party         text NOT NULL REFERENCES party,
    currency      text NOT NULL,
    amount        bigint NOT NULL CHECK (amount > 0),
    state         text NOT NULL DEFAULT 'instructed' CHECK (state IN ('instructed', 'settled', 'failed')),
    statement     text NOT NULL,
    reference     text,
    index         bigint NOT NULL,
    settled_index bigint,
    failed_index  bigint,
    created_at    timestamptz NOT NULL,
    settled_at    timestamptz,
    failed_at     timestamptz,
    UNIQUE (run, account)
);
COMMENT ON TABLE payout IS 'Payouts: instructed, then settled or failed by the rail''s answer.';
COMMENT ON COLUMN payout.id IS 'pyo_…; the end-to-end reference.';
COMMENT ON COLUMN payout.run IS 'Its run.';
COMMENT ON COLUMN payout.account IS 'Whose account.';
COMMENT ON COLUMN payout.party IS 'Whose.';
COMMENT ON COLUMN payout.currency IS 'ISO 4217.';
COMMENT ON COLUMN payout.amount IS 'Micro-units, whole minor units.';
COMMENT ON COLUMN payout.state IS 'instructed, settled, failed (back to available).';
COMMENT ON COLUMN payout.statement IS
    'Canonical JSON whose digest is in the entry: balances before it, number of lines.';
COMMENT ON COLUMN payout.reference IS 'The rail''s last answer.';
COMMENT ON COLUMN payout.index IS 'Entry payout.instructed.';
COMMENT ON COLUMN payout.settled_index IS 'Entry payout.settled.';
COMMENT ON COLUMN payout.failed_index IS 'Entry payout.failed.';
COMMENT ON COLUMN payout.created_at IS 'The `at` of payout.instructed.';
COMMENT ON COLUMN payout.settled_at IS 'The `at` of payout.settled.';
COMMENT ON COLUMN payout.failed_at IS 'The `at` of payout.failed.';
CREATE INDEX payout_party ON payout (party, id);
CREATE INDEX payout_account ON payout (account, created_at);

CREATE TABLE payout_left (
    run     bigint NOT NULL REFERENCES payout_run (no),
    account text NOT NULL REFERENCES creator_account,
    reason  text NOT NULL CHECK (reason IN ('held', 'below_minimum', 'in_payout')),
    amount  bigint NOT NULL CHECK (amount > 0),
    until   timestamptz,
    PRIMARY KEY (run, account, reason)
);
COMMENT ON TABLE payout_left IS 'What a run did not pay, and why.';
COMMENT ON COLUMN payout_left.run IS 'The run.';
COMMENT ON COLUMN payout_left.account IS 'Whose account.';
COMMENT ON COLUMN payout_left.reason IS
    'held: pending; below_minimum, which is at least one minor unit; in_payout: handed to the rail, not answered.';
COMMENT ON COLUMN payout_left.amount IS 'Micro-units.';
COMMENT ON COLUMN payout_left.until IS 'When the first of it is no longer held.';

-- ---------------------------------------------------------------- who may do what

CALL make_append_only('creator_account');
CALL make_append_only('book_activation');
CALL make_append_only('allocation_line');
CALL make_append_only('payout_left');
GRANT SELECT ON creator_account, book_activation, allocation, allocation_line, unpaid_item, payout_run, payout,
                payout_left TO :api, :worker;
GRANT INSERT ON book_activation, allocation TO :api, :worker;
GRANT INSERT ON creator_account, allocation_line, payout, payout_left TO :worker;
GRANT INSERT ON payout_run TO :api;
GRANT UPDATE ON allocation, payout_run TO :worker;
GRANT UPDATE ON payout TO :api, :worker;
