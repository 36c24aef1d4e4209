/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "schema/store/db_libpq.h"

/*
 * PostgreSQL's binary formats, sending and receiving next to each other.
 * Numbers are big-endian; timestamptz counts microseconds from 2000-01-01;
 * jsonb is a version byte and the text; an array is { dimensions, has nulls,
 * element type, then { length, lower bound } per dimension, then elements as
 * { length or -1, bytes } }. Source: src/backend/utils/adt, the *_send functions.
 */
enum {
    OID_BOOL = 16, OID_BYTEA = 17, OID_NAME = 19, OID_INT8 = 20, OID_INT4 = 23, OID_TEXT = 25, OID_JSON = 114,
    OID_BPCHAR = 1042, OID_VARCHAR = 1043, OID_TIMESTAMPTZ = 1184, OID_JSONB = 3802,
    OID_BOOLS = 1000, OID_BYTEAS = 1001, OID_INT4S = 1007, OID_TEXTS = 1009, OID_VARCHARS = 1015, OID_INT8S = 1016,
    OID_TIMESTAMPTZS = 1185, OID_JSONBS = 3807
};

#define EPOCH_2000_MS INT64_C(946684800000)
#define TIME_NULL     INT64_MIN
#define TIME_FOREVER  INT64_MAX     /* 'infinity' */
#define JSONB_VERSION 1

static bool is_text(Oid oid)
{
    return oid == OID_TEXT || oid == OID_VARCHAR || oid == OID_BPCHAR || oid == OID_NAME;
}

bool value_type_fits(enum sql_type type, Oid oid)
{
    switch (type) {
    case T_BOOL:
        return oid == OID_BOOL;
    case T_INT4:
        return oid == OID_INT4;
    case T_INT8:
        return oid == OID_INT8;
    case T_TEXT:
    case T_ID:
        return is_text(oid);
    case T_BYTES:
    case T_HASH:
        return oid == OID_BYTEA;
    case T_TIME:
        return oid == OID_TIMESTAMPTZ;
    case T_JSON:
        return oid == OID_JSON || oid == OID_JSONB;
    }
    return false;
}

/* Which parameter types take which kind. PK_NULL fits everything. */
static const struct { enum param_kind kind; Oid oid, element; } fits[] = {
    { PK_BOOL, OID_BOOL, 0 }, { PK_INT4, OID_INT4, 0 }, { PK_INT8, OID_INT8, 0 }, { PK_TEXT, OID_TEXT, 0 },
    { PK_TEXT, OID_VARCHAR, 0 }, { PK_TEXT, OID_BPCHAR, 0 }, { PK_TEXT, OID_NAME, 0 }, { PK_BYTES, OID_BYTEA, 0 },
    { PK_TIME, OID_TIMESTAMPTZ, 0 }, { PK_JSON, OID_JSONB, 0 }, { PK_JSON, OID_JSON, 0 },
    { PK_INT4S, OID_INT4S, OID_INT4 }, { PK_INT8S, OID_INT8S, OID_INT8 }, { PK_TEXTS, OID_TEXTS, OID_TEXT },
    { PK_TEXTS, OID_VARCHARS, OID_VARCHAR }, { PK_TEXTS, OID_JSONBS, OID_JSONB }, { PK_BYTESS, OID_BYTEAS, OID_BYTEA },
    { PK_TIMES, OID_TIMESTAMPTZS, OID_TIMESTAMPTZ }, { PK_BOOLS, OID_BOOLS, OID_BOOL },
};

static bool element_of(enum param_kind kind, Oid oid, Oid *element)
{
    for (size_t i = 0; i < ARRAY_LEN(fits); i++)
        if (fits[i].kind == kind && fits[i].oid == oid) {
            *element = fits[i].element;
            return true;
        }
    return kind == PK_NULL;
}

/* What a COPY row is sent as: the server tells no column types, so the kind decides. */
static Oid oid_of(enum param_kind kind, Oid *element)
{
    for (size_t i = 0; i < ARRAY_LEN(fits); i++)
        if (fits[i].kind == kind) {
            *element = fits[i].element;
            return fits[i].oid;
        }
    assert(kind == PK_NULL);
    return 0;
}

static void add_be32(struct buf *b, uint32_t v)
{
    uint8_t bytes[4];

    be32_write(bytes, v);
    buf_add(b, bytes, sizeof bytes);
}

static void add_be64(struct buf *b, uint64_t v)
{
    uint8_t bytes[8];

    be64_write(bytes, v);
    buf_add(b, bytes, sizeof bytes);
}

static bool time_encode(int64_t ms, uint64_t *us)
{
    int64_t v = TIME_FOREVER;

    if (ms != TIME_FOREVER && (__builtin_sub_overflow(ms, EPOCH_2000_MS, &v) || __builtin_mul_overflow(v, 1000, &v)))
        return false;
    *us = (uint64_t)v;
    return true;
}

static bool is_array(enum param_kind kind)
{
    return kind >= PK_INT4S;
}

/* One element of an array parameter, as the parameter it would be alone. */
static struct sql_param element(const struct sql_param *p, size_t i)
{
    switch (p->kind) {
    case PK_INT4S:
        return P_INT4(((const int32_t *)p->v.p)[i]);
    case PK_INT8S:
        return P_INT8(((const int64_t *)p->v.p)[i]);
    case PK_TEXTS:
        return P_TEXT(((const char *const *)p->v.p)[i]);
    case PK_BYTESS:
        return P_BYTES(((const struct bytes *)p->v.p)[i].p, ((const struct bytes *)p->v.p)[i].len);
    case PK_TIMES:
        return P_TIME(((const int64_t *)p->v.p)[i]);
    default:
        return P_BOOL(((const bool *)p->v.p)[i]);
    }
}

static bool is_null(const struct sql_param *p)
{
    switch (p->kind) {
    case PK_NULL:
        return true;
    case PK_TEXT:
    case PK_BYTES:
    case PK_JSON:
        return p->v.p == NULL;
    case PK_TIME:
        return p->v.i8 == TIME_NULL;
    case PK_INT4S: case PK_INT8S: case PK_TEXTS: case PK_BYTESS: case PK_TIMES: case PK_BOOLS:
        return p->v.p == NULL && p->n > 0;
    default:
        return false;
    }
}

/* Bytes of a scalar that is not null, without its length. False: a time out of range. */
static bool scalar_encode(const struct sql_param *p, Oid oid, struct buf *b)
{
    uint64_t us;

    switch (p->kind) {
    case PK_BOOL:
        buf_char(b, p->v.b ? 1 : 0);
        return true;
    case PK_INT4:
        add_be32(b, (uint32_t)p->v.i4);
        return true;
    case PK_INT8:
        add_be64(b, (uint64_t)p->v.i8);
        return true;
    case PK_TIME:
        if (!time_encode(p->v.i8, &us))
            return false;
        add_be64(b, us);
        return true;
    case PK_TEXT:
    case PK_JSON:
        if (oid == OID_JSONB)
            buf_char(b, JSONB_VERSION);
        buf_str(b, p->v.p);
        return true;
    default:
        assert(p->kind == PK_BYTES);
        buf_add(b, p->v.p, p->n);
        return true;
    }
}

/* With the length in front, -1 for null. */
static bool prefixed_encode(const struct sql_param *p, Oid oid, struct buf *b)
{
    size_t at = b->len;

    add_be32(b, UINT32_MAX);
    if (is_null(p))
        return true;
    if (!scalar_encode(p, oid, b))
        return false;
    be32_write((uint8_t *)b->p + at, (uint32_t)(b->len - at - 4));
    return true;
}

/* Bytes that array_encode() writes, or more; what has no texts and bytes grows by itself. */
static size_t array_size(const struct sql_param *p)
{
    size_t size = 32 + 4 * p->n;

    for (size_t i = 0; i < p->n && (p->kind == PK_BYTESS || p->kind == PK_TEXTS); i++) {
        struct sql_param one = element(p, i);
        if (!is_null(&one))
            size += one.kind == PK_BYTES ? one.n : strlen(one.v.p);
    }
    return size;
}

static bool array_encode(const struct sql_param *p, Oid oid, struct buf *b)
{
    bool nulls = false;

    for (size_t i = 0; i < p->n && !nulls; i++) {
        struct sql_param one = element(p, i);
        nulls = is_null(&one);
    }
    add_be32(b, p->n ? 1 : 0);
    add_be32(b, nulls);
    add_be32(b, oid);
    if (p->n) {
        add_be32(b, (uint32_t)p->n);
        add_be32(b, 1);
    }
    for (size_t i = 0; i < p->n; i++) {
        struct sql_param one = element(p, i);
        if (!prefixed_encode(&one, oid, b))
            return false;
    }
    return true;
}

err value_encode(struct scope *s, const struct statement *st, const struct sql_param *params, size_t n,
                 struct encoded *out)
{
    if (n > DB_PARAMS_MAX || n != (size_t)st->n_params)
        return fail(s, ERR_INTERNAL, "%s: %zu parameters given, %d taken", st->q->name, n, st->n_params);
    out->n = n;
    for (size_t i = 0; i < n; i++) {
        const struct sql_param *p = &params[i];
        struct buf b = BUF(s);
        Oid oid = st->params[i], elem = 0;

        out->values[i] = NULL;
        out->lengths[i] = 0;
        if (!element_of(p->kind, oid, &elem))
            return fail(s, ERR_INTERNAL, "%s: parameter %zu is of type %u", st->q->name, i + 1, oid);
        if (is_null(p))
            continue;
        if (p->kind == PK_TEXT || p->kind == PK_BYTES || (p->kind == PK_JSON && oid == OID_JSON)) {
            out->values[i] = p->v.p;        /* as it is, no copy */
            out->lengths[i] = (int)(p->kind == PK_BYTES ? p->n : strlen(p->v.p));
            continue;
        }
        if (is_array(p->kind)) {                /* thousands of rows: not copied again at each doubling */
            b.cap = array_size(p);
            b.p = scope_alloc(s, b.cap, 1);
        }
        if (!(is_array(p->kind) ? array_encode(p, elem, &b) : scalar_encode(p, oid, &b)))
            return fail(s, ERR_INTERNAL, "%s: parameter %zu is a time out of range", st->q->name, i + 1);
        out->values[i] = b.p;
        out->lengths[i] = (int)b.len;
    }
    return ERR_OK;
}

err value_copy_row(struct scope *s, const struct sql_param *params, size_t n, struct buf *b)
{
    uint8_t count[2];

    be16_write(count, (uint16_t)n);
    buf_add(b, count, sizeof count);
    for (size_t i = 0; i < n; i++) {
        Oid elem = 0, oid = oid_of(params[i].kind, &elem);
        size_t at = b->len;
        bool good = true;

        add_be32(b, UINT32_MAX);
        if (is_null(&params[i]))
            continue;
        good = is_array(params[i].kind) ? array_encode(&params[i], elem, b) : scalar_encode(&params[i], oid, b);
        if (!good)
            return fail(s, ERR_INTERNAL, "COPY: column %zu is a time out of range", i + 1);
        be32_write((uint8_t *)b->p + at, (uint32_t)(b->len - at - 4));
    }
    return ERR_OK;
}

struct cell {
    const struct statement *st;
    const struct column *column;
    const uint8_t *p;
    size_t len;
    Oid oid;
    bool borrow;
};

static err wrong(struct scope *s, const struct cell *c, const char *what)
{
    return fail(s, ERR_CORRUPT, "%s: column %s %s", c->st->q->name, c->column->name, what);
}

static err null_decode(struct scope *s, const struct cell *c, void *out)
{
    switch (c->column->type) {
    case T_TEXT:
    case T_JSON:
        *(const char **)out = NULL;
        return ERR_OK;
    case T_ID:
        *(struct id *)out = (struct id){ 0 };
        return ERR_OK;
    case T_BYTES:
        *(struct bytes *)out = (struct bytes){ 0 };
        return ERR_OK;
    case T_HASH:
        *(struct hash *)out = (struct hash){ 0 };
        return ERR_OK;
    case T_TIME:
        *(int64_t *)out = TIME_NULL;
        return ERR_OK;
    default:
        return fail(s, ERR_INTERNAL, "%s: column %s is null", c->st->q->name, c->column->name);
    }
}

static err time_decode(struct scope *s, const struct cell *c, int64_t *out)
{
    int64_t us = (int64_t)be64_read(c->p), ms = us / 1000 - (us % 1000 < 0);

    if (us == INT64_MIN)
        return wrong(s, c, "is before all time");
    *out = us == INT64_MAX ? TIME_FOREVER : ms + EPOCH_2000_MS;
    return ERR_OK;
}

/* libpq ends every value with a NUL, so borrowed texts are strings too. */
static err text_decode(struct scope *s, const struct cell *c, const char **out)
{
    const char *text = (const char *)c->p;
    size_t len = c->len;

    if (c->oid == OID_JSONB) {
        if (len < 1 || text[0] != JSONB_VERSION)
            return wrong(s, c, "is of another jsonb version");
        text++;
        len--;
    }
    *out = c->borrow ? text : scope_strndup(s, text, len);
    return ERR_OK;
}

static err cell_decode(struct scope *s, const struct cell *c, void *out)
{
    static const size_t widths[] = {
        [T_BOOL] = 1, [T_INT4] = 4, [T_INT8] = 8, [T_HASH] = HASH_SIZE, [T_TIME] = 8, [T_JSON] = 0,
    };
    size_t width = widths[c->column->type];

    if (width && c->len != width)
        return wrong(s, c, "has another length");
    switch (c->column->type) {
    case T_BOOL:
        *(bool *)out = c->p[0] != 0;
        return ERR_OK;
    case T_INT4:
        *(int32_t *)out = (int32_t)be32_read(c->p);
        return ERR_OK;
    case T_INT8:
        *(int64_t *)out = (int64_t)be64_read(c->p);
        return ERR_OK;
    case T_TIME:
        return time_decode(s, c, out);
    case T_HASH:
        memcpy(((struct hash *)out)->b, c->p, HASH_SIZE);
        return ERR_OK;
    case T_BYTES:
        *(struct bytes *)out = (struct bytes){ c->borrow ? c->p : scope_memdup(s, c->p, c->len), c->len };
        return ERR_OK;
    case T_ID:
        if (c->len >= ID_SIZE)
            return wrong(s, c, "is too long for an id");
        *(struct id *)out = (struct id){ 0 };
        memcpy(((struct id *)out)->text, c->p, c->len);
        return ERR_OK;
    case T_TEXT:
    case T_JSON:
        return text_decode(s, c, out);
    }
    return fail(s, ERR_INTERNAL, "%s: column %s has no type", c->st->q->name, c->column->name);
}

err value_row(struct scope *s, const struct statement *st, const struct shape *shape, const PGresult *r, int row,
              bool borrow, void *out)
{
    for (size_t i = 0; i < shape->n; i++) {
        const struct column *column = &shape->columns[i];
        int at = st->places[i];
        struct cell c = {
            .st = st, .column = column, .p = (const uint8_t *)PQgetvalue(r, row, at),
            .len = (size_t)PQgetlength(r, row, at), .oid = st->columns[at].type, .borrow = borrow,
        };

        if (PQgetisnull(r, row, at))
            TRY(null_decode(s, &c, (char *)out + column->offset));
        else
            TRY(cell_decode(s, &c, (char *)out + column->offset));
    }
    return ERR_OK;
}
