/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "ledger/audit/state.h"
#include "ledger/entry/lists.h"
#include "ledger/entry/receipt.h"

/*
 * Closed parties, and what was erased. A reader whom everything private is shown to (audit_config.whole) takes down
 * what it is not shown of each entry: the list of an erasure that comes later explains it, or it was hidden. Any other
 * reader can't tell one from the other, and counts what it is not shown.
 */

/* What rests on the private fields of an entry, on the rows of its list, and on a document that goes with both. */
enum { FIELDS = 1, ROWS = 2, DOCUMENT = 4 };
static const struct { enum audit_rule_id rule; enum entry_type type; int on; } needs[] = {
    { RULE_MONEY_FORM, ENTRY_PAYMENT_RECEIVED, FIELDS },     { RULE_LICENSE_PAID, ENTRY_LICENSE_GRANTED, FIELDS },
    { RULE_LICENSE_PRICE, ENTRY_LICENSE_GRANTED, FIELDS },   { RULE_LICENSE_SLICE, ENTRY_LICENSE_GRANTED, FIELDS },
    { RULE_ACCESS_ITEM, ENTRY_ACCESS_RECORDED, FIELDS },     { RULE_ACCESS_WINDOW, ENTRY_ACCESS_RECORDED, FIELDS },
    { RULE_ACCESS_COVERED, ENTRY_ACCESS_RECORDED, FIELDS },  { RULE_ACCESS_CONSENT, ENTRY_ACCESS_RECORDED, FIELDS },
    { RULE_CONSENT_CREATOR, ENTRY_CONSENT_GRANTED, FIELDS }, { RULE_REFUND_SUM, ENTRY_REFUND_POSTED, FIELDS },
    { RULE_REFUND_WHOLE, ENTRY_REFUND_POSTED, FIELDS },      { RULE_REFUND_EXACT, ENTRY_REFUND_POSTED, FIELDS },
    { RULE_ALLOCATION_SUM, ENTRY_ALLOCATION_POSTED, FIELDS },
    { RULE_ALLOCATION_EXACT, ENTRY_ALLOCATION_POSTED, FIELDS },
    { RULE_ALLOCATION_LINES, ENTRY_ALLOCATION_POSTED, FIELDS | ROWS },
    { RULE_ALLOCATION_SHARES, ENTRY_ALLOCATION_POSTED, FIELDS | ROWS },
    { RULE_PAYOUT_ACCRUED, ENTRY_PAYOUT_INSTRUCTED, FIELDS },
    { RULE_CLEARANCE_ROWS, ENTRY_CLEARANCE_ISSUED, ROWS },   { RULE_CLEARANCE_CONSENTS, ENTRY_CLEARANCE_ISSUED, ROWS },
    { RULE_CLEARANCE_PAID, ENTRY_CLEARANCE_ISSUED, ROWS },
    { RULE_CLEARANCE_CONTRIBUTORS, ENTRY_CLEARANCE_ISSUED, ROWS },
    { RULE_CLEARANCE_COVERAGE, ENTRY_CLEARANCE_ISSUED, ROWS }, { RULE_CLEARANCE_VERDICT, ENTRY_CLEARANCE_ISSUED, ROWS },
    { RULE_CONSENT_DOCUMENT, ENTRY_CONSENT_GRANTED, DOCUMENT },
    { RULE_CONSENT_SIGNATURE, ENTRY_CONSENT_GRANTED, DOCUMENT },
    { RULE_CLEARANCE_VERDICT, ENTRY_CONSENT_GRANTED, DOCUMENT },
    { RULE_DOCUMENT_DIGEST, ENTRY_LICENSE_GRANTED, DOCUMENT },
    { RULE_DOCUMENT_ISSUER, ENTRY_LICENSE_GRANTED, DOCUMENT },
    { RULE_DOCUMENT_DIGEST, ENTRY_CLEARANCE_ISSUED, DOCUMENT },
    { RULE_DOCUMENT_ISSUER, ENTRY_CLEARANCE_ISSUED, DOCUMENT },
    { RULE_DOCUMENT_DIGEST, ENTRY_STATUS_LIST_PUBLISHED, DOCUMENT },
    { RULE_DOCUMENT_ISSUER, ENTRY_STATUS_LIST_PUBLISHED, DOCUMENT },
    { RULE_SNAPSHOT_LEAVES, ENTRY_BALANCES_SNAPSHOT, ROWS },
    { RULE_SNAPSHOT_ACCOUNTS, ENTRY_BALANCES_SNAPSHOT, ROWS },
};

/* Rules that rest on something of what is missing; those that rest on what was missing `before` are counted already. */
static void count(uint64_t by_rule[RULES], uint64_t type, int on, int before)
{
    for (size_t i = 0; i < ARRAY_LEN(needs); i++)
        if (needs[i].type == type && (needs[i].on & on) && !(needs[i].on & before))
            by_rule[needs[i].rule]++;
}

static struct key missing_key(uint64_t index)
{
    return (struct key){ 0, index };
}

static struct missing_row *missing_at(struct audit *a, uint64_t index, enum entry_type type)
{
    struct missing_row *m = table_find(&a->table[MISSING], missing_key(index));

    if (!m) {
        m = table_add(&a->table[MISSING], missing_key(index));
        m->type = (uint64_t)type;
    }
    return m;
}

/* The row of the entry being replayed. */
static struct missing_row *missing_of(struct audit *a, const struct entry *e)
{
    return missing_at(a, a->index, e->spec->type);
}

void missing_fields(struct audit *a, const struct entry *e)
{
    struct missing_row *m;
    uint64_t open = 0;
    size_t n = 0;

    for (size_t i = 0; i < e->spec->n_fields; i++)
        if (e->spec->fields[i].private && e->field[i].kind != V_ABSENT) {
            open |= UINT64_C(1) << i;
            n++;
        }
    if (n == e->n_sd)
        return;
    if (!a->config.whole) {
        count(a->report->unshown, (uint64_t)e->spec->type, FIELDS, 0);
        return;
    }
    m = missing_of(a, e);
    m->open = open;
    m->fields = e->n_sd - n;
}

void missing_rows(struct audit *a, const struct entry *e, uint64_t rows)
{
    if (rows == 0)
        return;
    if (a->config.whole)
        missing_of(a, e)->rows = rows;
    else
        rows_unshown(a, e);
}

void rows_unshown(struct audit *a, const struct entry *e)
{
    count(a->report->unshown, (uint64_t)e->spec->type, ROWS, 0);
}

void missing_document(struct audit *a, const struct entry *e, struct key id)
{
    struct missing_row *m = missing_of(a, e);

    m->document = id;
    m->digest = hash_key(e, "document");
    m->at_ms = e->at_ms;
}

/* Nobody closes a creator whose consent still holds: the erasure that takes it comes after what rests on it. */
void missing_certificate(struct audit *a, const struct consent_row *c)
{
    struct missing_row *m;

    a->report->unlisted += !a->config.whole;
    if (!a->config.whole) {
        count(a->report->unshown, ENTRY_CONSENT_GRANTED, DOCUMENT, 0);
        return;
    }
    m = missing_at(a, c->index, ENTRY_CONSENT_GRANTED);
    m->document = c->key;
    m->digest = c->document;
}

void missing_list(struct audit *a, const char *what)
{
    a->report->unlisted++;
    if (a->config.whole)
        audit_find(a, RULE_DISCLOSURE_HIDDEN, "what everybody with a grant is shown", "no %s", what);
}

/* ---- entries */

void party_closed(struct audit *a, const struct entry *e)
{
    struct key party = key_in(e, "party");

    if (!table_find(&a->table[PARTIES], party))
        audit_find(a, RULE_PARTY_CLOSED, "a registered party", "%s", text_of(e, "party"));
    else if (past(a, PAST_PARTIES, party))
        audit_find(a, RULE_PARTY_CLOSED, "a party that was not closed before", "%s again", text_of(e, "party"));
    past_add(a, PAST_PARTIES, party);
}

/* Whether an entry has its required private fields, shown or listed as erased: their digests alone don't tell. */
static bool fields_named(const struct entry_spec *spec, uint64_t open)
{
    for (size_t i = 0; i < spec->n_fields; i++)
        if (spec->fields[i].private && spec->fields[i].required && !(open >> i & 1))
            return false;
    return true;
}

/* What a row of the list explains; what is wrong with it, or NULL. What was shown when it was replayed is fine, too. */
static const char *explain(struct audit *a, struct missing_row *m, const struct erased_row *row)
{
    const struct entry_spec *spec;
    uint64_t fields = 0;
    int on;

    if (m->type == ENTRY_STATUS_LIST_PUBLISHED)
        return "an entry that nothing goes of";
    spec = entry_spec((enum entry_type)m->type);
    for (size_t i = 0; i < row->n_fields; i++) {
        size_t at = 0;
        while (at < spec->n_fields && strcmp(spec->fields[at].name, row->fields[i]) != 0)
            at++;
        if (at == spec->n_fields || !spec->fields[at].private)
            return "a field that its entry does not have";
        fields += !(m->open >> at & 1);
        m->open |= UINT64_C(1) << at;
    }
    if (m->fields && fields >= m->fields && !fields_named(spec, m->open))
        return "a field that its entry has not lost";
    on = (fields && m->fields ? FIELDS : 0) | (row->rows && m->rows ? ROWS : 0) |
         (key_zero(m->document) ? 0 : DOCUMENT);
    count(a->report->erased, m->type, on, m->counted);
    m->counted |= on;
    m->fields -= fields < m->fields ? fields : m->fields;
    m->rows -= row->rows < m->rows ? row->rows : m->rows;
    m->document = (struct key){ 0 };                     /* it goes with whatever its entry loses */
    if (m->fields == 0 && m->rows == 0) {
        table_remove(&a->table[MISSING], m);
        a->report->erased_entries++;
    }
    return NULL;
}

/*
 * What is wrong with the list of the entry at `index`; NULL: nothing. `take` gets each of its rows that is about one of
 * `missing`, or is NULL.
 */
static const char *list_take(struct audit *a, const struct entry *e, uint64_t index, struct bytes text,
                             const struct table *missing,
                             const char *(*take)(struct audit *a, struct missing_row *m, const struct erased_row *row))
{
    const char *p = (const char *)text.p, *end = p + text.len, *eol, *wrong;
    struct frontier tree = FRONTIER_EMPTY;
    struct missing_row *m;
    struct erased_row row;
    struct hash root;
    uint64_t next = 0;

    for (; p < end; p = eol + 1, next = row.index + 1) {
        eol = memchr(p, '\n', (size_t)(end - p));
        if (!eol || !erased_row_read(p, (size_t)(eol - p), &row))
            return "a row in another form";
        if (row.index < next || row.index >= index || (row.n_fields == 0 && row.rows == 0))
            return "rows out of order, of nothing, or of what came later";
        frontier_append(&tree, leaf_hash(p, (size_t)(eol - p)));
        m = take ? table_find(missing, missing_key(row.index)) : NULL;
        wrong = m ? take(a, m, &row) : NULL;
        if (wrong)
            return wrong;
    }
    root = frontier_root(&tree);
    if (!hash_equal(&root, entry_field(e, "root")->v.hash))
        return "rows of another root";
    return tree.size == count_of(e, "count") ? NULL : "another number of rows";
}

err disclosures_erased(struct scope *s, struct audit *a, const struct entry *e)
{
    struct bytes text = { 0 };
    const char *wrong;
    bool there;

    TRY(document_of(s, a, scope_printf(s, "erasures/%" PRIu64, a->index), &text, &there));
    if (there) {
        a->report->listed++;
        wrong = list_take(a, e, a->index, text, &a->table[MISSING], explain);
    } else {
        a->report->unlisted++;
        wrong = a->config.whole ? "no list" : NULL;
        if (!a->config.whole) {           /* what it explains will never be known from what was taken down before */
            table_free(&a->table[MISSING]);
            table_init(&a->table[MISSING], sizeof(struct missing_row), a->config.seed + MISSING);
        }
    }
    if (wrong)
        audit_find(a, RULE_ERASURE_LIST, "a list that hashes to its root, of entries before it", "%s", wrong);
    return ERR_OK;
}

/* ---- the end of a run */

#define DAY_MS INT64_C(86400000)

/* What is missing at the end, and the erasures beyond it that were looked for. */
struct settling { struct table missing, looked_for; };

/* An erasure's entry in a tree that the log has signed: what was audited may end before it. */
static bool receipt_good(struct scope *s, const struct audit *a, uint64_t index, struct bytes text, struct entry *out)
{
    struct receipt_parts parts;
    struct tlog_proof p;
    struct checkpoint c;
    struct hash leaf;

    if (receipt_parts_read(s, (const char *)text.p, text.len, &parts) != ERR_OK ||
        !tlog_proof_parse((const char *)parts.proof.p, parts.proof.len, &p) || p.index != index ||
        checkpoint_open(s, (const char *)p.note.p, p.note.len, &a->key, &c) != ERR_OK)
        return false;
    leaf = leaf_hash(parts.entry.p, parts.entry.len);
    return proof_check_inclusion(index, c.size, &leaf, &c.root, &p.proof) &&
           entry_decode(s, parts.entry.p, parts.entry.len, out) == ERR_OK &&
           out->spec->type == ENTRY_DISCLOSURES_ERASED;
}

/* Whether it lists all that is missing finds the run that comes to it. */
static const char *promise(struct audit *a, struct missing_row *m, const struct erased_row *row)
{
    (void)a;
    if (m->type == ENTRY_STATUS_LIST_PUBLISHED)
        return NULL;
    m->promised = m->promised || (m->fields && row->n_fields) || (m->rows && row->rows) || !key_zero(m->document);
    return NULL;
}

/* Marks what the erasure at `by` lists, if there is one. */
static err look_for(struct scope *s, struct audit *a, struct settling *x, uint64_t by)
{
    struct bytes text = { 0 };
    struct entry e;
    bool there;

    TRY(document_of(s, a, scope_printf(s, "receipts/%" PRIu64, by), &text, &there));
    if (!there)
        return ERR_OK;
    if (!receipt_good(s, a, by, text, &e)) {
        scope_forgive(s);
        return ERR_OK;
    }
    TRY(document_of(s, a, scope_printf(s, "erasures/%" PRIu64, by), &text, &there));
    if (there && !list_take(a, &e, by, text, &x->missing, NULL))
        list_take(a, &e, by, text, &x->missing, promise);
    return ERR_OK;
}

/* In a scope of its own, once for each. */
static err looked_for(struct scope *s, struct audit *a, struct settling *x, uint64_t by)
{
    struct scope one = scope_within(s);

    if (table_find(&x->looked_for, missing_key(by)))
        return ERR_OK;
    table_add(&x->looked_for, missing_key(by));
    return scope_end(s, &one, look_for(&one, a, x, by));
}

/*
 * Whether an erasure beyond what is audited may still explain it. The log names that entry once, and it is there
 * already: else nothing would have gone. When the audit has come to it, it is no excuse any more.
 */
static err erased_later(struct scope *s, struct audit *a, struct settling *x, struct missing_row *m, bool *yes)
{
    struct bytes text = { 0 };
    bool there;

    if (m->named_ms == 0) {
        TRY(document_of(s, a, scope_printf(s, "erased/%" PRIu64, m->key.low), &text, &there));
        if (!there || !decimal_read((const char *)text.p, text.len, TREE_SIZE_MAX, &m->by))
            m->by = 0;
        m->named_ms = a->config.now_ms;
    }
    if (m->by >= a->size)
        TRY(looked_for(s, a, x, m->by));
    *yes = m->by >= a->size && m->promised;
    return ERR_OK;
}

/* A key that was lost signs nothing any more, nor does another one what is of its time: that is counted. */
static bool never_signed(struct audit *a, const struct missing_row *m)
{
    if (m->type == ENTRY_CONSENT_GRANTED || !issuer_over(a, m->key.low))
        return false;
    a->report->unlisted++;
    count(a->report->unshown, m->type, DOCUMENT, 0);
    return true;
}

/* Whether it may still be explained. A document is asked for again: *gone, if that was all that was missing. */
static err settle(struct scope *s, struct audit *a, struct settling *x, struct missing_row *m, bool *wait, bool *gone)
{
    bool there = false;

    *wait = *gone = false;
    if (!key_zero(m->document) && m->type != ENTRY_CONSENT_GRANTED)
        TRY(document_again(s, a, m, &there));
    if (there)
        m->document = (struct key){ 0 };
    if (m->fields == 0 && m->rows == 0) {
        *wait = !there && a->config.now_ms - m->at_ms <= DAY_MS;      /* not signed yet, perhaps */
        *gone = there || (!*wait && never_signed(a, m));
        a->report->unlisted += *wait;
    }
    if (*gone || *wait)
        return ERR_OK;
    TRY(erased_later(s, a, x, m, wait));
    a->report->undisclosed += *wait;
    if (*wait)
        count(a->report->unshown, m->type, (m->fields ? FIELDS : 0) | (m->rows ? ROWS : 0) |
                                           (key_zero(m->document) ? 0 : DOCUMENT), m->counted);
    return ERR_OK;
}

err missing_settle(struct scope *s, struct audit *a)
{
    struct settling x = { .missing = a->table[MISSING] };
    struct missing_row *m;
    err e = ERR_OK;

    if (!a->config.whole || x.missing.n == 0)
        return ERR_OK;
    table_init(&x.looked_for, sizeof(struct past_row), a->config.seed);
    table_init(&a->table[MISSING], sizeof(struct missing_row), a->config.seed + MISSING);
    for (size_t at = 0; e == ERR_OK && (m = table_next(&x.missing, &at)) != NULL;) {
        bool wait = false, gone = false;

        if (a->report->findings < AUDIT_FINDINGS_KEPT)
            e = settle(s, a, &x, m, &wait, &gone);
        if (e != ERR_OK || gone)
            continue;
        if (wait) {
            m->promised = false;
            *(struct missing_row *)table_add(&a->table[MISSING], m->key) = *m;
            continue;
        }
        a->index = m->key.low;
        audit_find(a, RULE_DISCLOSURE_HIDDEN, "what is private, or an erasure that lists it",
                   "%" PRIu64 " private fields, %" PRIu64 " rows and %d documents not shown", m->fields, m->rows,
                   !key_zero(m->document));
    }
    table_free(&x.missing);
    table_free(&x.looked_for);
    return e;
}
