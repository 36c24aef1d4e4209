-- SPDX-License-Identifier: Apache-2.0
-- Ethical-sourcing certificates of versions: whom the operator trusts to give them, what they say, their status list.

CREATE TABLE certifier_trust (
    no         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    party      text NOT NULL REFERENCES party,
    public_key text,
    index      bigint NOT NULL,
    at         timestamptz NOT NULL
);
COMMENT ON TABLE certifier_trust IS 'The operator''s acts of trust in certifiers; the newest of a party counts.';
COMMENT ON COLUMN certifier_trust.no IS 'Order of the acts.';
COMMENT ON COLUMN certifier_trust.party IS 'The certifier.';
COMMENT ON COLUMN certifier_trust.public_key IS 'did:key that is trusted from now on; null: none any more.';
COMMENT ON COLUMN certifier_trust.index IS 'Entry party.key_changed, which has this key in public, or none.';
COMMENT ON COLUMN certifier_trust.at IS 'Its `at`.';
CREATE INDEX certifier_trust_party ON certifier_trust (party, no);

CREATE VIEW trusted_certifier AS
    SELECT p.id, p.handle, t.public_key, t.index, t.at FROM certifier_trust t JOIN party p ON p.id = t.party
     WHERE p.public_key = t.public_key AND p.state = 'active'
       AND NOT EXISTS (SELECT FROM certifier_trust n WHERE n.party = t.party AND n.no > t.no);
COMMENT ON VIEW trusted_certifier IS
    'The register: certifiers whose present key the operator trusts. A key that they change waits for a new act.';
COMMENT ON COLUMN trusted_certifier.id IS 'The certifier.';
COMMENT ON COLUMN trusted_certifier.handle IS 'Its public name.';
COMMENT ON COLUMN trusted_certifier.public_key IS 'did:key that its certificates are signed by.';
COMMENT ON COLUMN trusted_certifier.index IS 'Entry party.key_changed of the operator''s act.';
COMMENT ON COLUMN trusted_certifier.at IS 'Since when.';

ALTER TABLE status_list ADD COLUMN kind text NOT NULL DEFAULT 'consent' CHECK (kind IN ('consent', 'certificate'));
COMMENT ON COLUMN status_list.kind IS
    'Whose places: consents are in pairs of lists, certificates in a revocation list.';

CREATE TABLE certificate (
    no           bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    id           text NOT NULL UNIQUE,
    certifier    text NOT NULL REFERENCES party,
    poster       text NOT NULL REFERENCES party,
    version      bigint NOT NULL REFERENCES version (no),
    public_key   text NOT NULL,
    credential   text NOT NULL,
    document     bytea NOT NULL UNIQUE CHECK (octet_length(document) = 32),
    bytes        bytea NOT NULL,
    state        text NOT NULL DEFAULT 'received' CHECK (state IN ('received', 'rejected', 'issued', 'revoked')),
    reason       text,
    scheme       text NOT NULL,
    criteria     text[] NOT NULL,
    valid_from   timestamptz NOT NULL,
    valid_until  timestamptz NOT NULL,
    pair         bigint NOT NULL,
    place        integer NOT NULL CHECK (place >= 0),
    index        bigint,
    withdrawn    bigint,
    withdrawal   bytea,
    revoked_by   text CHECK (revoked_by IN ('certifier', 'operator')),
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    decided_at   timestamptz,
    withdrawn_at timestamptz,
    verified_at  timestamptz,
    flaw         text,
    CHECK ((state IN ('issued', 'revoked')) = (index IS NOT NULL)),
    CHECK ((state = 'revoked') = (withdrawn IS NOT NULL)),
    CHECK ((state = 'revoked') = (revoked_by IS NOT NULL)),
    CHECK ((withdrawal IS NOT NULL) = coalesce(revoked_by = 'certifier', false))
);
COMMENT ON TABLE certificate IS
    'Ethical-sourcing certificates of versions, as posted by their certifiers or publishers.';
COMMENT ON COLUMN certificate.no IS 'Short number.';
COMMENT ON COLUMN certificate.id IS 'crt_…';
COMMENT ON COLUMN certificate.certifier IS 'Who vouches: the party of the key that signed it.';
COMMENT ON COLUMN certificate.poster IS 'Who posted it: the certifier, or the version''s publisher.';
COMMENT ON COLUMN certificate.version IS 'Of which version.';
COMMENT ON COLUMN certificate.public_key IS 'did:key that signed it.';
COMMENT ON COLUMN certificate.credential IS 'The certificate''s own id.';
COMMENT ON COLUMN certificate.document IS 'SHA-256 of the certificate as accepted, proofs included.';
COMMENT ON COLUMN certificate.bytes IS 'The certificate, canonical JSON.';
COMMENT ON COLUMN certificate.state IS
    'received until a worker has verified it; rejected with a reason; issued in the ledger; revoked.';
COMMENT ON COLUMN certificate.reason IS 'Why it was rejected: a code of docs/credentials.md.';
COMMENT ON COLUMN certificate.scheme IS 'The certifier''s name for its rules and their edition.';
COMMENT ON COLUMN certificate.criteria IS 'Criteria that are met, sorted.';
COMMENT ON COLUMN certificate.valid_from IS 'Valid from.';
COMMENT ON COLUMN certificate.valid_until IS 'Valid before.';
COMMENT ON COLUMN certificate.pair IS 'Status list that it names: status_list.pair, of kind certificate.';
COMMENT ON COLUMN certificate.place IS 'Its place there.';
COMMENT ON COLUMN certificate.index IS 'Entry certificate.issued.';
COMMENT ON COLUMN certificate.withdrawn IS 'Entry certificate.revoked.';
COMMENT ON COLUMN certificate.withdrawal IS 'The certifier''s signed request, canonical JSON.';
COMMENT ON COLUMN certificate.revoked_by IS
    'certifier: by a signed request; operator: with the trust in the certifier.';
COMMENT ON COLUMN certificate.created_at IS 'When it was posted.';
COMMENT ON COLUMN certificate.decided_at IS 'When it was issued (the entry''s `at`) or rejected.';
COMMENT ON COLUMN certificate.withdrawn_at IS 'The `at` of its revocation.';
COMMENT ON COLUMN certificate.verified_at IS 'When a worker last verified it.';
COMMENT ON COLUMN certificate.flaw IS 'What the worker found wrong then, a code of docs/credentials.md; null: nothing.';
CREATE UNIQUE INDEX certificate_credential ON certificate (credential) WHERE state <> 'rejected';
CREATE UNIQUE INDEX certificate_place ON certificate (pair, place) WHERE state <> 'rejected';
CREATE INDEX certificate_version ON certificate (version) WHERE index IS NOT NULL;
CREATE INDEX certificate_certifier ON certificate (certifier, id);
CREATE INDEX certificate_due ON certificate (verified_at) WHERE state = 'issued';

CALL make_append_only('certifier_trust');

GRANT SELECT ON certifier_trust, trusted_certifier, certificate TO :api, :worker;
GRANT INSERT ON certifier_trust, certificate TO :api;
GRANT UPDATE ON certificate TO :api, :worker;
