/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/dataset.h"

enum { ADD, GET, LIST, LISTED };

#define PUBLISHED " FROM version v WHERE v.dataset = d.id AND v.number IS NOT NULL)"
#define COLUMNS "d.id, d.owner, d.name, d.publisher, d.title, d.description, d.modality," \
                " array_to_string(d.languages, ',') AS languages, d.card, d.state, d.created_at," \
                " (SELECT coalesce(max(v.number), 0)::bigint" PUBLISHED " AS latest," \
                " (SELECT count(*)" PUBLISHED " AS versions"
const struct sql dataset_sql[DATASET_STATEMENTS] = {
    [ADD]    = { "dataset_add",
                 "INSERT INTO dataset (id, owner, name, publisher, title, description, modality, languages, card)"
                 " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)" },
    [GET]    = { "dataset_get", "SELECT " COLUMNS " FROM dataset d WHERE d.owner = $1 AND d.name = $2" },
    [LIST]   = { "dataset_list",
                 "SELECT " COLUMNS " FROM dataset d WHERE d.state = 'listed' AND d.id > $4"
                 "   AND ($1::text IS NULL OR d.modality = $1) AND ($2::text IS NULL OR $2 = ANY (d.languages))"
                 "   AND ($3::text IS NULL OR d.owner = $3)"
                 "   AND ($6::text IS NULL OR EXISTS (SELECT FROM certificate c JOIN version v ON v.no = c.version"
                 "        WHERE v.dataset = d.id AND c.state = 'issued' AND c.flaw IS NULL"
                 "          AND c.valid_from <= clock_timestamp() AND c.valid_until > clock_timestamp()"
                 "          AND ($6 = 'true' OR $6 = ANY (c.criteria))"
                 "          AND v.number = (SELECT max(n.number) FROM version n WHERE n.dataset = d.id)))"
                 " ORDER BY d.id LIMIT $5" },
    [LISTED] = { "dataset_listed", "UPDATE dataset SET state = 'listed' WHERE id = $1 AND state = 'draft'" },
};

static const struct column columns[] = {
    COL(dataset, id, T_ID),              COL(dataset, owner, T_TEXT),    COL(dataset, name, T_TEXT),
    COL(dataset, publisher, T_ID),       COL(dataset, title, T_TEXT),    COL(dataset, description, T_TEXT),
    COL(dataset, modality, T_TEXT),      COL(dataset, languages, T_TEXT), COL(dataset, card, T_TEXT),
    COL(dataset, state, T_TEXT),         COL(dataset, created_at, T_TIME), COL(dataset, latest, T_INT8),
    COL(dataset, versions, T_INT8),
};
static const struct shape dataset_shape = SHAPE(dataset, columns);

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

err dataset_list(struct scope *s, struct db *db, const struct dataset_filter *f, const char *after, int64_t limit,
                 struct dataset **out, size_t *n)
{
    return db_many(s, db, &dataset_sql[LIST],
                   PARAMS(P_TEXT(f->modality), P_TEXT(f->language), P_TEXT(f->owner), P_TEXT(after), P_INT8(limit),
                          P_TEXT(f->certified)),
                   &dataset_shape, out, n);
}

err dataset_listed(struct scope *s, struct db *db, const char *id)
{
    return db_do(s, db, &dataset_sql[LISTED], PARAMS(P_TEXT(id)), NULL);
}
