-- SPDX-License-Identifier: Apache-2.0
-- Auditors' grants; the erasure of parties: what goes is listed beside the log, the entry says its root, then it goes.

-- ---------------------------------------------------------------- grants

CREATE TABLE auditor_grant (
    no         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    id         text NOT NULL UNIQUE,
    party      text NOT NULL REFERENCES party,
    granted_by text NOT NULL REFERENCES party,
    granted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    until      timestamptz NOT NULL,
    revoked_by text REFERENCES party,
    revoked_at timestamptz,
    CHECK ((revoked_by IS NULL) = (revoked_at IS NULL))
);
COMMENT ON TABLE auditor_grant IS
    'The operator''s acts that give an auditor the private fields and lists of everybody to read. Rows stay.';
COMMENT ON COLUMN auditor_grant.no IS 'Order of the acts.';
COMMENT ON COLUMN auditor_grant.id IS 'grt_…';
COMMENT ON COLUMN auditor_grant.party IS 'The auditor, with all of its keys.';
COMMENT ON COLUMN auditor_grant.granted_by IS 'The operator.';
COMMENT ON COLUMN auditor_grant.granted_at IS 'Since when.';
COMMENT ON COLUMN auditor_grant.until IS 'Until when; infinity: until it is revoked.';
COMMENT ON COLUMN auditor_grant.revoked_by IS 'The operator who took it back.';
COMMENT ON COLUMN auditor_grant.revoked_at IS 'When.';
CREATE INDEX auditor_grant_party ON auditor_grant (party, no);

-- Who could read everything by its role goes on until the operator takes it back.
INSERT INTO auditor_grant (id, party, granted_by, until)
SELECT 'grt_0' || (SELECT string_agg(substr('0123456789abcdefghjkmnpqrstvwxyz', get_byte(r.noise, i) % 32 + 1, 1), '')
                     FROM generate_series(0, 24) i), p.id, o.id, 'infinity'
  FROM party p CROSS JOIN LATERAL (SELECT sha256(uuid_send(gen_random_uuid()) || p.id::bytea) AS noise) r
 CROSS JOIN LATERAL (SELECT id FROM party WHERE 'operator' = ANY (roles) ORDER BY id LIMIT 1) o
 WHERE 'auditor' = ANY (p.roles);

-- ---------------------------------------------------------------- erasures

CREATE TABLE erasure (
    no           bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    id           text NOT NULL UNIQUE,
    party        text REFERENCES party,
    operator     text NOT NULL REFERENCES party,
    reason       text NOT NULL,
    closed_index bigint NOT NULL,
    state        text NOT NULL DEFAULT 'preparing' CHECK (state IN ('preparing', 'erasing', 'done')),
    index        bigint,
    requested_at timestamptz NOT NULL,
    erased_at    timestamptz,
    done_at      timestamptz,
    CHECK ((state = 'preparing') = (index IS NULL)),
    CHECK ((state = 'done') = (party IS NULL))
);
COMMENT ON TABLE erasure IS 'Erasures of parties.';
COMMENT ON COLUMN erasure.no IS 'Their order.';
COMMENT ON COLUMN erasure.id IS 'ers_…';
COMMENT ON COLUMN erasure.party IS 'Who is erased; null when it is done: then nothing here leads to the party.';
COMMENT ON COLUMN erasure.operator IS 'Who had it done.';
COMMENT ON COLUMN erasure.reason IS 'Code of the entry: request, order, inactive.';
COMMENT ON COLUMN erasure.closed_index IS 'Entry party.closed.';
COMMENT ON COLUMN erasure.state IS
    'preparing: what goes is being listed; erasing: the entry is there, what is listed goes; done.';
COMMENT ON COLUMN erasure.index IS 'Entry disclosures.erased.';
COMMENT ON COLUMN erasure.requested_at IS 'The `at` of party.closed.';
COMMENT ON COLUMN erasure.erased_at IS 'The `at` of disclosures.erased.';
COMMENT ON COLUMN erasure.done_at IS 'When the last row was gone.';
CREATE UNIQUE INDEX erasure_party ON erasure (party) WHERE party IS NOT NULL;
CREATE INDEX erasure_index ON erasure (index) WHERE index IS NOT NULL;

CREATE TABLE erasure_entry (
    erasure bigint NOT NULL REFERENCES erasure,
    index   bigint NOT NULL,
    fields  text[] NOT NULL,
    rows    bigint NOT NULL CHECK (rows >= 0),
    salt    bytea NOT NULL CHECK (octet_length(salt) = 16),
    done    boolean NOT NULL DEFAULT false,
    PRIMARY KEY (erasure, index)
);
COMMENT ON TABLE erasure_entry IS
    'The entries of an erasure: leaves of the list whose root is in disclosures.erased; for auditors with a grant.';
COMMENT ON COLUMN erasure_entry.erasure IS 'The erasure.';
COMMENT ON COLUMN erasure_entry.index IS 'The entry.';
COMMENT ON COLUMN erasure_entry.fields IS 'Names of the private fields that go, sorted.';
COMMENT ON COLUMN erasure_entry.rows IS 'Rows that go of the list that the entry commits to.';
COMMENT ON COLUMN erasure_entry.salt IS '128 random bits.';
COMMENT ON COLUMN erasure_entry.done IS 'Its disclosures are gone.';
CREATE INDEX erasure_entry_of ON erasure_entry (index);
CREATE INDEX erasure_entry_left ON erasure_entry (erasure, index) WHERE NOT done;

-- ---------------------------------------------------------------- disclosures by name

-- Of [salt,name,value] in base64url, the name.
CREATE FUNCTION disclosure_name(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN convert_from(decode(rpad(translate($1, '-_', '+/'), (length($1) + 3) / 4 * 4, '='), 'base64'), 'UTF8')::jsonb
           ->> 1;
-- Which of the names an entry's disclosures have, sorted.
CREATE FUNCTION disclosure_names(disclosures bytea, names text[]) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ARRAY(SELECT n FROM (SELECT disclosure_name(t) AS n
                                  FROM jsonb_array_elements_text(convert_from(disclosures, 'UTF8')::jsonb) t) x
                  WHERE n = ANY (names) ORDER BY n COLLATE "C");
-- The disclosures without those of these names, in the same form; null: none is left.
CREATE FUNCTION disclosure_rest(disclosures bytea, names text[]) RETURNS bytea
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (SELECT convert_to('[' || string_agg('"' || t || '"', ',' ORDER BY place) || ']', 'UTF8')
              FROM jsonb_array_elements_text(convert_from(disclosures, 'UTF8')::jsonb) WITH ORDINALITY x (t, place)
             WHERE disclosure_name(t) <> ALL (names));

ALTER TABLE clearance ADD COLUMN erased boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN clearance.erased IS 'Its licensee was erased: the list is not served any more, and goes.';

-- ---------------------------------------------------------------- lines of allocations that are erased

ALTER TABLE allocation_line ALTER COLUMN weight DROP NOT NULL, ALTER COLUMN amount DROP NOT NULL,
    ALTER COLUMN fee DROP NOT NULL, ALTER COLUMN n DROP NOT NULL, ALTER COLUMN salt DROP NOT NULL,
    ALTER COLUMN path DROP NOT NULL;
ALTER TABLE allocation_line ADD COLUMN leaf bytea CHECK (octet_length(leaf) = 32);
ALTER TABLE allocation_line ADD CONSTRAINT allocation_line_erased
    CHECK ((leaf IS NOT NULL) = (amount IS NULL) AND (amount IS NULL) = (n IS NULL)
           AND (amount IS NULL) = (salt IS NULL) AND (amount IS NULL) = (weight IS NULL)
           AND (amount IS NULL) = (fee IS NULL)
           AND (amount IS NULL) = (path IS NULL));
COMMENT ON COLUMN allocation_line.leaf IS
    'Hash of the leaf where the line was erased: the root and the paths of the others rest on it. Else null.';

-- ---------------------------------------------------------------- what a worker may do, and only after the entry

-- The party of an erasure whose entry is in the log; anything else is refused.
CREATE FUNCTION erasure_begun(which bigint) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    whose text;
BEGIN
    SELECT party INTO whose FROM erasure WHERE no = which AND state = 'erasing';
    IF whose IS NULL THEN
        RAISE EXCEPTION 'erasure % has no entry yet, or is done', which USING ERRCODE = '42501';
    END IF;
    RETURN whose;
END $$;

-- The next private fields; how many entries lost theirs.
CREATE FUNCTION erase_disclosures(which bigint, most bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    touched bigint;
BEGIN
    PERFORM erasure_begun(which);
    WITH page AS MATERIALIZED (
        SELECT z.index, d.index IS NOT NULL AS there, disclosure_rest(d.disclosures, z.fields) AS rest
          FROM (SELECT index, fields FROM erasure_entry WHERE erasure = which AND NOT done ORDER BY index LIMIT most
                   FOR UPDATE) z LEFT JOIN disclosure d ON d.index = z.index),
    gone AS (DELETE FROM disclosure d USING page p WHERE d.index = p.index AND p.rest IS NULL),
    kept AS (UPDATE disclosure d SET disclosures = p.rest FROM page p WHERE d.index = p.index AND p.rest IS NOT NULL)
    UPDATE erasure_entry z SET done = true FROM page p WHERE z.erasure = which AND z.index = p.index;
    GET DIAGNOSTICS touched = ROW_COUNT;
    RETURN touched;
END $$;

-- Who fetched what.
CREATE FUNCTION erase_accesses(which bigint, most bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    whose text := erasure_begun(which);
    touched bigint;
BEGIN
    DELETE FROM access a USING (SELECT x.license, x.item, x.index FROM license l JOIN access x ON x.license = l.no
                                 WHERE l.buyer = whose LIMIT most) x
     WHERE a.license = x.license AND a.item = x.item AND a.index = x.index;
    GET DIAGNOSTICS touched = ROW_COUNT;
    RETURN touched;
END $$;

-- What a clearance left out; its list is not served any more, as clearance.erased says since the entry.
CREATE FUNCTION erase_exclusions(which bigint, most bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    whose text := erasure_begun(which);
    touched bigint;
BEGIN
    DELETE FROM clearance_exclusion a
     USING (SELECT x.clearance, x.n FROM license l JOIN clearance c ON c.license = l.no
              JOIN clearance_exclusion x ON x.clearance = c.no WHERE l.buyer = whose LIMIT most) x
     WHERE a.clearance = x.clearance AND a.n = x.n;
    GET DIAGNOSTICS touched = ROW_COUNT;
    RETURN touched;
END $$;

-- Lines of allocations, by the hashes of their leaves: values go, the hashes stay.
CREATE FUNCTION erase_lines(which bigint, allocations bigint[], places integer[], leaves bytea[]) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    whose text := erasure_begun(which);
    touched bigint;
BEGIN
    UPDATE allocation_line x SET weight = NULL, amount = NULL, fee = NULL, n = NULL, salt = NULL, path = NULL,
                                 leaf = u.leaf
      FROM unnest(allocations, places, leaves) u (allocation, place, leaf)
     WHERE x.allocation = u.allocation AND x.place = u.place AND x.party = whose AND x.leaf IS NULL;
    GET DIAGNOSTICS touched = ROW_COUNT;
    RETURN touched;
END $$;

/*
 * All that is left, of a size that a transaction bears. The books, licenses and payouts go on under `stub`, a party
 * that is nobody: a fresh id that leads nowhere. Documents of the market that name the party go, their digests stay in
 * the log; so do a consent's certificate and its withdrawal. Names and contacts go, in whatever table.
 */
CREATE FUNCTION erase_rest(which bigint, stub text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    whose text := erasure_begun(which);
    was text;
    documents bytea[];
BEGIN
    SELECT handle INTO was FROM party WHERE id = whose;
    INSERT INTO party (id, handle, roles, state, index, created_at)
    VALUES (stub, 'erased-' || right(stub, 26), '{}', 'closed', -1, '1970-01-01T00:00:00Z');

    -- Documents: of licenses on either side, of clearances, with the issuer's proofs.
    documents := ARRAY(SELECT document FROM license WHERE buyer = whose
                       UNION ALL SELECT document FROM license WHERE publisher = whose
                       UNION ALL SELECT c.document FROM clearance c JOIN license l ON l.no = c.license
                                  WHERE l.buyer = whose AND c.document IS NOT NULL);
    DELETE FROM signed_document WHERE hash = ANY (documents);
    DELETE FROM document WHERE hash = ANY (documents);

    -- What a buyer wished for, and the salts of the lists that are its own.
    DELETE FROM clearance_consent k USING clearance c JOIN license l ON l.no = c.license
     WHERE k.clearance = c.no AND l.buyer = whose;
    UPDATE clearance c SET project = NULL, seed = sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
      FROM license l WHERE l.no = c.license AND l.buyer = whose;
    UPDATE slice s SET request = '', digest = sha256(uuid_send(gen_random_uuid()))
     WHERE NOT s.whole AND EXISTS (SELECT FROM quote q WHERE q.slice_no = s.no AND q.buyer = whose)
       AND NOT EXISTS (SELECT FROM quote q WHERE q.slice_no = s.no AND q.buyer <> whose);
    UPDATE license SET slice = '' WHERE buyer = whose;
    UPDATE quote SET slice = '', exclusions = '{}', forecast = NULL WHERE buyer = whose;
    UPDATE payment SET reference = 'erased ' || id WHERE party = whose;

    DELETE FROM job WHERE state IN ('done', 'dead')
        AND key IN (SELECT id FROM consent WHERE creator = whose
                    UNION SELECT c.id FROM clearance c JOIN license l ON l.no = c.license WHERE l.buyer = whose);

    -- Consents: by which key, in what words. Which items they covered stays, by numbers: the lists of clearances rest
    -- on it, and withdrawals bind what was cleared before.
    DELETE FROM consent_grant k USING consent c WHERE k.consent = c.no AND c.creator = whose;
    UPDATE consent SET public_key = 'erased', credential = 'erased ' || id, bytes = '',
                       withdrawal = CASE WHEN withdrawal IS NOT NULL THEN ''::bytea END
     WHERE creator = whose;

    -- Payouts, and the files of the runs that paid them.
    UPDATE payout_run r SET file = (SELECT convert_to(string_agg(line, E'\r\n' ORDER BY place), 'UTF8')
             FROM unnest(string_to_array(convert_from(r.file, 'UTF8'), E'\r\n')) WITH ORDINALITY u (line, place)
            WHERE NOT EXISTS (SELECT FROM payout y WHERE y.run = r.no AND y.party = whose
                                 AND y.id = split_part(u.line, ',', 1)))
     WHERE r.file IS NOT NULL AND EXISTS (SELECT FROM payout y WHERE y.run = r.no AND y.party = whose);
    UPDATE payout SET statement = '', reference = CASE WHEN reference IS NOT NULL THEN 'erased' END, party = stub
     WHERE party = whose;

    -- The books go on under a number that is nobody's.
    UPDATE account SET party = stub WHERE party = whose;
    UPDATE creator_account SET party = stub WHERE party = whose;
    UPDATE allocation_line SET party = stub WHERE party = whose;
    UPDATE payment SET party = stub WHERE party = whose;
    UPDATE license SET buyer = stub WHERE buyer = whose;
    UPDATE quote SET buyer = stub WHERE buyer = whose;

    -- Its part of the catalog.
    UPDATE dataset SET state = 'delisted', title = '', description = '', card = '' WHERE publisher = whose;

    -- Names, keys, answers, work.
    DELETE FROM idempotency WHERE party = whose
        OR answer LIKE '%' || whose || '%' OR answer LIKE '%"' || was || '"%';
    DELETE FROM api_key WHERE party = whose;
    UPDATE party_key SET public_key = 'erased ' || index, statement = '' WHERE party = whose;
    UPDATE party SET handle = 'erased-' || right(id, 26), name = NULL, contact = NULL, public_key = NULL
     WHERE id = whose;
    UPDATE erasure SET state = 'done', party = NULL, done_at = clock_timestamp() WHERE no = which;
END $$;

ALTER TABLE dataset DROP CONSTRAINT dataset_owner_fkey,
    ADD CONSTRAINT dataset_owner_fkey FOREIGN KEY (owner) REFERENCES party (handle) ON UPDATE CASCADE;

REVOKE ALL ON FUNCTION erase_disclosures(bigint, bigint), erase_accesses(bigint, bigint),
    erase_exclusions(bigint, bigint),
    erase_lines(bigint, bigint[], integer[], bytea[]), erase_rest(bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION erase_disclosures(bigint, bigint), erase_accesses(bigint, bigint),
    erase_exclusions(bigint, bigint),
    erase_lines(bigint, bigint[], integer[], bytea[]), erase_rest(bigint, text) TO :worker;
GRANT SELECT ON auditor_grant, erasure, erasure_entry TO :api, :worker;
GRANT INSERT, UPDATE ON auditor_grant TO :api;
GRANT INSERT ON erasure TO :api;
GRANT UPDATE (state, index, erased_at) ON erasure TO :worker;
GRANT INSERT ON erasure_entry TO :worker;
