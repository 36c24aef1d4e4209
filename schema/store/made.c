/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/made.h"

enum { ITEMS, STATEMENTS };
_Static_assert(STATEMENTS == MADE_STATEMENTS, "made_sql");

/* A page by the index of parties, then a probe for each of its rows, whatever the planner knows of the tables. */
const struct sql made_sql[MADE_STATEMENTS] = {
    [ITEMS] = { "made_items",
                "SELECT p.version AS version_no, p.n, p.place, d.owner || '/' || d.name AS dataset,"
                "       p.number::bigint AS version, i.path, i.sha256, i.size, p.role, p.weight,"
                "       i.contributors <> '[]' AS declared,"
                "       EXISTS (SELECT FROM (SELECT consent FROM consent_item WHERE sha256 = i.sha256 OFFSET 0) y"
                "                CROSS JOIN LATERAL (SELECT creator, role, state, valid_until FROM consent"
                "                                     WHERE no = y.consent OFFSET 0) k"
                "                WHERE k.creator = $1 AND k.role = p.role AND k.state = 'granted'"
                "                  AND k.valid_until > clock_timestamp()) AS covered"
                "  FROM (SELECT c.version, c.n, c.place, c.role, c.weight, v.number, v.dataset"
                "          FROM item_contributor c JOIN version v ON v.no = c.version AND v.index IS NOT NULL"
                "         WHERE c.party = $1 AND (c.version, c.n) >= ($2, $3::integer)"
                "           AND (c.version, c.n, c.place) > ($2, $3::integer, $4::integer)"
                "         ORDER BY c.version, c.n, c.place LIMIT $5) p"
                "  JOIN dataset d ON d.id = p.dataset"
                " CROSS JOIN LATERAL (SELECT path, sha256, size, contributors FROM item"
                "                      WHERE version = p.version AND n = p.n OFFSET 0) i"
                " ORDER BY p.version, p.n, p.place" },
};

static const struct column columns[] = {
    COL(made_item, version_no, T_INT8), COL(made_item, n, T_INT4),        COL(made_item, place, T_INT4),
    COL(made_item, dataset, T_TEXT),    COL(made_item, version, T_INT8),  COL(made_item, path, T_TEXT),
    COL(made_item, sha256, T_HASH),     COL(made_item, size, T_INT8),     COL(made_item, role, T_TEXT),
    COL(made_item, weight, T_INT4),     COL(made_item, declared, T_BOOL), COL(made_item, covered, T_BOOL),
};
static const struct shape shape = SHAPE(made_item, columns);

err made_items(struct scope *s, struct db *db, const char *party, const struct made_place *after, int64_t limit,
               struct made_item **out, size_t *n)
{
    return db_many(s, db, &made_sql[ITEMS],
                   PARAMS(P_TEXT(party), P_INT8(after->version), P_INT4(after->n), P_INT4(after->place),
                          P_INT8(limit)), &shape, out, n);
}
