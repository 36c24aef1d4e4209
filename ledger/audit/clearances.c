/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "ledger/audit/state.h"
#include "ledger/keys/sha256.h"
#include "ledger/rules/verdict.h"
#include "schema/base/limits.h"

#define TIDY_LEAST 1024                /* Fewer are not worth a look. */

/* ---- clearances */

/* Those that are over at `now` go when the table has doubled since the last time. */
static void clearances_tidy(struct audit *a, int64_t now)
{
    struct table old = a->table[CLEARANCES];
    const struct clearance_row *c;

    if (old.n < a->clearances_due)
        return;
    table_init(&a->table[CLEARANCES], old.row_size, old.seed);
    for (size_t at = 0; (c = table_next(&old, &at)) != NULL;)
        if (now < c->until) {
            memcpy(table_add(&a->table[CLEARANCES], c->key), c, sizeof *c);
        } else {
            past_add(a, PAST_CLEARANCES, c->key);
            cleared_rows_drop(a, c->key);
        }
    table_free(&old);
    a->clearances_due = 2 * a->table[CLEARANCES].n + TIDY_LEAST;
}

/* What issued and denied clearances have in common; false: its id is taken. */
static bool clearance_common(struct audit *a, const struct entry *e)
{
    struct key clearance = key_in(e, "clearance");
    uint64_t policy = count_of(e, "policy_version");

    if (count_of(e, "as_of") > a->index)
        audit_find(a, RULE_CLEARANCE_AS_OF, "a state that was recorded before", "as of %" PRIu64, count_of(e, "as_of"));
    if (policy < 1 || policy > VERDICT_POLICY_VERSION)
        audit_find(a, RULE_CLEARANCE_POLICY, "checks that there are", "version %" PRIu64, policy);
    if (table_find(&a->table[CLEARANCES], clearance) || past(a, PAST_CLEARANCES, clearance)) {
        audit_find(a, RULE_CLEARANCE_ONCE, "a new clearance", "%s again", text_of(e, "clearance"));
        return false;
    }
    return true;
}

static void clearance_license(struct audit *a, const struct entry *e, struct license_row *l)
{
    int64_t until = time_in(e, "until"), purpose = code_in(e, "purpose", &purpose_codes);

    if (e->at_ms < l->from || e->at_ms >= l->until)
        audit_find(a, RULE_CLEARANCE_LICENSE, "a license within its term", "%s, %s it", text_of(e, "license"),
                   e->at_ms < l->from ? "before" : "after");
    if (until <= e->at_ms || until > l->until)
        audit_find(a, RULE_CLEARANCE_TERM, "an end after now and within the license", "%s", text_of(e, "until"));
    if (l->purpose != PURPOSE_UNKNOWN && purpose != l->purpose)
        audit_find(a, RULE_CLEARANCE_PURPOSE, purpose_codes.code[l->purpose], "%s", text_of(e, "purpose"));
    if (counts_in(e, "counts") >= l->item_count)
        audit_find(a, RULE_CLEARANCE_COUNTS, "at least one item that is cleared", "%" PRIu64 " of %" PRIu64
                   " excluded", counts_in(e, "counts"), l->item_count);
}

/* What is wrong with a consent that a cleared item rests on; NULL: nothing. */
static const char *consent_wrong(const struct audit *a, const struct clearance_row *c, struct key consent, int64_t now)
{
    const struct consent_row *x = table_find(&a->table[CONSENTS], consent);

    if (!x)
        return past(a, PAST_CONSENTS, consent) ? "a consent that was revoked" : "a consent that was never granted";
    if (x->suspended)
        return "a consent that is suspended";
    if (now < x->from || c->until > x->until)
        return "a consent that does not hold until its end";
    return x->purposes >> c->purpose & 1 ? NULL : "a consent for other purposes";
}

/* Every row of the clearance, with the consents as they were when it was issued. */
static err clearance_rows(struct scope *s, struct audit *a, const struct entry *e, const struct clearance_row *c,
                          const struct license_row *l, bool first)
{
    const struct payment_row *p = l ? table_find(&a->table[PAYMENTS], l->payment) : NULL;
    uint64_t findings = a->report->findings;
    struct cleared_rows *r;
    const char *wrong = NULL;

    TRY(cleared_rows_of(s, a, c, text_of(e, "clearance"), &r));
    if (!r && a->report->findings == findings)
        missing_rows(a, e, c->cleared);
    for (size_t i = 0; r && !wrong && i < r->n_consents; i++)
        wrong = consent_wrong(a, c, r->consents[i], e->at_ms);
    if (wrong)
        audit_find(a, RULE_CLEARANCE_CONSENTS, "consents that hold for the purpose and until its end", "%s", wrong);
    if (r && p)
        TRY(cleared_judge(s, a, e, c, l, r, !wrong));
    if (r && first)
        first_rows_keep(a, c->license, r);
    else if (r && p && p->paid.known && p->paid.micro > 0 && !first_rows_hold(a, c->license, r))
        audit_find(a, RULE_CLEARANCE_PAID, "items that the license's first clearance cleared", "another, under %s",
                   text_of(e, "clearance"));
    return ERR_OK;
}

err clearance_issued(struct scope *s, struct audit *a, const struct entry *e)
{
    struct key license = key_in(e, "license");
    struct license_row *l = table_find(&a->table[LICENSES], license);
    struct clearance_row *c, found;
    struct payment_row *p;
    bool first;

    if (l)
        clearance_license(a, e, l);
    else
        audit_find(a, RULE_CLEARANCE_LICENSE, "a live license", "%s, %s", text_of(e, "license"),
                   license_gone(a, license));
    if (!clearance_common(a, e))
        return ERR_OK;
    p = l ? table_find(&a->table[PAYMENTS], l->payment) : NULL;
    first = p && !p->cleared;
    if (first)
        payment_cleared(s, p, l->item_count, counts_in(e, "counts"));
    clearances_tidy(a, e->at_ms);
    c = table_add(&a->table[CLEARANCES], key_in(e, "clearance"));
    c->license = license;
    c->until = time_in(e, "until");
    c->purpose = code_in(e, "purpose", &purpose_codes);
    c->rows_root = *entry_field(e, "rows_root")->v.hash;
    if (l && counts_in(e, "counts") < l->item_count)
        c->cleared = l->item_count - counts_in(e, "counts");
    found = *c;
    return clearance_rows(s, a, e, &found, l, first);
}

/* A license that has ended may be refused a clearance, one that never was can't. */
void clearance_denied(struct audit *a, const struct entry *e)
{
    struct key license = key_in(e, "license");
    const struct license_row *l = table_find(&a->table[LICENSES], license);

    if (!l && !past(a, PAST_LICENSES, license))
        audit_find(a, RULE_CLEARANCE_LICENSE, "a license", "%s, never granted", text_of(e, "license"));
    if (l && counts_in(e, "counts") != l->item_count)
        audit_find(a, RULE_CLEARANCE_COUNTS, "every item excluded", "%" PRIu64 " of %" PRIu64, counts_in(e, "counts"),
                   l->item_count);
    if (clearance_common(a, e))
        past_add(a, PAST_CLEARANCES, key_in(e, "clearance"));
}

/* Live: issued, not withdrawn, not over. */
static struct clearance_row *clearance_live(struct audit *a, const struct entry *e, enum audit_rule_id rule,
                                            const char *expected)
{
    struct clearance_row *c = table_find(&a->table[CLEARANCES], key_in(e, "clearance"));

    if (c && e->at_ms < c->until)
        return c;
    audit_find(a, rule, expected, "%s, %s", text_of(e, "clearance"),
               c || past(a, PAST_CLEARANCES, key_in(e, "clearance")) ? "over, denied or withdrawn before"
                                                                     : "never issued");
    return NULL;
}

void clearance_withdrawn(struct audit *a, const struct entry *e)
{
    struct clearance_row *c = clearance_live(a, e, RULE_CLEARANCE_WITHDRAWN, "a live clearance");
    struct key clearance = key_in(e, "clearance");

    if (!c)
        return;
    if (!key_equal(c->license, key_in(e, "license")))
        audit_find(a, RULE_CLEARANCE_WITHDRAWN, "its own license", "%s", text_of(e, "license"));
    table_remove(&a->table[CLEARANCES], c);
    past_add(a, PAST_CLEARANCES, clearance);
    cleared_rows_drop(a, clearance);
}

/* ---- accesses */

/* Of a license and an item: 128 bits that nobody can make collide. */
static struct key window_key(struct key license, uint64_t item)
{
    uint8_t b[24];
    struct hash h;

    be64_write(b, license.high);
    be64_write(b + 8, license.low);
    be64_write(b + 16, item);
    h = sha256_of(b, sizeof b);
    return (struct key){ be64_read(h.b), be64_read(h.b + 8) };
}

/* Windows that are over at `now` go when the table has doubled since the last time: a constant for each access. */
static void windows_tidy(struct audit *a, int64_t now)
{
    struct table old = a->table[WINDOWS];
    const struct window_row *w;

    if (old.n < a->windows_due)
        return;
    table_init(&a->table[WINDOWS], old.row_size, old.seed);
    for (size_t at = 0; (w = table_next(&old, &at)) != NULL;)
        if (now - w->at < ACCESS_WINDOW_MS)
            ((struct window_row *)table_add(&a->table[WINDOWS], w->key))->at = w->at;
    table_free(&old);
    a->windows_due = 2 * a->table[WINDOWS].n + TIDY_LEAST;
}

static void access_window(struct audit *a, const struct entry *e)
{
    struct key key = window_key(key_in(e, "license"), count_of(e, "item_number"));
    struct window_row *w = table_find(&a->table[WINDOWS], key);

    if (w && e->at_ms - w->at < ACCESS_WINDOW_MS)
        audit_find(a, RULE_ACCESS_WINDOW, "a delivery within the window of the access before", "another access of %s",
                   text_of(e, "license"));
    if (!w) {
        windows_tidy(a, e->at_ms);
        w = table_add(&a->table[WINDOWS], key);
    }
    w->at = e->at_ms;
}

/* NULL: none, or found. */
static const struct clearance_row *access_clearance(struct audit *a, const struct entry *e)
{
    const struct clearance_row *c;

    if (a->rules < 2) {
        if (text_of(e, "clearance"))
            audit_find(a, RULE_ACCESS_CLEARANCE, "no clearance", "%s", text_of(e, "clearance"));
        return NULL;
    }
    if (!text_of(e, "clearance")) {
        audit_find(a, RULE_ACCESS_CLEARANCE, "a clearance", "none, for %s", text_of(e, "license"));
        return NULL;
    }
    c = clearance_live(a, e, RULE_ACCESS_CLEARANCE, "a live clearance");
    if (!c || key_equal(c->license, key_in(e, "license")))
        return c;
    audit_find(a, RULE_ACCESS_CLEARANCE, "a clearance of its license", "%s, of another", text_of(e, "clearance"));
    return NULL;
}

/* The item, against the clearance's rows, where this reader may have both. */
static err access_covered(struct scope *s, struct audit *a, const struct entry *e, const struct clearance_row *c)
{
    struct cleared_rows *r;
    const struct cleared_item *x;

    TRY(cleared_rows_of(s, a, c, text_of(e, "clearance"), &r));
    if (!r)
        return ERR_OK;
    x = cleared_rows_find(r, count_of(e, "item_number"));
    if (!x)
        audit_find(a, RULE_ACCESS_COVERED, "an item that the clearance clears", "another, under %s",
                   text_of(e, "clearance"));
    if (x && (x->uncovered || x->refused))
        audit_find(a, x->uncovered ? RULE_CLEARANCE_COVERAGE : RULE_CLEARANCE_VERDICT,
                   "an item that its consents cover and the rules clear", "another, under %s", text_of(e, "clearance"));
    for (uint32_t i = 0; x && i < x->n; i++) {
        struct key consent = r->consents[x->first + i];
        const struct consent_row *live = table_find(&a->table[CONSENTS], consent);
        if (live ? !live->suspended : !past(a, PAST_CONSENTS, consent))
            continue;                                /* what was never granted is found with the clearance */
        audit_find(a, RULE_ACCESS_CONSENT, "an item whose consents all hold", "one that was %s before",
                   live ? "suspended" : "revoked");
        break;
    }
    return ERR_OK;
}

err access_recorded(struct scope *s, struct audit *a, const struct entry *e)
{
    struct key license = key_in(e, "license");
    const struct license_row *l = table_find(&a->table[LICENSES], license);
    const struct clearance_row *c = access_clearance(a, e);
    struct payment_row *p;

    if (a->config.draw)
        draw_offer(a->config.draw, a->index, text_of(e, "clearance"));
    if (!l) {
        audit_find(a, RULE_ACCESS_LICENSE, "a live license", "%s, %s", text_of(e, "license"), license_gone(a, license));
        return ERR_OK;
    }
    if (a->rules < 2 && (p = table_find(&a->table[PAYMENTS], l->payment)) != NULL)
        p->accessed = true;
    if (e->at_ms < l->from || e->at_ms >= l->until)
        audit_find(a, RULE_ACCESS_TERM, "an access within the term", "one %s it of %s",
                   e->at_ms < l->from ? "before" : "after", text_of(e, "license"));
    if (entry_field(e, "item_number")->kind != V_COUNT)
        return ERR_OK;                               /* private: not checkable by this reader */
    if (count_of(e, "item_number") >= l->version_items)
        audit_find(a, RULE_ACCESS_ITEM, "an item of the version", "a number beyond its count");
    access_window(a, e);
    return c ? access_covered(s, a, e, c) : ERR_OK;
}
