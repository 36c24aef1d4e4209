/* SPDX-License-Identifier: Apache-2.0 */
/*
 * erase: takes what is about a closed party out of the market.
 *
 * In steps of one transaction each, every one of which finds by itself what is left to do: which entries lose which
 * private fields is listed, a page at a time; then one entry says the list's root, and from there on the database lets
 * the rows go, a page at a time too. An attempt that was cut off anywhere is taken up by the next one. Whoever works on
 * an erasure holds its row in each step, so that two attempts do the steps one after the other.
 */
#include <string.h>

#include "ledger/entry/lists.h"
#include "schema/base/limits.h"
#include "schema/base/log.h"
#include "schema/base/money.h"
#include "schema/store/erasure.h"
#include "worker/jobs/work.h"

#define ENTER_MS 30000            /* for the entry */

/* ---- which fields go, by the table of entry types */

static size_t about(enum entry_type type, unsigned who, const char **out)
{
    const struct entry_spec *spec = entry_spec(type);
    size_t n = 0;

    for (size_t i = 0; i < spec->n_fields; i++)
        if (spec->fields[i].private && (spec->fields[i].about & who))
            out[n++] = spec->fields[i].name;
    return n;
}

static const struct {
    enum erasure_source source;
    size_t n;
    enum entry_type types[3];     /* of the entries that it finds */
    unsigned who;
} sources[] = {
    { ERASE_PARTY, 2, { ENTRY_PARTY_REGISTERED, ENTRY_PARTY_KEY_CHANGED }, ABOUT_PARTY },
    { ERASE_CONSENTS, 1, { ENTRY_CONSENT_GRANTED }, ABOUT_CREATOR },
    { ERASE_PAYMENTS, 1, { ENTRY_PAYMENT_RECEIVED }, ABOUT_BUYER },
    { ERASE_LICENSES, 1, { ENTRY_LICENSE_GRANTED }, ABOUT_BUYER },
    { ERASE_CLEARANCES, 2, { ENTRY_CLEARANCE_ISSUED, ENTRY_CLEARANCE_DENIED }, ABOUT_BUYER },
    { ERASE_REFUNDS, 1, { ENTRY_REFUND_POSTED }, ABOUT_BUYER },
    { ERASE_ALLOCATIONS, 1, { ENTRY_ALLOCATION_POSTED }, ABOUT_PUBLISHER | ABOUT_PAYEE },
    { ERASE_PAYOUTS, 3, { ENTRY_PAYOUT_INSTRUCTED, ENTRY_PAYOUT_SETTLED, ENTRY_PAYOUT_FAILED }, ABOUT_PAYEE },
    { ERASE_SNAPSHOTS, 0, { 0 }, 0 },              /* rows alone */
};
_Static_assert(ARRAY_LEN(sources) == ERASURE_SOURCES, "each source has its fields");

#define NAMES_MAX (3 * ENTRY_FIELDS_MAX)

/* What an attempt knows of how far it is; the next one begins again, and finds less to do. */
struct progress {
    const struct erasure *e;
    struct scope *s;
    struct access_place access;
    struct answer_place answer;
};

static err list_accesses(struct scope *s, struct db *db, struct progress *p, int64_t *listed)
{
    const char *names[NAMES_MAX];
    struct erasure_fields f = { .first = names, .n_first = about(ENTRY_ACCESS_RECORDED, ABOUT_BUYER, names) };

    return erasure_list_accesses(s, db, p->e, &f, &p->access, ERASURE_PAGE, listed);
}

static err list_page(struct scope *s, struct db *db, struct progress *p, size_t at, int64_t *listed)
{
    const char *first[NAMES_MAX], *second[NAMES_MAX];
    struct erasure_fields f = { .first = first, .second = second };

    if (at == ARRAY_LEN(sources))
        return list_accesses(s, db, p, listed);
    for (size_t i = 0; i < sources[at].n; i++)
        f.n_first += about(sources[at].types[i], sources[at].who, &first[f.n_first]);
    if (sources[at].source == ERASE_LICENSES)
        f.n_second = about(ENTRY_LICENSE_GRANTED, ABOUT_PUBLISHER, second);
    return erasure_list(s, db, p->e, sources[at].source, &f, ERASURE_PAGE, listed);
}
#define LIST_STEPS (ARRAY_LEN(sources) + 1)

/* ---- the entry */

struct root { struct frontier tree; struct buf leaf; };

static err root_add(struct scope *s, void *arg, void *row)
{
    struct erased_row leaf = { 0 };
    struct erased_entry *z = row;
    struct root *r = arg;

    for (const char *p = z->fields; *p; p += *p == ',') {
        size_t len = strcspn(p, ",");
        if (len > ERASED_NAME_MAX || leaf.n_fields == ENTRY_FIELDS_MAX)
            return fail(s, ERR_CORRUPT, "an erasure lists a field that there is not");
        memcpy(leaf.fields[leaf.n_fields++], p, len);
        p += len;
    }
    if (z->salt.len != SALT_SIZE || z->index < 0 || z->rows < 0)
        return fail(s, ERR_CORRUPT, "an erasure's list is damaged");
    leaf.index = (uint64_t)z->index;
    leaf.rows = (uint64_t)z->rows;
    memcpy(leaf.salt, z->salt.p, SALT_SIZE);
    list_add_erased(&r->tree, &r->leaf, &leaf);
    return ERR_OK;
}

struct entering { const struct erasure *e; struct hash root; uint64_t count; };

static err enter_decide(struct scope *s, struct append_txn *t, void *arg)
{
    const struct entering *w = arg;
    struct named_value values[] = {
        { "count", EV_COUNT(w->count) },
        { "reason", EV_TEXT(w->e->reason) },
        { "root", EV_HASH(&w->root) },
    };
    struct erasure now;
    uint64_t index;
    bool yes;

    TRY(erasure_get(s, t->db, w->e->id.text, &now));
    if (strcmp(now.state, "preparing") != 0)
        return ERR_OK;                  /* an attempt that was believed lost has done it */
    TRY(append_entry(s, t, ENTRY_DISCLOSURES_ERASED, values, ARRAY_LEN(values), &index));
    return erasure_enter(s, t->db, w->e->no, index, t->at_ms, &yes);
}

/* Everything is listed, and nothing is added to what a closed party was in. */
static err enter(struct scope *s, struct work *w, const struct erasure *e)
{
    struct root r = { .tree = FRONTIER_EMPTY, .leaf = BUF(s) };
    struct entering arg = { .e = e };
    struct append_op op = { .decide = enter_decide, .arg = &arg };
    const char *state;
    struct scope one;
    err got;

    TRY(db_begin(s, w->db));
    TRY(erasure_lock(s, w->db, e->no, &state));
    TRY(erasure_each(s, w->db, e->no, root_add, &r));
    TRY(db_commit(s, w->db));
    arg.root = frontier_root(&r.tree);
    arg.count = r.tree.size;
    scope_init(&one, ENTER_MS);
    op.scope = &one;
    got = append_run(w->append, &op);
    if (got != ERR_OK)
        s->why = one.why;
    scope_free(&one);
    return got;
}

/* ---- what goes after it */

static err lines_page(struct scope *s, struct db *db, const struct erasure *e, int64_t *touched)
{
    struct frontier ignored = FRONTIER_EMPTY;
    struct buf leaf = BUF(s);
    struct line_left *lines;
    struct hash *hashes;
    size_t n;

    TRY(erasure_lines(s, db, e, ERASURE_PAGE, &lines, &n));
    hashes = NEWS(s, struct hash, n + 1);
    for (size_t i = 0; i < n; i++) {
        struct line_row row = { .n = (uint64_t)lines[i].n };

        if (!id_parse(lines[i].account, "acc", &row.account) || lines[i].salt.len != SALT_SIZE)
            return fail(s, ERR_CORRUPT, "a line of an allocation is damaged");
        money_format(lines[i].amount, lines[i].currency, row.amount);
        memcpy(row.salt, lines[i].salt.p, SALT_SIZE);
        list_add_line(&ignored, &leaf, &row);
        hashes[i] = leaf_hash(leaf.p, leaf.len);
    }
    *touched = (int64_t)n;
    return n ? erase_lines(s, db, e->no, lines, hashes, n) : ERR_OK;
}

/* Others' answers: the place is kept beyond the page. */
static err named_page(struct scope *s, struct db *db, struct progress *p, int64_t *touched)
{
    struct answer_place at = p->answer;

    TRY(erase_named(s, db, p->e->no, &at, ERASURE_PAGE, touched));
    p->answer = (struct answer_place){ scope_strdup(p->s, at.party), scope_strdup(p->s, at.key), 0 };
    return ERR_OK;
}

/*
 * The steps. A snapshot's leaves go before the private fields of payouts, and those before the lines: so an auditor who
 * reads in the middle of it is never shown a sum without all that is in it.
 */
enum what { BEGIN, PART, LINES, NAMED, END };
static const struct { enum what what; enum erase_part part; } steps[] = {
    { BEGIN, 0 }, { PART, ERASE_HELD }, { PART, ERASE_DISCLOSURES }, { PART, ERASE_WINDOWS },
    { PART, ERASE_EXCLUSIONS }, { LINES, 0 }, { PART, ERASE_DOCUMENTS }, { PART, ERASE_CLEARED }, { PART, ERASE_JOBS },
    { PART, ERASE_WISHES }, { PART, ERASE_BOUGHT }, { PART, ERASE_CONSENTED }, { PART, ERASE_PAID_OUT },
    { PART, ERASE_PAID }, { PART, ERASE_ANSWERS }, { NAMED, 0 }, { PART, ERASE_DATASETS }, { END, 0 },
};

static err erase_page(struct scope *s, struct db *db, struct progress *p, size_t at, int64_t *touched)
{
    struct id stub = id_new("pty", 0);           /* of no time that would lead from it to the party */

    switch (steps[at].what) {
    case BEGIN: return erase_begin(s, db, p->e->no, &stub);
    case PART:  return erase_part(s, db, p->e->no, steps[at].part, ERASURE_PAGE, touched);
    case LINES: return lines_page(s, db, p->e, touched);
    case NAMED: return named_page(s, db, p, touched);
    case END:   return erase_end(s, db, p->e->no);
    }
    return fail(s, ERR_INTERNAL, "no step %zu", at);
}

/* ---- one page a transaction */

typedef err page_of(struct scope *s, struct db *db, struct progress *p, size_t at, int64_t *touched);

static err page(struct scope *s, struct work *w, struct progress *p, const char *state, page_of *run, size_t at,
                int64_t *touched)
{
    const char *now;

    *touched = 0;
    TRY(work_left(s, w));
    TRY(db_begin(s, w->db));
    TRY(erasure_lock(s, w->db, p->e->no, &now));
    if (strcmp(now, state) == 0)
        TRY(run(s, w->db, p, at, touched));
    return db_commit(s, w->db);
}

static err pages(struct scope *s, struct work *w, const struct erasure *e, const char *state, page_of *run, size_t n)
{
    struct progress p = { .e = e, .s = s, .answer = { "", "", 0 } };

    for (size_t at = 0; at < n; at++)
        for (int64_t touched = 1; touched > 0;) {
            struct scope one;
            err got;

            scope_init(&one, 0);
            one.deadline_ms = s->deadline_ms;
            got = page(&one, w, &p, state, run, at, &touched);
            if (got != ERR_OK)
                s->why = one.why;
            scope_free(&one);
            TRY(got);
        }
    return ERR_OK;
}

static err erase(struct scope *s, struct work *w, struct erasure *e)
{
    if (strcmp(e->state, "preparing") == 0) {
        TRY(pages(s, w, e, "preparing", list_page, LIST_STEPS));
        TRY(enter(s, w, e));
    }
    TRY(pages(s, w, e, "erasing", erase_page, ARRAY_LEN(steps)));
    log_line(LOG_INFO, "erased erasure=%s", e->id.text);
    return ERR_OK;
}

err erase_run(struct scope *s, struct work *w)
{
    for (;;) {
        struct erasure e;
        err got = erasure_next(s, w->db, &e);

        if (got == ERR_NOT_FOUND) {
            scope_forgive(s);
            return ERR_OK;
        }
        if (got == ERR_OK)
            got = erase(s, w, &e);
        if (got != ERR_OK) {
            db_rollback(w->db);
            return got;
        }
    }
}
