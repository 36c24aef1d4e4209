-- SPDX-License-Identifier: Apache-2.0
-- The ground: the log, parties and keys, datasets, content, offers, licenses, books, accesses, jobs.
-- :api and :worker are replaced by the roles of this database.

-- Insert-only tables: privileges say so, and this trigger says so again.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
        RAISE EXCEPTION '% on % is refused: the table is append-only', TG_OP, TG_TABLE_NAME USING ERRCODE = '42501';
    END IF;
    RETURN NULL;
END $$;

CREATE PROCEDURE make_append_only(target regclass) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %s '
                   'FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', target);
END $$;

-- ---------------------------------------------------------------- the log

CREATE TABLE log (
    single     boolean PRIMARY KEY DEFAULT true CHECK (single),
    origin     text NOT NULL,
    log_key    text NOT NULL,
    issuer_key text NOT NULL,
    opened_at  timestamptz NOT NULL
);
COMMENT ON TABLE log IS 'The one log of this database; written by counterfoil-schema open, once.';
COMMENT ON COLUMN log.single IS 'Always true: there is one row.';
COMMENT ON COLUMN log.origin IS 'Origin line of checkpoints and name of the log key.';
COMMENT ON COLUMN log.log_key IS 'Verifier key (vkey) of the log, C2SP signed-note.';
COMMENT ON COLUMN log.issuer_key IS 'Verifier key of the market as issuer of documents.';
COMMENT ON COLUMN log.opened_at IS 'When the log was opened, by the database''s clock.';

CREATE TABLE entry (
    index bigint NOT NULL CHECK (index >= 0),
    type  text   NOT NULL,
    bytes bytea  NOT NULL CHECK (octet_length(bytes) <= 65535),
    leaf  bytea  NOT NULL GENERATED ALWAYS AS (sha256('\x00'::bytea || bytes)) STORED,
    PRIMARY KEY (index)
) PARTITION BY RANGE (index);
COMMENT ON TABLE entry IS 'The entries of the log, partitioned by index.';
COMMENT ON COLUMN entry.index IS 'Place in the log, from 0, without gaps.';
COMMENT ON COLUMN entry.type IS 'Type as in the entry''s bytes, for lists.';
COMMENT ON COLUMN entry.bytes IS 'Canonical JSON of the entry: what is hashed and served.';
COMMENT ON COLUMN entry.leaf IS 'RFC 6962 leaf hash, computed by the database itself.';
CREATE TABLE entry_default PARTITION OF entry DEFAULT;
COMMENT ON TABLE entry_default IS 'Catches entries for which no partition was made ahead; stays empty in good order.';

-- Makes partitions of 2^20 entries so that `ahead` of them lie beyond the newest entry's.
CREATE FUNCTION entry_partitions_ahead(ahead integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    width CONSTANT bigint := 1048576;
    newest bigint;
    made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(4202);
    SELECT coalesce(max(index), -1) INTO newest FROM entry;
    FOR p IN 0 .. newest / width + least(ahead, 64) LOOP
        IF to_regclass('entry_' || p) IS NULL THEN
            EXECUTE format('CREATE TABLE entry_%s PARTITION OF entry FOR VALUES FROM (%s) TO (%s)',
                           p, p * width, (p + 1) * width);
            EXECUTE format('COMMENT ON TABLE entry_%s IS ''Entries from index %s.''', p, p * width);
            EXECUTE format('CALL make_append_only(%L)', 'entry_' || p);
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END $$;
REVOKE ALL ON FUNCTION entry_partitions_ahead(integer) FROM PUBLIC;

CREATE TABLE disclosure (
    index       bigint PRIMARY KEY,
    disclosures bytea NOT NULL
);
COMMENT ON TABLE disclosure IS
    'Private fields of entries; rows are deleted by erasure, the digests in the entries stay.';
COMMENT ON COLUMN disclosure.index IS 'The entry.';
COMMENT ON COLUMN disclosure.disclosures IS 'JSON array of base64url texts of [salt,name,value] (RFC 9901).';

CREATE TABLE document (
    hash  bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    index bigint NOT NULL,
    bytes bytea NOT NULL
);
COMMENT ON TABLE document IS 'Documents of the market, canonical JSON without proof, stored with their entry.';
COMMENT ON COLUMN document.hash IS 'SHA-256 of the bytes: the entry''s `document`.';
COMMENT ON COLUMN document.index IS 'The entry that names it.';
COMMENT ON COLUMN document.bytes IS 'Canonical JSON.';

CREATE TABLE subtree (
    level integer NOT NULL CHECK (level BETWEEN 1 AND 5),
    n     bigint  NOT NULL CHECK (n >= 0),
    hash  bytea   NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (level, n)
);
COMMENT ON TABLE subtree IS 'Roots of complete subtrees of 256^level leaves: what tiles above level 0 are made of.';
COMMENT ON COLUMN subtree.level IS 'Tile level: 1 for 256 leaves, 2 for 65,536, …';
COMMENT ON COLUMN subtree.n IS 'Number of the subtree on its level.';
COMMENT ON COLUMN subtree.hash IS 'Its RFC 6962 hash.';

CREATE TABLE tree_head (
    size bigint PRIMARY KEY CHECK (size >= 0),
    root bytea  NOT NULL CHECK (octet_length(root) = 32),
    at   timestamptz NOT NULL
);
COMMENT ON TABLE tree_head IS 'The tree after each batch, written in the batch''s own transaction.';
COMMENT ON COLUMN tree_head.size IS 'Entries.';
COMMENT ON COLUMN tree_head.root IS 'RFC 6962 root.';
COMMENT ON COLUMN tree_head.at IS 'The `at` of the batch''s entries.';

CREATE TABLE checkpoint (
    size bigint PRIMARY KEY REFERENCES tree_head (size),
    note text NOT NULL,
    at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE checkpoint IS 'Signed checkpoints, as served.';
COMMENT ON COLUMN checkpoint.size IS 'Size that it signs.';
COMMENT ON COLUMN checkpoint.note IS 'The signed note.';
COMMENT ON COLUMN checkpoint.at IS 'When it was stored.';

CREATE TABLE sync_mark (
    at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    why text NOT NULL
);
COMMENT ON TABLE sync_mark IS 'Synchronous writes made after an ambiguous commit, before its batch is looked for.';
COMMENT ON COLUMN sync_mark.at IS 'When.';
COMMENT ON COLUMN sync_mark.why IS 'Which case asked for it.';

CREATE TABLE idempotency (
    party       text  NOT NULL,
    key         text  NOT NULL,
    fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) = 32),
    status      integer NOT NULL,
    answer      text  NOT NULL,
    index       bigint,
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (party, key)
);
COMMENT ON TABLE idempotency IS 'Answers of ledgered requests, written with their entries, replayed to a repeat.';
COMMENT ON COLUMN idempotency.party IS 'Who asked.';
COMMENT ON COLUMN idempotency.key IS 'The Idempotency-Key.';
COMMENT ON COLUMN idempotency.fingerprint IS 'SHA-256 over method, target, party and body.';
COMMENT ON COLUMN idempotency.status IS 'HTTP status of the answer.';
COMMENT ON COLUMN idempotency.answer IS 'Its JSON body, without secrets.';
COMMENT ON COLUMN idempotency.index IS 'Last entry that the answer rests on.';
COMMENT ON COLUMN idempotency.expires_at IS 'When it may be forgotten.';
CREATE INDEX idempotency_expiry ON idempotency (expires_at);

-- ---------------------------------------------------------------- parties

CREATE TABLE party (
    id         text PRIMARY KEY,
    handle     text NOT NULL UNIQUE CHECK (handle ~ '^[a-z0-9][a-z0-9-]{0,38}$' AND handle !~ '--'),
    roles      text[] NOT NULL,
    name       text,
    contact    text,
    public_key text,
    state      text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'suspended', 'closed')),
    index      bigint NOT NULL,
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE party IS 'Persons and organizations.';
COMMENT ON COLUMN party.id IS 'pty_…';
COMMENT ON COLUMN party.handle IS 'Short public name: the owner in owner/name.';
COMMENT ON COLUMN party.roles IS 'operator, publisher, buyer, creator, auditor, certifier; several are possible.';
COMMENT ON COLUMN party.name IS 'Name; private.';
COMMENT ON COLUMN party.contact IS 'How to reach them; private.';
COMMENT ON COLUMN party.public_key IS 'Ed25519 key as did:key; public for operators and certifiers only.';
COMMENT ON COLUMN party.state IS 'active, suspended or closed.';
COMMENT ON COLUMN party.index IS 'Entry party.registered.';
COMMENT ON COLUMN party.created_at IS 'The entry''s `at`.';

CREATE TABLE api_key (
    id           text PRIMARY KEY,
    party        text NOT NULL REFERENCES party,
    digest       bytea NOT NULL CHECK (octet_length(digest) = 32),
    label        text NOT NULL,
    scopes       text[] NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at   timestamptz,
    last_used_at timestamptz,
    revoked_at   timestamptz
);
COMMENT ON TABLE api_key IS 'API keys: belong to the party, not to a person in it.';
COMMENT ON COLUMN api_key.id IS 'key_…: the middle part of cf_<id>_<secret>, without its prefix there.';
COMMENT ON COLUMN api_key.party IS 'Whose entitlements it carries.';
COMMENT ON COLUMN api_key.digest IS 'Keyed BLAKE2b-256 of the secret part.';
COMMENT ON COLUMN api_key.label IS 'What its holder calls it.';
COMMENT ON COLUMN api_key.scopes IS 'read, write; write is for what changes or buys, read includes accesses.';
COMMENT ON COLUMN api_key.created_at IS 'When it was made.';
COMMENT ON COLUMN api_key.expires_at IS 'When it stops by itself; null: never.';
COMMENT ON COLUMN api_key.last_used_at IS 'About when it was last used (to the minute).';
COMMENT ON COLUMN api_key.revoked_at IS 'When it was revoked; null: not.';
CREATE INDEX api_key_party ON api_key (party, id);

-- ---------------------------------------------------------------- datasets and content

CREATE TABLE dataset (
    id          text PRIMARY KEY,
    owner       text NOT NULL REFERENCES party (handle),
    name        text NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,95}$' AND name !~ '--'),
    publisher   text NOT NULL REFERENCES party,
    title       text NOT NULL,
    description text NOT NULL,
    modality    text NOT NULL,
    languages   text[] NOT NULL,
    card        text NOT NULL,
    state       text NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'listed', 'delisted')),
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (owner, name)
);
COMMENT ON TABLE dataset IS 'Datasets: owner/name and what describes them.';
COMMENT ON COLUMN dataset.id IS 'dts_…';
COMMENT ON COLUMN dataset.owner IS 'Handle of the publisher.';
COMMENT ON COLUMN dataset.name IS 'Name within the owner.';
COMMENT ON COLUMN dataset.publisher IS 'The party.';
COMMENT ON COLUMN dataset.title IS 'One line.';
COMMENT ON COLUMN dataset.description IS 'A paragraph.';
COMMENT ON COLUMN dataset.modality IS 'text, image, audio, video, tabular, code, mixed.';
COMMENT ON COLUMN dataset.languages IS 'BCP 47 tags.';
COMMENT ON COLUMN dataset.card IS 'Markdown.';
COMMENT ON COLUMN dataset.state IS
    'draft until the first version is published, then listed; delisted by its publisher.';
COMMENT ON COLUMN dataset.created_at IS 'When.';
CREATE INDEX dataset_listed ON dataset (id) WHERE state = 'listed';

CREATE TABLE content (
    sha256      bytea PRIMARY KEY CHECK (octet_length(sha256) = 32),
    size        bigint NOT NULL CHECK (size >= 0),
    state       text NOT NULL DEFAULT 'unverified' CHECK (state IN ('unverified', 'verified', 'corrupt', 'missing')),
    verified_at timestamptz,
    index       bigint,
    stored_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE content IS 'Bytes behind hashes, stored once.';
COMMENT ON COLUMN content.sha256 IS 'Their SHA-256.';
COMMENT ON COLUMN content.size IS 'Bytes.';
COMMENT ON COLUMN content.state IS 'What the last verification by a worker found.';
COMMENT ON COLUMN content.verified_at IS 'When that was.';
COMMENT ON COLUMN content.index IS 'Entry content.verified that holds the result.';
COMMENT ON COLUMN content.stored_at IS 'When the bytes arrived.';

CREATE TABLE content_upload (
    party       text NOT NULL REFERENCES party,
    sha256      bytea NOT NULL REFERENCES content,
    uploaded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (party, sha256)
);
COMMENT ON TABLE content_upload IS
    'Who uploaded which content: a version may name only what its own publisher uploaded.';
COMMENT ON COLUMN content_upload.party IS 'The uploader.';
COMMENT ON COLUMN content_upload.sha256 IS 'The content.';
COMMENT ON COLUMN content_upload.uploaded_at IS 'When.';

CREATE TABLE version (
    no           bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    id           text NOT NULL UNIQUE,
    dataset      text NOT NULL REFERENCES dataset,
    publisher    text NOT NULL REFERENCES party,
    number       integer,
    state        text NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'sealed', 'published', 'yanked')),
    root         bytea,
    details_root bytea,
    commit_id    text,
    item_count   bigint,
    bytes        bigint,
    index        bigint,
    reason       text,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    published_at timestamptz,
    UNIQUE (dataset, number)
);
COMMENT ON TABLE version IS 'Immutable lists of items; a draft until published.';
COMMENT ON COLUMN version.no IS 'Short number for the tables that hang from it.';
COMMENT ON COLUMN version.id IS 'ver_…';
COMMENT ON COLUMN version.dataset IS 'Its dataset.';
COMMENT ON COLUMN version.publisher IS 'Who made it.';
COMMENT ON COLUMN version.number IS '1, 2, 3 … within the dataset, given at publication.';
COMMENT ON COLUMN version.state IS
    'draft: parts are being loaded; sealed: items sorted, roots known; published; yanked with a reason.';
COMMENT ON COLUMN version.root IS 'RFC 6962 root over {path,sha256,size} sorted by path bytes.';
COMMENT ON COLUMN version.details_root IS 'Root over {attributes,contributors,media_type,path,salt}, same order.';
COMMENT ON COLUMN version.commit_id IS 'First 20 bytes of SHA-256(root || details root) in hex.';
COMMENT ON COLUMN version.item_count IS 'Items.';
COMMENT ON COLUMN version.bytes IS 'Sum of the items'' sizes.';
COMMENT ON COLUMN version.index IS 'Entry dataset.published.';
COMMENT ON COLUMN version.reason IS 'Why it was yanked.';
COMMENT ON COLUMN version.created_at IS 'When the draft was made.';
COMMENT ON COLUMN version.published_at IS 'The entry''s `at`.';

CREATE TABLE draft_item (
    version      bigint NOT NULL REFERENCES version,
    part         integer NOT NULL,
    line         integer NOT NULL,
    path         text COLLATE "C" NOT NULL,
    sha256       bytea NOT NULL CHECK (octet_length(sha256) = 32),
    size         bigint NOT NULL CHECK (size >= 0),
    media_type   text NOT NULL,
    attributes   text NOT NULL,
    contributors text NOT NULL,
    salt         bytea NOT NULL CHECK (octet_length(salt) = 16),
    PRIMARY KEY (version, part, line)
);
COMMENT ON TABLE draft_item IS 'Items of drafts as they arrive, by part; a part sent again replaces itself.';
COMMENT ON COLUMN draft_item.version IS 'The draft.';
COMMENT ON COLUMN draft_item.part IS 'Part number chosen by the publisher.';
COMMENT ON COLUMN draft_item.line IS 'Line within the part, from 1.';
COMMENT ON COLUMN draft_item.path IS 'Path within the version.';
COMMENT ON COLUMN draft_item.sha256 IS 'SHA-256 of the bytes.';
COMMENT ON COLUMN draft_item.size IS 'Bytes.';
COMMENT ON COLUMN draft_item.media_type IS 'Media type.';
COMMENT ON COLUMN draft_item.attributes IS 'Canonical JSON object.';
COMMENT ON COLUMN draft_item.contributors IS 'Canonical JSON array of {party,role,weight}.';
COMMENT ON COLUMN draft_item.salt IS '128 random bits of the item''s details leaf.';

CREATE TABLE item (
    version      bigint NOT NULL REFERENCES version,
    n            integer NOT NULL CHECK (n >= 0),
    path         text COLLATE "C" NOT NULL,
    sha256       bytea NOT NULL CHECK (octet_length(sha256) = 32),
    size         bigint NOT NULL CHECK (size >= 0),
    media_type   text NOT NULL,
    attributes   text NOT NULL,
    contributors text NOT NULL,
    salt         bytea NOT NULL CHECK (octet_length(salt) = 16),
    PRIMARY KEY (version, n),
    UNIQUE (version, path)
);
COMMENT ON TABLE item IS 'Items of sealed and published versions, in order of their paths'' bytes.';
COMMENT ON COLUMN item.version IS 'The version.';
COMMENT ON COLUMN item.n IS 'Number within the version, from 0: the leaf''s index in its roots.';
COMMENT ON COLUMN item.path IS 'Path within the version.';
COMMENT ON COLUMN item.sha256 IS 'SHA-256 of the bytes.';
COMMENT ON COLUMN item.size IS 'Bytes.';
COMMENT ON COLUMN item.media_type IS 'Media type.';
COMMENT ON COLUMN item.attributes IS 'Canonical JSON object.';
COMMENT ON COLUMN item.contributors IS 'Canonical JSON array of {party,role,weight}.';
COMMENT ON COLUMN item.salt IS '128 random bits of the item''s details leaf.';
CREATE INDEX item_content ON item (sha256);

-- ---------------------------------------------------------------- offers, quotes, licenses

CREATE TABLE offer (
    id           text PRIMARY KEY,
    revision     integer NOT NULL,
    version      bigint NOT NULL REFERENCES version (no),
    publisher    text NOT NULL REFERENCES party,
    terms        text NOT NULL,
    split        text NOT NULL,
    fee          text NOT NULL,
    amount       bigint NOT NULL CHECK (amount >= 0),
    currency     text NOT NULL,
    state        text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'paused', 'withdrawn')),
    index        bigint NOT NULL,
    created_at   timestamptz NOT NULL,
    withdrawn_at timestamptz
);
COMMENT ON TABLE offer IS 'A version, terms and a price.';
COMMENT ON COLUMN offer.id IS 'ofr_…';
COMMENT ON COLUMN offer.revision IS 'An edit makes the next revision.';
COMMENT ON COLUMN offer.version IS 'What is offered.';
COMMENT ON COLUMN offer.publisher IS 'Who offers.';
COMMENT ON COLUMN offer.terms IS 'Canonical JSON of the ODRL policy; its digest is in the entry.';
COMMENT ON COLUMN offer.split IS 'Canonical JSON of the split rule; its digest is in the entry.';
COMMENT ON COLUMN offer.fee IS 'Canonical JSON of the platform''s fee; its digest is in the entry.';
COMMENT ON COLUMN offer.amount IS 'Flat price in micro-units.';
COMMENT ON COLUMN offer.currency IS 'ISO 4217.';
COMMENT ON COLUMN offer.state IS 'open, paused, withdrawn.';
COMMENT ON COLUMN offer.index IS 'Entry offer.published.';
COMMENT ON COLUMN offer.created_at IS 'The entry''s `at`.';
COMMENT ON COLUMN offer.withdrawn_at IS 'The `at` of offer.withdrawn.';
CREATE INDEX offer_version ON offer (version);

CREATE TABLE quote (
    id           text PRIMARY KEY,
    buyer        text NOT NULL REFERENCES party,
    offer        text NOT NULL REFERENCES offer,
    revision     integer NOT NULL,
    version      bigint NOT NULL REFERENCES version (no),
    purpose      text NOT NULL,
    territory    text NOT NULL,
    valid_from   timestamptz NOT NULL,
    valid_until  timestamptz NOT NULL,
    slice        text NOT NULL,
    slice_root   bytea NOT NULL CHECK (octet_length(slice_root) = 32),
    item_count   bigint NOT NULL,
    bytes        bigint NOT NULL,
    amount       bigint NOT NULL CHECK (amount >= 0),
    currency     text NOT NULL,
    state        text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'accepted', 'expired')),
    expires_at   timestamptz NOT NULL,
    created_at   timestamptz NOT NULL
);
COMMENT ON TABLE quote IS 'What exactly is for sale to one buyer, at what price, until when.';
COMMENT ON COLUMN quote.id IS 'qte_…';
COMMENT ON COLUMN quote.buyer IS 'For whom.';
COMMENT ON COLUMN quote.offer IS 'Under which offer,';
COMMENT ON COLUMN quote.revision IS 'and which revision of it.';
COMMENT ON COLUMN quote.version IS 'Of which version.';
COMMENT ON COLUMN quote.purpose IS 'Purpose of use.';
COMMENT ON COLUMN quote.territory IS 'Where: ISO 3166 alpha-2, or EU, or WORLD.';
COMMENT ON COLUMN quote.valid_from IS 'The license would begin,';
COMMENT ON COLUMN quote.valid_until IS 'and end before this instant.';
COMMENT ON COLUMN quote.slice IS 'Canonical JSON of the slice request; {} is the whole version.';
COMMENT ON COLUMN quote.slice_root IS 'Root over the slice''s items.';
COMMENT ON COLUMN quote.item_count IS 'Items of the slice.';
COMMENT ON COLUMN quote.bytes IS 'Bytes of the slice.';
COMMENT ON COLUMN quote.amount IS 'Price in micro-units, whole minor units.';
COMMENT ON COLUMN quote.currency IS 'ISO 4217.';
COMMENT ON COLUMN quote.state IS 'open, accepted, expired.';
COMMENT ON COLUMN quote.expires_at IS 'Until when it can be accepted.';
COMMENT ON COLUMN quote.created_at IS 'When it was made.';
CREATE INDEX quote_buyer ON quote (buyer, id);

CREATE TABLE license (
    no          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    id          text NOT NULL UNIQUE,
    quote       text NOT NULL UNIQUE REFERENCES quote,
    offer       text NOT NULL REFERENCES offer,
    revision    integer NOT NULL,
    version     bigint NOT NULL REFERENCES version (no),
    publisher   text NOT NULL REFERENCES party,
    buyer       text NOT NULL REFERENCES party,
    purpose     text NOT NULL,
    territory   text NOT NULL,
    valid_from  timestamptz NOT NULL,
    valid_until timestamptz NOT NULL,
    slice       text NOT NULL,
    slice_root  bytea NOT NULL CHECK (octet_length(slice_root) = 32),
    item_count  bigint NOT NULL,
    amount      bigint NOT NULL CHECK (amount >= 0),
    currency    text NOT NULL,
    payment     text NOT NULL,
    document    bytea NOT NULL CHECK (octet_length(document) = 32),
    state       text NOT NULL CHECK (state IN ('pending', 'active', 'suspended', 'ended')),
    index       bigint NOT NULL,
    ended_index bigint,
    reason      text,
    granted_at  timestamptz NOT NULL,
    ended_at    timestamptz
);
COMMENT ON TABLE license IS 'Agreements: who may use which items for what, where and until when.';
COMMENT ON COLUMN license.no IS 'Short number for the tables that hang from it.';
COMMENT ON COLUMN license.id IS 'lic_…';
COMMENT ON COLUMN license.quote IS 'The quote that it accepts.';
COMMENT ON COLUMN license.offer IS 'The offer,';
COMMENT ON COLUMN license.revision IS 'and its revision.';
COMMENT ON COLUMN license.version IS 'The version.';
COMMENT ON COLUMN license.publisher IS 'Licensor.';
COMMENT ON COLUMN license.buyer IS 'Licensee.';
COMMENT ON COLUMN license.purpose IS 'Purpose granted.';
COMMENT ON COLUMN license.territory IS 'Territory granted.';
COMMENT ON COLUMN license.valid_from IS 'Use may begin,';
COMMENT ON COLUMN license.valid_until IS 'and must end before this instant.';
COMMENT ON COLUMN license.slice IS 'Canonical JSON of the slice request.';
COMMENT ON COLUMN license.slice_root IS 'Root over the slice''s items.';
COMMENT ON COLUMN license.item_count IS 'Items of the slice.';
COMMENT ON COLUMN license.amount IS 'Paid, in micro-units.';
COMMENT ON COLUMN license.currency IS 'ISO 4217.';
COMMENT ON COLUMN license.payment IS 'The payment that made it active.';
COMMENT ON COLUMN license.document IS 'SHA-256 of the license document.';
COMMENT ON COLUMN license.state IS 'pending payment, active, suspended, ended.';
COMMENT ON COLUMN license.index IS 'Entry license.granted.';
COMMENT ON COLUMN license.ended_index IS 'Entry license.ended.';
COMMENT ON COLUMN license.reason IS 'Reason code of the end.';
COMMENT ON COLUMN license.granted_at IS 'The `at` of license.granted.';
COMMENT ON COLUMN license.ended_at IS 'The `at` of license.ended.';
CREATE INDEX license_buyer ON license (buyer, id);
CREATE INDEX license_publisher ON license (publisher, id);

-- ---------------------------------------------------------------- books

CREATE TABLE account (
    no       bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    party    text REFERENCES party,
    kind     text NOT NULL CHECK (kind IN ('bank', 'prepaid', 'clearing')),
    currency text NOT NULL,
    UNIQUE NULLS NOT DISTINCT (party, kind, currency),
    CHECK ((party IS NULL) = (kind IN ('bank', 'clearing')))
);
COMMENT ON TABLE account IS 'Accounts of the double-entry books; platform accounts have no party.';
COMMENT ON COLUMN account.no IS 'Number.';
COMMENT ON COLUMN account.party IS 'Owner; null: the platform.';
COMMENT ON COLUMN account.kind IS
    'bank (money received), prepaid (a buyer''s credit), clearing (paid, not yet allocated).';
COMMENT ON COLUMN account.currency IS 'ISO 4217; fixed.';

CREATE TABLE book_transaction (
    no    bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    kind  text NOT NULL,
    index bigint NOT NULL
);
COMMENT ON TABLE book_transaction IS 'Transactions of the books; per currency their postings sum to zero.';
COMMENT ON COLUMN book_transaction.no IS 'Number.';
COMMENT ON COLUMN book_transaction.kind IS 'topup, purchase.';
COMMENT ON COLUMN book_transaction.index IS 'The entry it belongs to.';

CREATE TABLE posting (
    no          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    transaction bigint NOT NULL REFERENCES book_transaction,
    account     bigint NOT NULL REFERENCES account,
    amount      bigint NOT NULL CHECK (amount <> 0),
    running     bigint,
    balance     bigint,
    CHECK ((running IS NULL) = (balance IS NULL)),
    UNIQUE (account, running)
);
COMMENT ON TABLE posting IS
    'Lines of transactions, in micro-units; positive: the owner is owed more (credit), negative: less.';
COMMENT ON COLUMN posting.no IS 'Number.';
COMMENT ON COLUMN posting.transaction IS 'Its transaction.';
COMMENT ON COLUMN posting.account IS 'Its account.';
COMMENT ON COLUMN posting.amount IS 'Micro-units; credits positive.';
COMMENT ON COLUMN posting.running IS 'Running number within a party account, from 1; null on platform accounts.';
COMMENT ON COLUMN posting.balance IS 'Balance of a party account after this line; null on platform accounts.';
CREATE INDEX posting_transaction ON posting (transaction);

-- A transaction's postings sum to zero per currency, checked at commit; a party
-- account's lines are numbered without gaps and carry their balance.
CREATE FUNCTION posting_checked() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before posting;
BEGIN
    IF EXISTS (SELECT FROM posting p JOIN account a ON a.no = p.account WHERE p.transaction = NEW.transaction
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
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER posting_balances AFTER INSERT ON posting
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION posting_checked();

CREATE TABLE payment (
    id         text PRIMARY KEY,
    party      text NOT NULL REFERENCES party,
    license    text,
    amount     bigint NOT NULL CHECK (amount >= 0),
    currency   text NOT NULL,
    reference  text NOT NULL,
    index      bigint NOT NULL,
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE payment IS
    'Payments: received from outside into a prepaid balance, or from that balance for a license.';
COMMENT ON COLUMN payment.id IS 'pay_…';
COMMENT ON COLUMN payment.party IS 'Whose balance.';
COMMENT ON COLUMN payment.license IS 'What was paid; null: the balance was topped up.';
COMMENT ON COLUMN payment.amount IS 'Micro-units.';
COMMENT ON COLUMN payment.currency IS 'ISO 4217.';
COMMENT ON COLUMN payment.reference IS 'The operator''s reference (bank, invoice), or the license.';
COMMENT ON COLUMN payment.index IS 'Entry payment.received.';
COMMENT ON COLUMN payment.created_at IS 'The entry''s `at`.';
CREATE UNIQUE INDEX payment_reference ON payment (reference) WHERE license IS NULL;

-- ---------------------------------------------------------------- delivery and jobs

CREATE TABLE access (
    license bigint NOT NULL,
    item    integer NOT NULL,
    index   bigint NOT NULL,
    at      timestamptz NOT NULL,
    PRIMARY KEY (license, item, index)
);
COMMENT ON TABLE access IS 'Recorded accesses: the newest row of a license and item says whether its window is open.';
COMMENT ON COLUMN access.license IS
    'license.no; not a foreign key: checked under the ledger''s lock, and this is the busiest table.';
COMMENT ON COLUMN access.item IS 'Number of the item within its version.';
COMMENT ON COLUMN access.index IS 'Entry access.recorded.';
COMMENT ON COLUMN access.at IS 'Its `at`: the window''s begin.';

CREATE TABLE job (
    id           text PRIMARY KEY,
    kind         text NOT NULL,
    key          text NOT NULL,
    args         text NOT NULL,
    state        text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'done', 'dead')),
    attempt      integer NOT NULL DEFAULT 0,
    run_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    leased_until timestamptz,
    worker       text,
    error        text,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    done_at      timestamptz
);
COMMENT ON TABLE job IS 'Work for workers.';
COMMENT ON COLUMN job.id IS 'job_…';
COMMENT ON COLUMN job.kind IS 'Row of the worker''s table of kinds.';
COMMENT ON COLUMN job.key IS 'What it is about: the same kind and key waits once.';
COMMENT ON COLUMN job.args IS 'JSON for run().';
COMMENT ON COLUMN job.state IS 'queued, running, done, dead (an operator looks at it).';
COMMENT ON COLUMN job.attempt IS 'How often it was taken; the closing transaction checks it.';
COMMENT ON COLUMN job.run_at IS 'Not before.';
COMMENT ON COLUMN job.leased_until IS 'A running job whose lease is over may be taken by another worker.';
COMMENT ON COLUMN job.worker IS 'Who holds the lease.';
COMMENT ON COLUMN job.error IS 'Why the last attempt failed.';
COMMENT ON COLUMN job.created_at IS 'When it was enqueued.';
COMMENT ON COLUMN job.done_at IS 'When it ended.';
CREATE UNIQUE INDEX job_waiting ON job (kind, key) WHERE state = 'queued';
CREATE INDEX job_due ON job (run_at) WHERE state = 'queued';
CREATE INDEX job_leased ON job (leased_until) WHERE state = 'running';

-- ---------------------------------------------------------------- who may do what

CALL make_append_only('log');
CALL make_append_only('entry');
CALL make_append_only('entry_default');
CALL make_append_only('document');
CALL make_append_only('subtree');
CALL make_append_only('tree_head');
CALL make_append_only('checkpoint');
CALL make_append_only('sync_mark');
CALL make_append_only('account');
CALL make_append_only('book_transaction');
CALL make_append_only('posting');
CALL make_append_only('payment');
CALL make_append_only('access');
CALL make_append_only('item');
SELECT entry_partitions_ahead(4);

GRANT SELECT ON ALL TABLES IN SCHEMA public TO :api, :worker;
GRANT INSERT ON entry, disclosure, document, subtree, tree_head, checkpoint, sync_mark, idempotency,
                account, book_transaction, posting, payment, access, content, job TO :api, :worker;
GRANT INSERT ON party, api_key, dataset, content_upload, version, draft_item, item, offer, quote, license TO :api;
GRANT UPDATE ON party, api_key, dataset, version, offer, quote, license, content, job TO :api, :worker;
GRANT DELETE ON idempotency, draft_item TO :api, :worker;
GRANT EXECUTE ON FUNCTION entry_partitions_ahead(integer) TO :api, :worker;
