/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/dataset.h"

#include <assert.h>

enum { ADD, GET, LISTED, VAGUE, BROWSE, SEARCH = BROWSE + DATASET_RELEVANCE };      /* browsing has no relevance */

#define PUBLISHED " FROM version v WHERE v.dataset = d.id AND v.number IS NOT NULL)"
#define COLUMNS "d.id, d.owner, d.name, d.publisher, d.title, d.description, d.modality," \
                " array_to_string(d.languages, ',') AS languages, d.card, d.state, d.created_at," \
                " (SELECT coalesce(max(v.number), 0)::bigint" PUBLISHED " AS latest," \
                " (SELECT count(*)" PUBLISHED " AS versions"

/* Open offers of d that grant something still, to who asks for it; what the whole version costs by one. */
#define WHOLE "least(greatest(CASE o.kind WHEN 'flat' THEN o.amount::numeric" \
              " ELSE o.amount::numeric * v.item_count END, o.minimum), 1000000000000000000)::bigint"
#define OFFERS " FROM offer o JOIN version v ON v.no = o.version" \
               " WHERE v.dataset = d.id AND v.state = 'published' AND o.state = 'open' AND o.grants_until > $4" \
               "   AND ($5::text IS NULL OR $5 = ANY (o.purposes))" \
               "   AND ($6::text[] IS NULL OR o.territories && $6 OR o.territories @> $7::text[])" \
               "   AND ($8::text IS NULL OR o.currency = $8) AND ($9::bigint IS NULL OR " WHOLE " <= $9)"
/* Each row a filter of the catalog; a further one is a line here and a member of struct dataset_filter. */
#define FILTERS " WHERE d.state = 'listed' AND ($1::text IS NULL OR d.modality = $1)" \
                "   AND ($2::text IS NULL OR EXISTS (SELECT FROM unnest(d.languages) l WHERE lower(l) = lower($2)" \
                "                                    OR starts_with(lower(l), lower($2) || '-')))" \
                "   AND ($3::text IS NULL OR d.owner = $3)" \
                "   AND (NOT $10::boolean OR EXISTS (SELECT" OFFERS "))" \
                "   AND ($14::text IS NULL OR EXISTS (SELECT FROM certificate c JOIN version v ON v.no = c.version" \
                "        WHERE v.dataset = d.id AND c.state = 'issued' AND c.flaw IS NULL" \
                "          AND c.valid_from <= clock_timestamp() AND c.valid_until > clock_timestamp()" \
                "          AND ($14 = 'true' OR $14 = ANY (c.criteria))" \
                "          AND v.number = (SELECT max(n.number) FROM version n WHERE n.dataset = d.id)))"
#define KEYED_(source, by) KEYED(source, by)      /* `by` is two arguments: key, more */
/* Rows from `source` after ($11, $12) in order of `key` and id; the key is never negative. */
#define KEYED(source, key, more) \
    source "SELECT " COLUMNS ", d.key FROM (SELECT d.*, " key " AS key FROM d" more FILTERS ") d" \
    " WHERE (d.key, d.id) > ($11::bigint, $12::text) ORDER BY d.key, d.id LIMIT $13"
#define BY_ID(source, after, order) \
    source "SELECT " COLUMNS ", 0::bigint AS key FROM d" FILTERS \
    " AND d.id " after " $12::text AND $11::bigint IS NOT NULL ORDER BY d.id" order " LIMIT $13"
#define PRICE "p.price", " CROSS JOIN LATERAL (SELECT min(" WHOLE ") AS price" OFFERS ") p"
/* Found by the index, whatever the planner thinks of the order. */
#define FOUND "WITH d AS MATERIALIZED (SELECT * FROM dataset WHERE state = 'listed' AND words @@ search_query($15)) "
#define ALL   "WITH d AS NOT MATERIALIZED (SELECT * FROM dataset) "
#define RANK  "greatest(0, 2000000000 - (ts_rank(d.lead, search_query($15)) * 1000000000)::bigint)", ""
const struct sql dataset_sql[DATASET_STATEMENTS] = {
    [ADD]    = { "dataset_add",
                 "INSERT INTO dataset (id, owner, name, publisher, title, description, modality, languages, card)"
                 " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)" },
    [GET]    = { "dataset_get", "SELECT " COLUMNS " FROM dataset d WHERE d.owner = $1 AND d.name = $2" },
    [LISTED] = { "dataset_listed", "UPDATE dataset SET state = 'listed' WHERE id = $1 AND state = 'draft'" },
    [VAGUE]  = { "dataset_vague", "SELECT querytree(search_query($1)) IN ('', 'T') AS vague" },
    [BROWSE + DATASET_OLDEST]    = { "dataset_browse_oldest", BY_ID(ALL, ">", "") },
    [BROWSE + DATASET_NEWEST]    = { "dataset_browse_newest", BY_ID(ALL, "<", " DESC") },
    [BROWSE + DATASET_PRICE]     = { "dataset_browse_price", KEYED_(ALL, PRICE) },
    [SEARCH + DATASET_OLDEST]    = { "dataset_search_oldest", BY_ID(FOUND, ">", "") },
    [SEARCH + DATASET_NEWEST]    = { "dataset_search_newest", BY_ID(FOUND, "<", " DESC") },
    [SEARCH + DATASET_PRICE]     = { "dataset_search_price", KEYED_(FOUND, PRICE) },
    [SEARCH + DATASET_RELEVANCE] = { "dataset_search_relevance", KEYED_(FOUND, RANK) },
};

#define COLS \
    COL(dataset, id, T_ID),              COL(dataset, owner, T_TEXT),    COL(dataset, name, T_TEXT), \
    COL(dataset, publisher, T_ID),       COL(dataset, title, T_TEXT),    COL(dataset, description, T_TEXT), \
    COL(dataset, modality, T_TEXT),      COL(dataset, languages, T_TEXT), COL(dataset, card, T_TEXT), \
    COL(dataset, state, T_TEXT),         COL(dataset, created_at, T_TIME), COL(dataset, latest, T_INT8), \
    COL(dataset, versions, T_INT8)
static const struct column columns[] = { COLS };
static const struct shape dataset_shape = SHAPE(dataset, columns);

static_assert(offsetof(struct dataset_row, dataset) == 0, "a row's columns are the dataset's, and its key");
static const struct column row_columns[] = { COLS, COL(dataset_row, key, T_INT8) };
static const struct shape row_shape = SHAPE(dataset_row, row_columns);

struct vague { bool vague; };
static const struct column vague_columns[] = { COL(vague, vague, T_BOOL) };
static const struct shape vague_shape = SHAPE(vague, vague_columns);

err dataset_add(struct scope *s, struct db *db, const struct dataset *d, const char *const *languages,
                size_t n_languages)
{
    err e = db_do(s, db, &dataset_sql[ADD],
                  PARAMS(P_ID(d->id), P_TEXT(d->owner), P_TEXT(d->name), P_ID(d->publisher), P_TEXT(d->title),
                         P_TEXT(d->description), P_TEXT(d->modality), P_TEXTS(languages, n_languages),
                             P_TEXT(d->card)), NULL);

    if (e != ERR_CONFLICT)
        return e;
    scope_forgive(s);
    return fail_at(s, ERR_CONFLICT, "/name", "there is a dataset %s/%s already", d->owner, d->name);
}

err dataset_get(struct scope *s, struct db *db, const char *owner, const char *name, struct dataset *out)
{
    return db_one(s, db, &dataset_sql[GET], PARAMS(P_TEXT(owner), P_TEXT(name)), &dataset_shape, out);
}

static err check_words(struct scope *s, struct db *db, const char *words)
{
    struct vague v;

    TRY(db_one(s, db, &dataset_sql[VAGUE], PARAMS(P_TEXT(words)), &vague_shape, &v));
    return v.vague ? fail_at(s, ERR_INVALID, "?q", "names no word to look for: a search wants one that must be there")
                   : ERR_OK;
}

/* $1 to $15 of the lists; those without words take one less. */
err dataset_list(struct scope *s, struct db *db, const struct dataset_filter *f, const struct dataset_page *p,
                 struct dataset_row **out, size_t *n)
{
    bool offered = f->purpose || f->n_covering || f->currency;
    struct sql_param params[] = {
        P_TEXT(f->modality), P_TEXT(f->language), P_TEXT(f->owner), P_TIME(f->now), P_TEXT(f->purpose),
        f->n_covering ? P_TEXTS(f->covering, f->n_covering) : P_NULL(),
        f->n_covering ? P_TEXTS(f->members, f->n_members) : P_NULL(), P_TEXT(f->currency),
        f->bounded ? P_INT8(f->max_price) : P_NULL(), P_BOOL(offered || f->bounded),
        P_INT8(p->after_key), P_TEXT(p->after), P_INT8(p->limit), P_TEXT(f->certified),
        P_TEXT(f->words),
    };
    size_t n_params = ARRAY_LEN(params) - (f->words ? 0 : 1);

    assert(f->words || p->sort != DATASET_RELEVANCE);
    if (f->words)
        TRY(check_words(s, db, f->words));
    return db_many(s, db, &dataset_sql[(f->words ? SEARCH : BROWSE) + p->sort], params, n_params, &row_shape, out, n);
}

err dataset_listed(struct scope *s, struct db *db, const char *id)
{
    return db_do(s, db, &dataset_sql[LISTED], PARAMS(P_TEXT(id)), NULL);
}
