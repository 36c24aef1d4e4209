-- SPDX-License-Identifier: Apache-2.0
-- Consents: keys of parties, certificates with what they cover and grant, withdrawals, status lists, signed documents.

CREATE TABLE party_key (
    public_key text PRIMARY KEY,
    party      text NOT NULL REFERENCES party,
    statement  bytea NOT NULL,
    index      bigint NOT NULL,
    at         timestamptz NOT NULL
);
COMMENT ON TABLE party_key IS 'Keys that parties have shown to hold; party.public_key is the one that counts now.';
COMMENT ON COLUMN party_key.public_key IS 'did:key; of one party for ever.';
COMMENT ON COLUMN party_key.party IS 'Whose.';
COMMENT ON COLUMN party_key.statement IS 'The statement that the key signed, canonical JSON.';
COMMENT ON COLUMN party_key.index IS 'Entry party.key_changed.';
COMMENT ON COLUMN party_key.at IS 'Its `at`.';

CREATE TABLE signed_document (
    hash  bytea PRIMARY KEY REFERENCES document (hash),
    bytes bytea NOT NULL,
    at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE signed_document IS 'Documents of the market with the issuer''s proof; made again, the same bytes.';
COMMENT ON COLUMN signed_document.hash IS 'The document without its proof.';
COMMENT ON COLUMN signed_document.bytes IS 'Canonical JSON with its proof.';
COMMENT ON COLUMN signed_document.at IS 'When it was first signed.';

CREATE TABLE status_list (
    no         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    id         text NOT NULL UNIQUE,
    pair       bigint NOT NULL,
    purpose    text NOT NULL CHECK (purpose IN ('revocation', 'suspension')),
    url        text NOT NULL UNIQUE,
    places     integer NOT NULL CHECK (places >= 131072 AND places % 8 = 0),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (pair, purpose)
);
COMMENT ON TABLE status_list IS 'Status lists of the market, in pairs: a consent has the same place in both.';
COMMENT ON COLUMN status_list.no IS 'Short number.';
COMMENT ON COLUMN status_list.id IS 'stl_…';
COMMENT ON COLUMN status_list.pair IS 'Number of its pair, from 1.';
COMMENT ON COLUMN status_list.purpose IS 'revocation or suspension.';
COMMENT ON COLUMN status_list.url IS 'Where its credential is served: named in certificates, so it never changes.';
COMMENT ON COLUMN status_list.places IS 'Bits.';
COMMENT ON COLUMN status_list.created_at IS 'When.';

CREATE TABLE status_publication (
    list        bigint NOT NULL REFERENCES status_list (no),
    index       bigint NOT NULL,
    document    bytea NOT NULL CHECK (octet_length(document) = 32),
    as_of       bigint NOT NULL,
    at          timestamptz NOT NULL,
    valid_until timestamptz NOT NULL,
    PRIMARY KEY (list, index)
);
COMMENT ON TABLE status_publication IS 'Every state of a list that was published; the newest counts.';
COMMENT ON COLUMN status_publication.list IS 'The list.';
COMMENT ON COLUMN status_publication.index IS 'Entry status_list.published.';
COMMENT ON COLUMN status_publication.document IS
    'Digest of its credential without proof; not a foreign key: documents are stored at the end of their batch.';
COMMENT ON COLUMN status_publication.as_of IS 'Size of the log whose state it shows.';
COMMENT ON COLUMN status_publication.at IS 'The entry''s `at`.';
COMMENT ON COLUMN status_publication.valid_until IS 'The credential''s end.';
CREATE INDEX status_publication_at ON status_publication (list, at);

CREATE TABLE consent (
    no           bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    id           text NOT NULL UNIQUE,
    creator      text NOT NULL REFERENCES party,
    public_key   text NOT NULL,
    credential   text NOT NULL,
    document     bytea NOT NULL UNIQUE CHECK (octet_length(document) = 32),
    bytes        bytea NOT NULL,
    state        text NOT NULL DEFAULT 'received'
                 CHECK (state IN ('received', 'rejected', 'granted', 'suspended', 'revoked')),
    reason       text,
    role         text NOT NULL,
    assurance    text NOT NULL,
    purposes     text[] NOT NULL,
    prohibitions text[] NOT NULL,
    root         bytea NOT NULL CHECK (octet_length(root) = 32),
    item_count   bigint NOT NULL CHECK (item_count >= 1),
    valid_from   timestamptz NOT NULL,
    valid_until  timestamptz NOT NULL,
    pair         bigint NOT NULL,
    place        integer NOT NULL CHECK (place >= 0),
    index        bigint,
    withdrawn    bigint,
    withdrawal   bytea,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    decided_at   timestamptz,
    withdrawn_at timestamptz,
    CHECK ((state IN ('granted', 'suspended', 'revoked')) = (index IS NOT NULL)),
    CHECK ((state IN ('suspended', 'revoked')) = (withdrawn IS NOT NULL))
);
COMMENT ON TABLE consent IS 'Consent certificates as posted by creators.';
COMMENT ON COLUMN consent.no IS 'Short number for the tables that hang from it.';
COMMENT ON COLUMN consent.id IS 'cns_…';
COMMENT ON COLUMN consent.creator IS 'Whose consent; who posted it.';
COMMENT ON COLUMN consent.public_key IS 'did:key that signed it.';
COMMENT ON COLUMN consent.credential IS 'The certificate''s own id.';
COMMENT ON COLUMN consent.document IS 'SHA-256 of the certificate as accepted, proofs included.';
COMMENT ON COLUMN consent.bytes IS 'The certificate, canonical JSON.';
COMMENT ON COLUMN consent.state IS
    'received until a worker has verified it; rejected with a reason; granted in the ledger; suspended or revoked.';
COMMENT ON COLUMN consent.reason IS 'Why it was rejected: a code of docs/credentials.md.';
COMMENT ON COLUMN consent.role IS 'As what the creator consents: author, performer, …';
COMMENT ON COLUMN consent.assurance IS 'Level of assurance: L3.';
COMMENT ON COLUMN consent.purposes IS 'Purposes granted, sorted.';
COMMENT ON COLUMN consent.prohibitions IS 'What it rules out, sorted.';
COMMENT ON COLUMN consent.root IS 'Coverage: list root over {sha256}, sorted.';
COMMENT ON COLUMN consent.item_count IS 'Items that it covers.';
COMMENT ON COLUMN consent.valid_from IS 'Valid from.';
COMMENT ON COLUMN consent.valid_until IS 'Valid before; infinity: without end.';
COMMENT ON COLUMN consent.pair IS 'Status lists that it names: status_list.pair.';
COMMENT ON COLUMN consent.place IS 'Its place in both.';
COMMENT ON COLUMN consent.index IS 'Entry consent.granted.';
COMMENT ON COLUMN consent.withdrawn IS 'Entry consent.revoked or consent.suspended: no clearance as of before counts.';
COMMENT ON COLUMN consent.withdrawal IS 'The signed request, canonical JSON.';
COMMENT ON COLUMN consent.created_at IS 'When it was posted.';
COMMENT ON COLUMN consent.decided_at IS 'When it was granted (the entry''s `at`) or rejected.';
COMMENT ON COLUMN consent.withdrawn_at IS 'The `at` of its withdrawal.';
CREATE UNIQUE INDEX consent_credential ON consent (credential) WHERE state <> 'rejected';
CREATE UNIQUE INDEX consent_place ON consent (pair, place) WHERE state <> 'rejected';
CREATE INDEX consent_creator ON consent (creator, id);
CREATE INDEX consent_withdrawn ON consent (pair, withdrawn) WHERE withdrawn IS NOT NULL;

CREATE TABLE consent_grant (
    consent   bigint NOT NULL REFERENCES consent,
    purpose   text NOT NULL,
    model     text NOT NULL,
    territory text NOT NULL,
    PRIMARY KEY (consent, purpose, model, territory)
);
COMMENT ON TABLE consent_grant IS 'What a consent grants, one row a combination.';
COMMENT ON COLUMN consent_grant.consent IS 'The consent.';
COMMENT ON COLUMN consent_grant.purpose IS 'For this purpose,';
COMMENT ON COLUMN consent_grant.model IS 'in models of this class,';
COMMENT ON COLUMN consent_grant.territory IS 'here, as the certificate says it: WORLD, EU or a country.';

CREATE TABLE consent_item (
    sha256  bytea NOT NULL CHECK (octet_length(sha256) = 32),
    consent bigint NOT NULL,
    PRIMARY KEY (consent, sha256)
);
COMMENT ON TABLE consent_item IS 'Coverage: the hashes that each consent names.';
COMMENT ON COLUMN consent_item.sha256 IS 'SHA-256 of an item''s bytes.';
COMMENT ON COLUMN consent_item.consent IS
    'consent.no; not a foreign key: millions of rows in one statement, whose consent is made in the same transaction.';
CREATE INDEX consent_item_content ON consent_item (sha256);

CREATE TABLE item_block (
    version bigint NOT NULL,
    n       integer NOT NULL,
    consent bigint NOT NULL,
    PRIMARY KEY (version, n, consent)
);
COMMENT ON TABLE item_block IS
    'Items that rest on a consent being withdrawn. A row says nothing by itself: the consent''s `withdrawn` does.';
COMMENT ON COLUMN item_block.version IS 'The item''s version.';
COMMENT ON COLUMN item_block.n IS 'Number of the item within it.';
COMMENT ON COLUMN item_block.consent IS
    'consent.no. Rows are made before the ledger''s lock, so that withdrawing is one row under it, whatever it covers.';

CREATE VIEW item_withdrawal AS
    SELECT b.version, b.n, c.withdrawn, c.state FROM item_block b JOIN consent c ON c.no = b.consent
     WHERE c.withdrawn IS NOT NULL;
COMMENT ON VIEW item_withdrawal IS
    'Withdrawals that bind an item: a clearance as of an entry before `withdrawn` no longer covers it.';
COMMENT ON COLUMN item_withdrawal.version IS 'The item''s version.';
COMMENT ON COLUMN item_withdrawal.n IS 'Number of the item within it.';
COMMENT ON COLUMN item_withdrawal.withdrawn IS 'Entry of the withdrawal.';
COMMENT ON COLUMN item_withdrawal.state IS 'revoked or suspended.';

CREATE INDEX version_published ON version (index) WHERE index IS NOT NULL;

CALL make_append_only('party_key');
CALL make_append_only('signed_document');
CALL make_append_only('status_publication');
CALL make_append_only('consent_grant');

GRANT SELECT ON party_key, signed_document, status_list, status_publication, consent, consent_grant, consent_item,
                item_block, item_withdrawal TO :api, :worker;
GRANT INSERT ON party_key, consent, consent_grant, consent_item TO :api;
GRANT INSERT ON signed_document, item_block TO :api, :worker;
GRANT INSERT ON status_list, status_publication TO :worker;
GRANT UPDATE ON consent TO :api, :worker;
GRANT DELETE ON consent_item TO :worker;
