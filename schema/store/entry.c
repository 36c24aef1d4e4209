/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/entry.h"

#include "schema/base/limits.h"

enum { GET, LIST, BUNDLE, DOCUMENT, PING };

/* Who besides auditors may read private fields: by the id of what it is about in the entry's own bytes. */
#define BODY   "(convert_from(e.bytes, 'UTF8')::jsonb -> 'body')"
#define SELECT "SELECT e.index, e.leaf, e.bytes, x.disclosures," \
               "       coalesce((SELECT max(r.index) FROM erasure_entry z JOIN erasure r ON r.no = z.erasure" \
               "                  WHERE z.index = e.index), -1) AS erased," \
               "       coalesce(l.buyer, y.party, k.creator, o.party) AS buyer, l.publisher" \
               "  FROM entry e LEFT JOIN disclosure x ON x.index = e.index" \
               "  LEFT JOIN license l ON e.type IN ('license.granted', 'access.recorded'," \
               "                                   'refund.posted', 'allocation.posted')" \
               "                     AND l.id = " BODY " ->> 'license'" \
               "  LEFT JOIN payment y ON e.type = 'payment.received' AND y.id = " BODY " ->> 'payment'" \
               "  LEFT JOIN consent k ON e.type = 'consent.granted' AND k.id = " BODY " ->> 'consent'" \
               "  LEFT JOIN payout o ON e.type IN ('payout.instructed', 'payout.settled', 'payout.failed')" \
               "                    AND o.id = " BODY " ->> 'payout'"
const struct sql entry_sql[ENTRY_STATEMENTS] = {
    [GET]      = { "entry_get", SELECT " WHERE e.index = $1" },
    [LIST]     = { "entry_list",
                   SELECT " WHERE e.index >= $1 AND e.index < $2 AND ($3::text IS NULL OR e.type = $3)"
                   " ORDER BY e.index LIMIT $4" },
    [BUNDLE]   = { "entry_bundle",
                   "SELECT index, leaf, bytes, NULL::bytea AS disclosures, -1::bigint AS erased,"
                   "       NULL::text AS buyer, NULL::text AS publisher"
                   "  FROM entry WHERE index >= $1 AND index < $2 ORDER BY index" },
    [DOCUMENT] = { "document_get", "SELECT bytes FROM document WHERE hash = $1" },
    [PING]     = { "entry_ping", "SELECT coalesce(max(size), 0) AS size FROM checkpoint" },
};

static const struct column columns[] = {
    COL(entry_row, index, T_INT8),        COL(entry_row, leaf, T_HASH),  COL(entry_row, bytes, T_BYTES),
    COL(entry_row, disclosures, T_BYTES), COL(entry_row, erased, T_INT8), COL(entry_row, buyer, T_TEXT),
    COL(entry_row, publisher, T_TEXT),
};
static const struct shape row_shape = SHAPE(entry_row, columns);

err entry_get(struct scope *s, struct db *db, uint64_t index, struct entry_row *out)
{
    return db_one(s, db, &entry_sql[GET], PARAMS(P_INT8((int64_t)index)), &row_shape, out);
}

err entry_list(struct scope *s, struct db *db, uint64_t from, uint64_t end, const char *type, int64_t limit,
               struct entry_row **out, size_t *n, uint64_t *next)
{
    uint64_t stop = from < end && end - from > ENTRIES_LOOKED_AT ? from + ENTRIES_LOOKED_AT : end;

    TRY(db_many(s, db, &entry_sql[LIST], PARAMS(P_INT8((int64_t)from), P_INT8((int64_t)stop), P_TEXT(type),
                                                P_INT8(limit)),
                &row_shape, out, n));
    *next = *n == (size_t)limit ? (uint64_t)(*out)[limit - 1].index + 1 : stop;
    return ERR_OK;
}

err entry_bundle(struct scope *s, struct db *db, uint64_t from, uint64_t end, struct entry_row **out, size_t *n)
{
    return db_many(s, db, &entry_sql[BUNDLE], PARAMS(P_INT8((int64_t)from), P_INT8((int64_t)end)), &row_shape, out, n);
}

err document_get(struct scope *s, struct db *db, const struct hash *hash, struct bytes *out)
{
    static const struct column column[] = { { "bytes", T_BYTES, 0 } };
    static const struct shape shape = { sizeof(struct bytes), 1, column };

    return db_one(s, db, &entry_sql[DOCUMENT], PARAMS(P_HASH(hash)), &shape, out);
}

err entry_ping(struct scope *s, struct db *db, int64_t *signed_size)
{
    static const struct column column[] = { { "size", T_INT8, 0 } };
    static const struct shape shape = { sizeof(int64_t), 1, column };

    return db_one(s, db, &entry_sql[PING], NO_PARAMS, &shape, signed_size);
}
