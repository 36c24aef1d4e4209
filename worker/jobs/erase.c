/* SPDX-License-Identifier: Apache-2.0 */
/*
 * erase: takes what is about a closed party out of the market.
 *
 * In steps of one transaction each, every one of which finds by itself what is left to do: which entries lose which
 * private fields is listed, a page at a time; then one entry says the list's root, and from there on the database lets
 * the rows go, a page at a time too. An attempt that was cut off anywhere is taken up by the next one. Whoever works on
 * an erasure holds its row in each step, so that two attempts do the steps one after the other.
 */
#include <stdio.h>
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

#define TYPES_MAX 3

static const struct {
    enum entry_type types[TYPES_MAX];     /* of the entries that it finds */
    size_t n;
    unsigned who;
} sources[ERASURE_SOURCES] = {
    [ERASE_PARTY]            = { { ENTRY_PARTY_REGISTERED, ENTRY_PARTY_KEY_CHANGED }, 2, ABOUT_PARTY },
    [ERASE_CONSENTS]         = { { ENTRY_CONSENT_GRANTED }, 1, ABOUT_CREATOR },
    [ERASE_PAYMENTS]         = { { ENTRY_PAYMENT_RECEIVED }, 1, ABOUT_BUYER },
    [ERASE_BOUGHT_LICENSES]  = { { ENTRY_LICENSE_GRANTED }, 1, ABOUT_BUYER },
    [ERASE_SOLD_LICENSES]    = { { ENTRY_LICENSE_GRANTED }, 1, ABOUT_PUBLISHER },
    [ERASE_CLEARANCES]       = { { ENTRY_CLEARANCE_ISSUED, ENTRY_CLEARANCE_DENIED }, 2, ABOUT_BUYER },
    [ERASE_REFUNDS]          = { { ENTRY_REFUND_POSTED }, 1, ABOUT_BUYER },
    [ERASE_SOLD_ALLOCATIONS] = { { ENTRY_ALLOCATION_POSTED }, 1, ABOUT_PUBLISHER | ABOUT_PAYEE },
    [ERASE_LINES]            = { { ENTRY_ALLOCATION_POSTED }, 1, ABOUT_PUBLISHER | ABOUT_PAYEE },
    [ERASE_PAYOUTS]          = { { ENTRY_PAYOUT_INSTRUCTED, ENTRY_PAYOUT_SETTLED, ENTRY_PAYOUT_FAILED }, 3,
                                 ABOUT_PAYEE },
    [ERASE_SNAPSHOTS]        = { { 0 }, 0, 0 },                /* rows alone */
    [ERASE_ACCESSES]         = { { ENTRY_ACCESS_RECORDED }, 1, ABOUT_BUYER },
};

/* What an attempt knows of how far it is in a step; the next one begins again, and finds less to do. */
struct progress {
    const struct erasure *e;
    struct scope *s;
    struct erasure_place place;
    struct answer_place answer;
};

/* ---- lines of allocations */

static bool path_read(struct bytes b, struct proof *out)
{
    out->n = b.len / HASH_SIZE;
    if (b.len % HASH_SIZE != 0 || out->n > ARRAY_LEN(out->hash))
        return false;
    for (size_t i = 0; i < out->n; i++)
        memcpy(out->hash[i].b, b.p + i * HASH_SIZE, HASH_SIZE);
    return true;
}

/* The hash that will stand for the line: only if it leads to what the log says of the list, as it is now. */
static err line_hash(struct scope *s, const struct line_left *l, struct buf *leaf, struct hash *out)
{
    struct line_row row = { .n = (uint64_t)l->n, .account = l->account };
    struct frontier ignored = FRONTIER_EMPTY;
    struct proof path;

    money_format(l->amount, l->currency, row.amount);
    if (l->salt.len == SALT_SIZE)
        memcpy(row.salt, l->salt.p, SALT_SIZE);
    list_add_line(&ignored, leaf, &row);
    *out = leaf_hash(leaf->p, leaf->len);
    if (l->salt.len == SALT_SIZE && path_read(l->path, &path) &&
        proof_check_inclusion((uint64_t)l->place, (uint64_t)l->line_count, out, &l->root, &path))
        return ERR_OK;
    return fail(s, ERR_CORRUPT, "line %d of allocation %s doesn't lead to the root that entry %lld names: it is"
                " damaged, and the erasure stands still until it is mended", (int)l->place, l->id.text,
                (long long)l->index);
}

static err lines_hash(struct scope *s, const struct line_left *lines, size_t n, struct hash *out)
{
    struct buf leaf = BUF(s);

    for (size_t i = 0; i < n; i++)
        TRY(line_hash(s, &lines[i], &leaf, &out[i]));
    return ERR_OK;
}

/* Before anything is listed: else the damage would come out when the entry has said that the lines go. */
static err lines_checked(struct scope *s, struct db *db, struct progress *p, int64_t *read)
{
    struct line_left *lines;
    size_t n;

    TRY(erasure_lines(s, db, p->e, &p->place, ERASURE_PAGE, &lines, &n));
    *read = (int64_t)n;
    return lines_hash(s, lines, n, NEWS(s, struct hash, n + 1));
}

static err lines_page(struct scope *s, struct db *db, const struct erasure *e, int64_t *touched)
{
    struct erasure_place first = { .first = 0 };
    struct line_left *lines;
    struct hash *hashes;
    size_t n;

    TRY(erasure_lines(s, db, e, &first, ERASURE_PAGE, &lines, &n));
    hashes = NEWS(s, struct hash, n + 1);
    TRY(lines_hash(s, lines, n, hashes));
    *touched = (int64_t)n;
    return n ? erase_lines(s, db, e->no, lines, hashes, n) : ERR_OK;
}

/* ---- what is listed */

#define LIST_STEPS (1 + ERASURE_SOURCES)

static err list_page(struct scope *s, struct db *db, struct progress *p, size_t at, int64_t *read)
{
    const char *names[TYPES_MAX * ENTRY_FIELDS_MAX];
    size_t source = at - 1, n = 0;

    if (at == 0)
        return lines_checked(s, db, p, read);
    for (size_t i = 0; i < sources[source].n; i++)
        n += about(sources[source].types[i], sources[source].who, &names[n]);
    return erasure_list(s, db, p->e, (enum erasure_source)source, names, n, &p->place, ERASURE_PAGE, read);
}

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
    const char *state;
    uint64_t index;

    TRY(erasure_state(s, t->db, w->e->no, &state));
    if (strcmp(state, "preparing") != 0)
        return ERR_OK;                  /* an attempt that was believed lost has done it */
    TRY(append_entry(s, t, ENTRY_DISCLOSURES_ERASED, values, ARRAY_LEN(values), &index));
    return erasure_enter(s, t->db, w->e->no, index, t->at_ms);
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

    for (size_t at = 0; at < n; at++) {
        p.place = (struct erasure_place){ .n = 0 };
        for (int64_t touched = 1; touched > 0;) {
            struct scope one = scope_within(s);

            TRY(scope_end(s, &one, page(&one, w, &p, state, run, at, &touched)));
        }
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

/* One that stands still on damaged rows doesn't keep the others from going on; the job fails by it in the end. */
err erase_run(struct scope *s, struct work *w)
{
    char still[SCOPE_DETAIL_MAX] = "";
    int64_t after = 0;

    for (;;) {
        struct erasure e;
        err got = erasure_next(s, w->db, after, &e);

        if (got == ERR_NOT_FOUND)
            break;
        if (got == ERR_OK)
            got = erase(s, w, &e);
        if (got != ERR_OK)
            db_rollback(w->db);
        if (got != ERR_OK && got != ERR_CORRUPT)
            return got;
        if (got == ERR_CORRUPT) {
            log_line(LOG_ERROR, "erasure stands still erasure=%s why=%s", e.id.text, s->why.detail);
            snprintf(still, sizeof still, "%s: %.400s", e.id.text, s->why.detail);
            scope_forgive(s);
            after = e.no;
        }
    }
    scope_forgive(s);
    return *still ? fail(s, ERR_CORRUPT, "%s", still) : ERR_OK;
}
