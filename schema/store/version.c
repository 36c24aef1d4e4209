/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/version.h"

enum { ADD, GET, LIST, HOLD_SHARED, HOLD_ALONE, PART_LOCK, PART_CLEAR, PART_COPY, FOREIGN, STRANGER, DUPLICATE, SIZE,
       SORTED_ONLY, LAST, TO_ITEMS, CLEAR, UNHURRIED, SEALING, REFUSE, FORGET, SEAL, PUBLISH, EACH, BY_PATH,
       STATEMENTS };
_Static_assert(STATEMENTS == VERSION_STATEMENTS, "version_sql");

#define COLUMNS "v.no, v.id, v.dataset, d.owner, d.name, v.publisher, coalesce(v.number, 0)::bigint AS number," \
                " v.state, v.fault, CASE WHEN v.state = 'sealing' THEN coalesce((SELECT max(i.n) + 1 FROM item i" \
                "  WHERE i.version = v.no), 0) ELSE -1 END::bigint AS sealed_items," \
                " v.root, v.details_root, v.commit_id, coalesce(v.item_count, -1) AS item_count," \
                " v.verified, v.corrupt, v.missing," \
                " coalesce(v.bytes, -1) AS bytes, coalesce(v.index, -1) AS index, v.created_at, v.published_at"
#define ITEM    "i.n, i.path, i.sha256, i.size, i.media_type, i.attributes, i.contributors, i.salt"
/* What lies beyond what was verified for this version is unverified, whatever is known of it (verification.h). */
#define ITEM_OF "SELECT " ITEM ", CASE WHEN i.n >= v.checked THEN 'unverified' ELSE c.state END" \
                " AS state FROM item i JOIN version v ON v.no = i.version JOIN content c ON c.sha256 = i.sha256" \
                " WHERE i.version = $1"
const struct sql version_sql[VERSION_STATEMENTS] = {
    [ADD]         = { "version_add", "INSERT INTO version (id, dataset, publisher) VALUES ($1, $2, $3)" },
    [GET]         = { "version_get",
                      "SELECT " COLUMNS " FROM version v JOIN dataset d ON d.id = v.dataset"
                      " WHERE d.owner = $1 AND d.name = $2 AND (v.id = $3 OR v.number::text = $3)" },
    [LIST]        = { "version_list",
                      "SELECT " COLUMNS " FROM version v JOIN dataset d ON d.id = v.dataset"
                      " WHERE v.dataset = $1 AND v.number < $2::bigint ORDER BY v.number DESC LIMIT $3" },
    [HOLD_SHARED] = { "version_hold_shared", "SELECT state FROM version WHERE no = $1 FOR SHARE" },
    [HOLD_ALONE]  = { "version_hold_alone", "SELECT state FROM version WHERE no = $1 FOR UPDATE" },
    /* Two requests for one part would interleave their deletes and rows. */
    [PART_LOCK]   = { "draft_part_lock", "SELECT pg_advisory_xact_lock(hashint8($1), $2)" },
    [PART_CLEAR]  = { "draft_part_clear", "DELETE FROM draft_item WHERE version = $1 AND part = $2" },
    [PART_COPY]   = { "draft_part_copy",
                      "COPY draft_item (version, part, line, path, sha256, size, media_type, attributes, contributors,"
                      " salt)"
                      " FROM STDIN (FORMAT binary)" },
    [FOREIGN]     = { "draft_part_foreign",
                      "SELECT i.line, i.path FROM draft_item i"
                      "  LEFT JOIN content_upload u ON u.party = $3 AND u.sha256 = i.sha256"
                      "  LEFT JOIN content c ON c.sha256 = u.sha256 AND c.size = i.size"
                      " WHERE i.version = $1 AND i.part = $2 AND c.sha256 IS NULL ORDER BY i.line LIMIT 1" },
    /* What has a shape is the API's to see; here each names a party. */
    [STRANGER]    = { "draft_part_stranger",
                      "SELECT i.line, c.value ->> 'party' AS path"
                      "  FROM draft_item i CROSS JOIN LATERAL jsonb_array_elements(i.contributors::jsonb) c (value)"
                      " WHERE i.version = $1 AND i.part = $2 AND i.contributors <> '[]'"
                      "   AND NOT EXISTS (SELECT FROM party p WHERE p.id = c.value ->> 'party' AND p.state <> 'closed')"
                      " ORDER BY i.line LIMIT 1" },
    [DUPLICATE]   = { "draft_duplicate",
                      "SELECT path FROM draft_item WHERE version = $1 GROUP BY path HAVING count(*) > 1"
                      " ORDER BY path LIMIT 1" },
    [SIZE]        = { "draft_size",
                      "SELECT count(*) AS items FROM (SELECT FROM draft_item WHERE version = $1 LIMIT $2) d" },
    /* In the index's order, whatever is known about a table just filled: a sort would be of all of it, each time. */
    [SORTED_ONLY] = { "draft_sorted_only", "SELECT set_config('enable_sort', 'off', true)" },
    [LAST]        = { "item_last", "SELECT n, path FROM item WHERE version = $1 ORDER BY n DESC LIMIT 1" },
    [TO_ITEMS]    = { "draft_to_items",
                      "INSERT INTO item (version, n, path, sha256, size, media_type, attributes, contributors, salt)"
                      " SELECT version, ($3::integer + row_number() OVER (ORDER BY path))::integer, path, sha256, size,"
                      "        media_type, attributes, contributors, salt"
                      "   FROM (SELECT * FROM draft_item WHERE version = $1 AND path > $2 ORDER BY path LIMIT $4) d" },
    [CLEAR]       = { "draft_clear", "DELETE FROM draft_item i USING version v WHERE i.version = $1 AND v.no = $1"
                      "   AND v.state NOT IN ('draft', 'sealing')" },
    [UNHURRIED]   = { "version_unhurried", "SELECT set_config('statement_timeout', '0', true)" },
    [SEALING]     = { "version_sealing",
                      "UPDATE version SET state = 'sealing', fault = NULL WHERE no = $1 AND state = 'draft'" },
    [REFUSE]      = { "version_refuse",
                      "UPDATE version SET state = 'draft', fault = $2 WHERE no = $1 AND state = 'sealing'" },
    [FORGET]      = { "version_forget_fault",
                      "UPDATE version SET fault = NULL WHERE no = $1 AND state = 'draft' AND fault IS NOT NULL" },
    [SEAL]        = { "version_seal",
                      "UPDATE version SET state = 'sealed', root = $2, details_root = $3, commit_id = $4, item_count ="
                      " $5,"
                      "       bytes = $6 WHERE no = $1 AND state = 'sealing'" },
    [PUBLISH]     = { "version_publish",
                      "UPDATE version v SET state = 'published', index = $2, published_at = $3, checked = 0,"
                      "       number = (SELECT coalesce(max(o.number), 0) + 1 FROM version o WHERE o.dataset ="
                      " v.dataset)"
                      " WHERE v.no = $1 AND v.state = 'sealed' RETURNING v.number::bigint AS number" },
    [EACH]        = { "item_each",
                     "SELECT " ITEM ", NULL::text AS state FROM item i WHERE i.version = $1 ORDER BY i.n" },
    [BY_PATH]     = { "item_by_path", ITEM_OF " AND i.path = $2" },
};

static const struct column columns[] = {
    COL(version, no, T_INT8),           COL(version, id, T_ID),            COL(version, dataset, T_ID),
    COL(version, owner, T_TEXT),        COL(version, name, T_TEXT),        COL(version, publisher, T_ID),
    COL(version, number, T_INT8),       COL(version, state, T_TEXT),       COL(version, fault, T_TEXT),
    COL(version, sealed_items, T_INT8), COL(version, root, T_HASH),
    COL(version, details_root, T_HASH), COL(version, commit_id, T_TEXT),   COL(version, item_count, T_INT8),
    COL(version, verified, T_INT8),     COL(version, corrupt, T_INT8),     COL(version, missing, T_INT8),
    COL(version, bytes, T_INT8),        COL(version, index, T_INT8),       COL(version, created_at, T_TIME),
    COL(version, published_at, T_TIME),
};
static const struct shape version_shape = SHAPE(version, columns);

static const struct column item_columns[] = {
    COL(item, n, T_INT4),             COL(item, path, T_TEXT),       COL(item, sha256, T_HASH), COL(item, size, T_INT8),
    COL(item, media_type, T_TEXT),    COL(item, attributes, T_TEXT), COL(item, contributors, T_TEXT),
    COL(item, salt, T_BYTES),         COL(item, state, T_TEXT),
};
static const struct shape item_shape = SHAPE(item, item_columns);

struct one_text { const char *state; };
static const struct column state_columns[] = { COL(one_text, state, T_TEXT) };
static const struct shape state_shape = SHAPE(one_text, state_columns);

struct draft_line { int32_t line; const char *path; };
static const struct column line_columns[] = { COL(draft_line, line, T_INT4), COL(draft_line, path, T_TEXT) };
static const struct shape line_shape = SHAPE(draft_line, line_columns);
struct last_item { int32_t n; const char *path; };
static const struct column last_columns[] = { COL(last_item, n, T_INT4), COL(last_item, path, T_TEXT) };
static const struct shape last_shape = SHAPE(last_item, last_columns);
struct draft_size { int64_t items; };
static const struct column size_columns[] = { COL(draft_size, items, T_INT8) };
static const struct shape size_shape = SHAPE(draft_size, size_columns);
static const struct column path_columns[] = { COL(draft_line, path, T_TEXT) };
static const struct shape path_shape = SHAPE(draft_line, path_columns);

err version_add(struct scope *s, struct db *db, const struct id *id, const char *dataset, const char *publisher)
{
    return db_do(s, db, &version_sql[ADD], PARAMS(P_ID(*id), P_TEXT(dataset), P_TEXT(publisher)), NULL);
}

err version_get(struct scope *s, struct db *db, const char *owner, const char *dataset, const char *name,
                struct version *out)
{
    return db_one(s, db, &version_sql[GET], PARAMS(P_TEXT(owner), P_TEXT(dataset), P_TEXT(name)), &version_shape, out);
}

err version_list(struct scope *s, struct db *db, const char *dataset, int64_t before, int64_t limit,
                 struct version **out, size_t *n)
{
    return db_many(s, db, &version_sql[LIST], PARAMS(P_TEXT(dataset), P_INT8(before), P_INT8(limit)), &version_shape,
                   out, n);
}

err version_hold(struct scope *s, struct db *db, int64_t no, bool sealing, const char **state)
{
    struct one_text row;

    TRY(db_one(s, db, &version_sql[sealing ? HOLD_ALONE : HOLD_SHARED], PARAMS(P_INT8(no)), &state_shape, &row));
    *state = row.state;
    return ERR_OK;
}

err draft_part_begin(struct scope *s, struct db *db, int64_t no, int32_t part)
{
    TRY(db_do(s, db, &version_sql[PART_LOCK], PARAMS(P_INT8(no), P_INT4(part)), NULL));
    TRY(db_do(s, db, &version_sql[PART_CLEAR], PARAMS(P_INT8(no), P_INT4(part)), NULL));
    return db_copy_begin(s, db, &version_sql[PART_COPY]);
}

err draft_part_row(struct scope *s, struct db *db, int64_t no, const struct draft_row *row)
{
    return db_copy_row(s, db, PARAMS(P_INT8(no), P_INT4(row->part), P_INT4(row->line), P_TEXT(row->path),
                                     P_HASH(&row->sha256), P_INT8(row->size), P_TEXT(row->media_type),
                                     P_TEXT(row->attributes), P_TEXT(row->contributors), P_BYTES(row->salt, 16)));
}

err draft_part_foreign(struct scope *s, struct db *db, int64_t no, int32_t part, const char *party, int32_t *line,
                       const char **path)
{
    struct draft_line *rows;
    size_t n;

    TRY(db_many(s, db, &version_sql[FOREIGN], PARAMS(P_INT8(no), P_INT4(part), P_TEXT(party)), &line_shape, &rows, &n));
    *line = n ? rows[0].line : 0;
    *path = n ? rows[0].path : NULL;
    return ERR_OK;
}

err draft_part_stranger(struct scope *s, struct db *db, int64_t no, int32_t part, int32_t *line, const char **party)
{
    struct draft_line *rows;
    size_t n;

    TRY(db_many(s, db, &version_sql[STRANGER], PARAMS(P_INT8(no), P_INT4(part)), &line_shape, &rows, &n));
    *line = n ? rows[0].line : 0;
    *party = n ? rows[0].path : NULL;
    return ERR_OK;
}

err draft_duplicate(struct scope *s, struct db *db, int64_t no, const char **path)
{
    struct draft_line *rows;
    size_t n;

    TRY(db_many(s, db, &version_sql[DUPLICATE], PARAMS(P_INT8(no)), &path_shape, &rows, &n));
    *path = n ? rows[0].path : NULL;
    return ERR_OK;
}

err draft_size(struct scope *s, struct db *db, int64_t no, int64_t limit, int64_t *items)
{
    struct draft_size row;

    TRY(db_one(s, db, &version_sql[SIZE], PARAMS(P_INT8(no), P_INT8(limit)), &size_shape, &row));
    *items = row.items;
    return ERR_OK;
}

static err last_item(struct scope *s, struct db *db, int64_t no, struct last_item *out, bool *any)
{
    struct last_item *rows;
    size_t n;

    TRY(db_many(s, db, &version_sql[LAST], PARAMS(P_INT8(no)), &last_shape, &rows, &n));
    *out = n ? rows[0] : (struct last_item){ -1, "" };
    *any = n > 0;
    return ERR_OK;
}

err items_begun(struct scope *s, struct db *db, int64_t no, bool *yes)
{
    struct last_item last;

    return last_item(s, db, no, &last, yes);
}

err draft_to_items(struct scope *s, struct db *db, int64_t no, int64_t limit, int32_t *first, int64_t *moved)
{
    struct last_item last;
    bool any;

    TRY(db_do(s, db, &version_sql[SORTED_ONLY], NO_PARAMS, NULL));
    TRY(last_item(s, db, no, &last, &any));
    *first = last.n + 1;
    return db_do(s, db, &version_sql[TO_ITEMS],
                 PARAMS(P_INT8(no), P_TEXT(last.path), P_INT4(last.n), P_INT8(limit)), moved);
}

err draft_clear(struct scope *s, struct db *db, int64_t no)
{
    return db_do(s, db, &version_sql[CLEAR], PARAMS(P_INT8(no)), NULL);
}

err version_sealing(struct scope *s, struct db *db, int64_t no)
{
    return db_do(s, db, &version_sql[SEALING], PARAMS(P_INT8(no)), NULL);
}

err version_refuse(struct scope *s, struct db *db, int64_t no, const char *why)
{
    return db_do(s, db, &version_sql[REFUSE], PARAMS(P_INT8(no), P_TEXT(why)), NULL);
}

err version_forget_fault(struct scope *s, struct db *db, int64_t no)
{
    return db_do(s, db, &version_sql[FORGET], PARAMS(P_INT8(no)), NULL);
}

err version_unhurried(struct scope *s, struct db *db)
{
    return db_do(s, db, &version_sql[UNHURRIED], NO_PARAMS, NULL);
}

err version_seal(struct scope *s, struct db *db, const struct version *v)
{
    int64_t touched;

    TRY(db_do(s, db, &version_sql[SEAL],
              PARAMS(P_INT8(v->no), P_HASH(&v->root), P_HASH(&v->details_root), P_TEXT(v->commit_id),
                     P_INT8(v->item_count), P_INT8(v->bytes)), &touched));
    return touched == 1 ? ERR_OK : fail(s, ERR_STALE, "the version is not being sealed any more");
}

err version_publish(struct scope *s, struct db *db, int64_t no, uint64_t index, int64_t at, int64_t *number)
{
    static const struct column column[] = { { "number", T_INT8, 0 } };
    static const struct shape shape = { sizeof(int64_t), 1, column };
    int64_t *rows;
    size_t n;

    TRY(db_many(s, db, &version_sql[PUBLISH], PARAMS(P_INT8(no), P_INT8((int64_t)index), P_TIME(at)), &shape, &rows,
                &n));
    if (n == 0)
        return fail(s, ERR_STALE, "the version is published already");
    *number = rows[0];
    return ERR_OK;
}

err item_each(struct scope *s, struct db *db, int64_t no, err (*each)(struct scope *s, void *arg, void *item),
              void *arg)
{
    struct item row;

    return db_each(s, db, &version_sql[EACH], PARAMS(P_INT8(no)), &item_shape, &row, each, arg);
}

err item_by_path(struct scope *s, struct db *db, int64_t no, const char *path, struct item *out)
{
    return db_one(s, db, &version_sql[BY_PATH], PARAMS(P_INT8(no), P_TEXT(path)), &item_shape, out);
}
