-- SPDX-License-Identifier: Apache-2.0
-- Partitions ahead of the log, without ever waiting for one.

-- As before, but a partition is never waited for: CREATE TABLE … PARTITION OF takes the parent's strongest lock, and
-- behind a waiting one every reader and every append would queue. Whoever calls gets 55P03 and comes again later;
-- partitions are made millions of entries ahead.
CREATE OR REPLACE FUNCTION entry_partitions_ahead(ahead integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '20ms' AS $$
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
