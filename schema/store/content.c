/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/content.h"

#include <inttypes.h>
#include <string.h>

#include "schema/store/holding.h"

enum { ADD, ADD_UPLOAD, UPLOADED, GET, STALE, RECORD, PAUSE_OFFERS, DOUBT, STATEMENTS };
_Static_assert(STATEMENTS == CONTENT_STATEMENTS, "content_sql");

#define COLUMNS "c.sha256, c.size, c.state, c.verified_at, c.stored_at"
const struct sql content_sql[CONTENT_STATEMENTS] = {
    [ADD]           = { "content_add",
                        "INSERT INTO content AS c (sha256, size) VALUES ($1, $2)"
                        " ON CONFLICT (sha256) DO UPDATE SET stored_at = clock_timestamp(),"
                        "    state = CASE WHEN c.state = 'verified' THEN 'verified' ELSE 'unverified' END"
                        " WHERE c.size = excluded.size" },
    [ADD_UPLOAD]    = { "content_add_upload",
                        "INSERT INTO content_upload (party, sha256) VALUES ($1, $2) ON CONFLICT DO NOTHING" },
    [UPLOADED]      = { "content_uploaded",
                        "SELECT " COLUMNS " FROM content_upload u JOIN content c USING (sha256) WHERE u.party = $1 AND"
                                          " u.sha256 = $2" },
    [GET]           = { "content_get",
                        "SELECT " COLUMNS " FROM content c WHERE c.sha256 = $1" },
    [STALE]         = { "content_stale",
                        "SELECT " COLUMNS " FROM content c"
                        " WHERE c.verified_at < $1::timestamptz ORDER BY c.verified_at LIMIT $2" },
    [RECORD]        = { "content_record",
                        "UPDATE content c SET state = r.state, verified_at = $3, index = $4"
                        "  FROM unnest($1::bytea[], $2::text[], $5::timestamptz[]) AS r (sha256, state, stored_at)"
                        " WHERE c.sha256 = r.sha256 AND (r.state = 'verified' OR"
                        "       c.stored_at < r.stored_at + interval '1 millisecond')" },
    [PAUSE_OFFERS]  = { "content_pause_offers",
                        SQL_HOLDING " UPDATE offer o SET state = 'paused' FROM holding h"
                        " WHERE o.version = h.version AND o.state = 'open'" },
    [DOUBT]         = { "content_doubt",
                        "UPDATE content SET state = 'unverified' WHERE sha256 = $1 AND state = 'verified'" },
};

static const struct column columns[] = {
    COL(content, sha256, T_HASH),      COL(content, size, T_INT8),      COL(content, state, T_TEXT),
    COL(content, verified_at, T_TIME), COL(content, stored_at, T_TIME),
};
static const struct shape content_shape = SHAPE(content, columns);

err content_add(struct scope *s, struct db *db, const char *party, const struct hash *sha256, int64_t size)
{
    int64_t touched;

    TRY(db_do(s, db, &content_sql[ADD], PARAMS(P_HASH(sha256), P_INT8(size)), &touched));
    if (touched != 1)
        return fail(s, ERR_CORRUPT, "%s is on record with another size than %" PRId64, hash_hex(s, sha256), size);
    return db_do(s, db, &content_sql[ADD_UPLOAD], PARAMS(P_TEXT(party), P_HASH(sha256)), NULL);
}

err content_uploaded(struct scope *s, struct db *db, const char *party, const struct hash *sha256, struct content *out)
{
    return db_one(s, db, &content_sql[UPLOADED], PARAMS(P_TEXT(party), P_HASH(sha256)), &content_shape, out);
}

err content_get(struct scope *s, struct db *db, const struct hash *sha256, struct content *out)
{
    return db_one(s, db, &content_sql[GET], PARAMS(P_HASH(sha256)), &content_shape, out);
}

err content_stale(struct scope *s, struct db *db, int64_t before_ms, int64_t limit, struct content **out, size_t *n)
{
    return db_many(s, db, &content_sql[STALE], PARAMS(P_TIME(before_ms), P_INT8(limit)), &content_shape, out, n);
}

/* Under the ledger's lock: what is in order costs one statement. Paused offers are opened by whoever counts anew. */
err content_record(struct scope *s, struct db *db, const struct content_result *results, size_t n, int64_t at_ms,
                   uint64_t index)
{
    struct bytes *hashes = NEWS(s, struct bytes, n), *broken = NEWS(s, struct bytes, n);
    const char **states = NEWS(s, const char *, n);
    int64_t *stored = NEWS(s, int64_t, n);
    size_t n_broken = 0;

    for (size_t i = 0; i < n; i++) {
        hashes[i] = (struct bytes){ results[i].sha256.b, HASH_SIZE };
        states[i] = results[i].state;
        stored[i] = results[i].stored_at;
        if (strcmp(states[i], "verified") != 0)
            broken[n_broken++] = hashes[i];
    }
    TRY(db_do(s, db, &content_sql[RECORD],
              PARAMS(P_BYTESS(hashes, n), P_TEXTS(states, n), P_TIME(at_ms), P_INT8((int64_t)index),
                     P_TIMES(stored, n)), NULL));
    return n_broken ? db_do(s, db, &content_sql[PAUSE_OFFERS], PARAMS(P_BYTESS(broken, n_broken)), NULL) : ERR_OK;
}

err content_doubt(struct scope *s, struct db *db, const struct hash *sha256)
{
    return db_do(s, db, &content_sql[DOUBT], PARAMS(P_HASH(sha256)), NULL);
}
