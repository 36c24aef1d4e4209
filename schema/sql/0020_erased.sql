-- SPDX-License-Identifier: Apache-2.0
-- The erasure of a party in bounded steps, each taken up again where it was cut off; leaves of snapshots go with it.

ALTER TABLE erasure ADD COLUMN stub text REFERENCES party;
ALTER TABLE erasure ADD CONSTRAINT erasure_stub_while CHECK (stub IS NULL OR state = 'erasing');
COMMENT ON COLUMN erasure.stub IS
    'Under which id the books go on: a party that is nobody, fresh; null before and after: nothing here leads there.';
COMMENT ON COLUMN clearance.seed IS
    'Secret, 256 random bits: the salt of item n is the first 16 bytes of SHA-256(seed, n in 8 bytes). Zeros: erased.';
COMMENT ON COLUMN idempotency.status IS
    'HTTP status of the answer; 410: the answer went with somebody''s erasure, what it answered is done.';

ALTER TABLE payout_left DROP CONSTRAINT payout_left_reason_check,
    ADD CONSTRAINT payout_left_reason_check CHECK (reason IN ('held', 'below_minimum', 'in_payout', 'closed'));
COMMENT ON COLUMN payout_left.reason IS
    'held: pending; below_minimum, which is at least one minor unit; in_payout: handed to the rail, not answered;'
    ' closed: its party was erased, and a payout that was settled came back.';

-- The salted id of an account in a snapshot (ledger/entry/lists.h).
CREATE FUNCTION held_id(account text, as_of bigint) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN sha256(convert_to('{"account":"' || account || '","as_of":' || as_of || '}', 'UTF8'));

-- Whether a stored answer names the party, by its id, its handle, or as the owner of a dataset.
CREATE FUNCTION answer_names(answer text, party text, handle text) RETURNS boolean
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN strpos(answer, party) > 0 OR strpos(answer, '"' || handle || '"') > 0
        OR strpos(answer, '"' || handle || '/') > 0;

DROP FUNCTION erase_rest(bigint, text);

-- ---------------------------------------------------------------- the steps, in their order
/*
 * Each takes at most so many rows, says how many it took, and finds by itself what is left to do: 0 means that it is
 * done. What leads from the party to the rows of a step is changed by a later step, never by an earlier one.
 */

-- The party that is nobody, once.
CREATE FUNCTION erase_begin(which bigint, fresh text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM erasure_begun(which);
    IF EXISTS (SELECT FROM erasure WHERE no = which AND stub IS NULL) THEN
        INSERT INTO party (id, handle, roles, state, index, created_at)
        VALUES (fresh, 'erased-' || right(fresh, 26), '{}', 'closed', -1, '1970-01-01T00:00:00Z');
        UPDATE erasure SET stub = fresh WHERE no = which;
    END IF;
END $$;

CREATE FUNCTION erasure_stub(which bigint) RETURNS text LANGUAGE sql STABLE STRICT
    RETURN (SELECT stub FROM erasure WHERE no = which);

/*
 * Leaves of the snapshots that the erasure lists, and of those that nobody finished: before anything else goes, so that
 * an auditor who isn't shown a payout any more has no leaf either that it would be missed in.
 */
CREATE FUNCTION erase_held(which bigint, most bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    whose text := erasure_begun(which);
    touched bigint;
BEGIN
    UPDATE snapshot_leaf f SET account = NULL, n = NULL, salt = NULL
      FROM (SELECT l.snapshot, l.currency, l.place
              FROM creator_account c CROSS JOIN snapshot s
              JOIN snapshot_leaf l ON l.snapshot = s.no AND l.currency = c.currency AND l.id = held_id(c.id, s.as_of)
             WHERE c.party = whose AND l.account IS NOT NULL
               AND (s.index IS NULL OR EXISTS (SELECT FROM erasure_entry z WHERE z.erasure = which
                                                  AND z.index = s.index AND z.rows > 0)) LIMIT most) x
     WHERE f.snapshot = x.snapshot AND f.currency = x.currency AND f.place = x.place;
    GET DIAGNOSTICS touched = ROW_COUNT;
    RETURN touched;
END $$;

-- Lines of allocations, by the hashes of their leaves: values go, the hashes stay.
CREATE OR REPLACE FUNCTION erase_lines(which bigint, allocations bigint[], places integer[], leaves bytea[])
    RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    whose text := erasure_begun(which);
    nobody text := erasure_stub(which);
    touched bigint;
BEGIN
    UPDATE allocation_line x SET weight = NULL, amount = NULL, fee = NULL, n = NULL, salt = NULL, path = NULL,
                                 leaf = u.leaf, party = nobody
      FROM unnest(allocations, places, leaves) u (allocation, place, leaf)
     WHERE x.allocation = u.allocation AND x.place = u.place AND x.party = whose AND x.leaf IS NULL;
    GET DIAGNOSTICS touched = ROW_COUNT;
    RETURN touched;
END $$;

-- Documents of the market that name the party: of licenses on either side, of its clearances, with the proofs.
CREATE FUNCTION erase_documents(which bigint, most bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    whose text := erasure_begun(which);
    hashes bytea[] := ARRAY(
        SELECT d.hash FROM (SELECT document FROM license WHERE buyer = whose
                            UNION ALL SELECT document FROM license WHERE publisher = whose
                            UNION ALL SELECT c.document FROM license l JOIN clearance c ON c.license = l.no
                                       WHERE l.buyer = whose) u JOIN document d ON d.hash = u.document LIMIT most);
    touched bigint;
BEGIN
    DELETE FROM signed_document WHERE hash = ANY (hashes);
    DELETE FROM document WHERE hash = ANY (hashes);
    GET DIAGNOSTICS touched = ROW_COUNT;
    RETURN touched;
END $$;

-- What a buyer's clearances rested on, what it called its project, and the salts of the lists that are its own.
CREATE FUNCTION erase_clearances(which bigint, most bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    whose text := erasure_begun(which);
    zeros CONSTANT bytea := decode(repeat('00', 32), 'hex');
    touched bigint;
BEGIN
    DELETE FROM clearance_consent k
     USING (SELECT x.clearance, x.consent FROM license l JOIN clearance c ON c.license = l.no
              JOIN clearance_consent x ON x.clearance = c.no WHERE l.buyer = whose LIMIT most) x
     WHERE k.clearance = x.clearance AND k.consent = x.consent;
    GET DIAGNOSTICS touched = ROW_COUNT;
    IF touched = 0 THEN
        UPDATE clearance SET project = NULL, seed = zeros
         WHERE no IN (SELECT c.no FROM license l JOIN clearance c ON c.license = l.no
                       WHERE l.buyer = whose AND (c.project IS NOT NULL OR c.seed <> zeros) LIMIT most);
        GET DIAGNOSTICS touched = ROW_COUNT;
    END IF;
    RETURN touched;
END $$;

-- Work that was done for it, or failed for good.
CREATE FUNCTION erase_jobs(which bigint, most bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    whose text := erasure_begun(which);
    touched bigint;
BEGIN
    DELETE FROM job WHERE id IN (
        SELECT id FROM job WHERE state IN ('done', 'dead')
           AND key IN (SELECT id FROM consent WHERE creator = whose
                       UNION SELECT c.id FROM clearance c JOIN license l ON l.no = c.license WHERE l.buyer = whose)
         LIMIT most);
    GET DIAGNOSTICS touched = ROW_COUNT;
    RETURN touched;
END $$;

-- What a buyer wished for; a slice that somebody else asked for, too, is the other's as well.
CREATE FUNCTION erase_wishes(which bigint, most bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    whose text := erasure_begun(which);
    touched bigint;
BEGIN
    UPDATE slice SET request = '', digest = sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
     WHERE no IN (SELECT s.no FROM quote q JOIN slice s ON s.no = q.slice_no
                   WHERE q.buyer = whose AND NOT s.whole AND s.request <> ''
                     AND NOT EXISTS (SELECT FROM quote o WHERE o.slice_no = s.no AND o.buyer <> whose) LIMIT most);
    GET DIAGNOSTICS touched = ROW_COUNT;
    IF touched = 0 THEN
        UPDATE quote SET slice = '', exclusions = '{}', forecast = NULL, buyer = erasure_stub(which)
         WHERE id IN (SELECT id FROM quote WHERE buyer = whose LIMIT most);
        GET DIAGNOSTICS touched = ROW_COUNT;
    END IF;
    RETURN touched;
END $$;

CREATE FUNCTION erase_licenses(which bigint, most bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    whose text := erasure_begun(which);
    touched bigint;
BEGIN
    UPDATE license SET slice = '', buyer = erasure_stub(which)
     WHERE no IN (SELECT no FROM license WHERE buyer = whose LIMIT most);
    GET DIAGNOSTICS touched = ROW_COUNT;
    RETURN touched;
END $$;

-- Consents: by which key, in what words. Which items they covered stays, by numbers: the lists of clearances rest on
-- it, and withdrawals bind what was cleared before.
CREATE FUNCTION erase_consents(which bigint, most bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    whose text := erasure_begun(which);
    touched bigint;
BEGIN
    DELETE FROM consent_grant k
     USING (SELECT x.consent, x.purpose, x.model, x.territory FROM consent c JOIN consent_grant x ON x.consent = c.no
             WHERE c.creator = whose LIMIT most) x
     WHERE k.consent = x.consent AND k.purpose = x.purpose AND k.model = x.model AND k.territory = x.territory;
    GET DIAGNOSTICS touched = ROW_COUNT;
    IF touched = 0 THEN
        UPDATE consent SET public_key = 'erased', credential = 'erased ' || id, bytes = '', prohibitions = '{}',
                           withdrawal = CASE WHEN withdrawal IS NOT NULL THEN ''::bytea END
         WHERE no IN (SELECT no FROM consent WHERE creator = whose AND public_key <> 'erased' LIMIT most);
        GET DIAGNOSTICS touched = ROW_COUNT;
    END IF;
    RETURN touched;
END $$;

-- Payouts, and their lines in the files of the runs that paid them: files are large, so few at a time.
CREATE FUNCTION erase_payouts(which bigint, most bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    ids text[] := ARRAY(SELECT id FROM payout WHERE party = erasure_begun(which) ORDER BY id LIMIT least(most, 20));
    touched bigint;
BEGIN
    UPDATE payout_run SET file = (
        SELECT convert_to(string_agg(line, E'\r\n' ORDER BY place), 'UTF8')
          FROM unnest(string_to_array(convert_from(file, 'UTF8'), E'\r\n')) WITH ORDINALITY u (line, place)
         WHERE split_part(line, ',', 1) <> ALL (ids))
     WHERE file IS NOT NULL AND no IN (SELECT run FROM payout WHERE id = ANY (ids));
    UPDATE payout SET statement = '', reference = CASE WHEN reference IS NOT NULL THEN 'erased' END,
                      party = erasure_stub(which) WHERE id = ANY (ids);
    GET DIAGNOSTICS touched = ROW_COUNT;
    RETURN touched;
END $$;

CREATE FUNCTION erase_payments(which bigint, most bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    whose text := erasure_begun(which);
    touched bigint;
BEGIN
    UPDATE payment SET reference = 'erased ' || id, party = erasure_stub(which)
     WHERE id IN (SELECT id FROM payment WHERE party = whose LIMIT most);
    GET DIAGNOSTICS touched = ROW_COUNT;
    RETURN touched;
END $$;

-- The party's own answers, by their key; and its API keys.
CREATE FUNCTION erase_answers(which bigint, most bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    whose text := erasure_begun(which);
    touched bigint;
BEGIN
    DELETE FROM idempotency
     WHERE party = whose AND key IN (SELECT key FROM idempotency WHERE party = whose LIMIT most);
    GET DIAGNOSTICS touched = ROW_COUNT;
    IF touched = 0 THEN
        DELETE FROM api_key WHERE id IN (SELECT id FROM api_key WHERE party = whose LIMIT most);
        GET DIAGNOSTICS touched = ROW_COUNT;
    END IF;
    RETURN touched;
END $$;

/*
 * Answers of others that name the party: no key leads to them, so all are looked at once, a page of their primary key
 * at a time. They lose their words and stay: else a repeat would be done a second time.
 */
CREATE FUNCTION erase_named(which bigint, most bigint, INOUT party_after text, INOUT key_after text,
                            OUT looked_at bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    whose text := erasure_begun(which);
    was text := (SELECT handle FROM party WHERE id = whose);
    parties text[];
    keys text[];
BEGIN
    SELECT array_agg(x.party ORDER BY x.party, x.key), array_agg(x.key ORDER BY x.party, x.key), count(*)
      INTO parties, keys, looked_at
      FROM (SELECT i.party, i.key FROM idempotency i WHERE (i.party, i.key) > (party_after, key_after)
             ORDER BY i.party, i.key LIMIT most) x;
    UPDATE idempotency i SET status = 410, answer = '' FROM unnest(parties, keys) u (party, key)
     WHERE i.party = u.party AND i.key = u.key AND answer_names(i.answer, whose, was);
    party_after := coalesce(parties[looked_at], party_after);
    key_after := coalesce(keys[looked_at], key_after);
END $$;

-- Its part of the catalog: cards are large, so few at a time.
CREATE FUNCTION erase_datasets(which bigint, most bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    whose text := erasure_begun(which);
    touched bigint;
BEGIN
    UPDATE dataset SET state = 'delisted', title = '', description = '', card = ''
     WHERE id IN (SELECT id FROM dataset WHERE publisher = whose AND (state, title, description, card) IS DISTINCT FROM
                                               ('delisted', '', '', '') LIMIT least(most, 100));
    GET DIAGNOSTICS touched = ROW_COUNT;
    RETURN touched;
END $$;

-- The end: accounts, one of each kind and currency, and names. Nothing leads from the party to them any more.
CREATE FUNCTION erase_end(which bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    whose text := erasure_begun(which);
    nobody text := erasure_stub(which);
BEGIN
    UPDATE account SET party = nobody WHERE party = whose;
    UPDATE creator_account SET party = nobody WHERE party = whose;
    UPDATE party_key SET public_key = 'erased ' || index, statement = '' WHERE party = whose;
    UPDATE party SET handle = 'erased-' || right(id, 26), name = NULL, contact = NULL, public_key = NULL
     WHERE id = whose;
    UPDATE erasure SET state = 'done', party = NULL, stub = NULL, done_at = clock_timestamp() WHERE no = which;
END $$;

REVOKE ALL ON FUNCTION erase_begin(bigint, text), erase_held(bigint, bigint), erase_documents(bigint, bigint),
    erase_clearances(bigint, bigint), erase_jobs(bigint, bigint), erase_wishes(bigint, bigint),
    erase_licenses(bigint, bigint), erase_consents(bigint, bigint), erase_payouts(bigint, bigint),
    erase_payments(bigint, bigint), erase_answers(bigint, bigint), erase_named(bigint, bigint, text, text),
    erase_datasets(bigint, bigint), erase_end(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION erase_begin(bigint, text), erase_held(bigint, bigint), erase_documents(bigint, bigint),
    erase_clearances(bigint, bigint), erase_jobs(bigint, bigint), erase_wishes(bigint, bigint),
    erase_licenses(bigint, bigint), erase_consents(bigint, bigint), erase_payouts(bigint, bigint),
    erase_payments(bigint, bigint), erase_answers(bigint, bigint), erase_named(bigint, bigint, text, text),
    erase_datasets(bigint, bigint), erase_end(bigint) TO :worker;
