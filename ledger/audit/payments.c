/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "ledger/audit/state.h"
#include "ledger/entry/lists.h"
#include "ledger/rules/split.h"
#include "ledger/rules/tariff.h"

/*
 * Refunds, allocations, payouts. What is owed for what the first clearance cleared follows from the offer's price, and
 * from that the refund, the fee by the rule whose digest the log has, and the total: to the micro-unit, where price and
 * rule are to be had. Else total and refunds are known to stay within the payment.
 */

/* The payment that an entry is about; NULL: found. */
static struct payment_row *payment_of(struct audit *a, const struct entry *e, enum audit_rule_id rule)
{
    struct key payment = key_in(e, "payment");
    struct payment_row *p = table_find(&a->table[PAYMENTS], payment);

    if (!p || !p->granted)
        audit_find(a, rule, "a payment that a license rests on", "%s, %s", text_of(e, "payment"),
                   p ? "of no license yet" : past(a, PAST_PAYMENTS, payment) ? "a top-up" : "never received");
    else if (!key_zero(p->license) && !key_equal(p->license, key_in(e, "license")))
        audit_find(a, rule, "the payment's license", "%s", text_of(e, "license"));
    return p;
}

/* Refunds and what is allocated never exceed what was paid. */
static void spend(struct audit *a, struct payment_row *p, const struct money_fact *m, enum audit_rule_id rule)
{
    if (!m->known)
        return;
    if (p->paid.known && strcmp(p->paid.currency, m->currency) != 0) {
        audit_find(a, rule, "the payment's currency", "another");
        return;
    }
    if (!money_add(p->spent, m->micro, &p->spent))
        p->spent = INT64_MAX;
    if (p->paid.known && p->spent > p->paid.micro)
        audit_find(a, rule, "no more than was paid, refunds and allocation together", "more");
}

/* Before a first clearance nothing goes back, but for a license that ended without one, and then all. */
static void refund_due(struct audit *a, const struct entry *e, const struct payment_row *p,
                       const struct money_fact *refund)
{
    if (!p->granted || p->cleared)
        return;
    if (!p->ended || p->accessed)
        audit_find(a, RULE_REFUND_CLEARED, "a license that was cleared, or ended without a clearance and an access",
                   "%s, %s", text_of(e, "license"), p->ended ? "accessed" : "neither");
    else if (!money_equal(&p->paid, refund))
        audit_find(a, RULE_REFUND_WHOLE, "all that was paid", "another amount");
}

void payment_cleared(struct scope *s, struct payment_row *p, uint64_t items, uint64_t excluded)
{
    struct tariff t = { p->per_item ? TARIFF_PER_ITEM : TARIFF_FLAT, p->paid.currency, p->price, p->minimum };

    p->cleared = true;
    p->owed = MONEY_UNKNOWN;
    if (p->price == MONEY_UNKNOWN || !p->paid.known || excluded > items)
        return;
    if (tariff_owed(s, &t, p->paid.micro, items, items - excluded, &p->owed) != ERR_OK) {
        p->owed = MONEY_UNKNOWN;
        scope_forgive(s);
    }
}

/*
 * Before the allocation the one refund is of what was not cleared; or of everything, where nobody weighs anything, as
 * can be by bytes only. Later ones are the operator's kindness, out of the fee.
 */
static void refund_exact(struct audit *a, const struct payment_row *p)
{
    if (!p->cleared || p->allocated || p->owed == MONEY_UNKNOWN)
        return;
    if (p->spent != p->paid.micro - p->owed && !(p->by_byte && p->spent == p->paid.micro))
        audit_find(a, RULE_REFUND_EXACT, "the price of what the first clearance excluded", "another amount");
}

/* Found once: what is more than the payment is found already. */
static void total_exact(struct scope *s, struct audit *a, const struct payment_row *p, const struct money_fact *total)
{
    int64_t fee;

    if (p->owed == MONEY_UNKNOWN || !total->known || strcmp(total->currency, p->paid.currency) != 0 ||
        p->spent > p->paid.micro)
        return;
    if (p->spent == total->micro && p->owed != p->paid.micro)
        audit_find(a, RULE_REFUND_EXACT, "the price of what the first clearance excluded", "nothing");
    if (p->fee_ppm == MONEY_UNKNOWN)
        return;
    if (split_fee(s, p->owed, p->fee_ppm, &fee) != ERR_OK)
        scope_forgive(s);
    else if (total->micro != p->owed - fee)
        audit_find(a, RULE_ALLOCATION_EXACT, "the payment less refund and fee", "%s",
                   total->micro < p->owed - fee ? "less" : "more");
}

void refund_posted(struct audit *a, const struct entry *e)
{
    struct payment_row *p = payment_of(a, e, RULE_REFUND_PAYMENT);
    struct money_fact refund = money_of(a, e);
    struct key id = key_in(e, "refund");

    if (past(a, REFUNDS, id)) {
        audit_find(a, RULE_REFUND_ONCE, "a new refund", "%s again", text_of(e, "refund"));
        return;
    }
    past_add(a, REFUNDS, id);
    if (!p)
        return;
    if (text_of(e, "buyer") && !key_zero(p->buyer) && !key_equal(p->buyer, key_in(e, "buyer")))
        audit_find(a, RULE_REFUND_SUM, "the payment's buyer", "another");
    refund_due(a, e, p, &refund);
    spend(a, p, &refund, RULE_REFUND_SUM);
    if (!refund.known || strcmp(refund.currency, p->paid.currency) != 0)
        p->owed = MONEY_UNKNOWN;
    refund_exact(a, p);
}

/* ---- balances */

static struct balance_row *balance_of(struct audit *a, int table, struct key key, const char *currency)
{
    struct balance_row *b = table_find(&a->table[table], key);

    if (!b) {
        b = table_add(&a->table[table], key);
        memcpy(b->currency, currency, sizeof b->currency);
    }
    return b;
}

struct balance_row *total_of(struct audit *a, const char *currency)
{
    uint64_t letters = (uint64_t)(unsigned char)currency[0] << 16 | (uint64_t)(unsigned char)currency[1] << 8 |
                       (unsigned char)currency[2];

    return balance_of(a, TOTALS, (struct key){ 0, letters }, currency);
}

/* Beyond int64 the total isn't known any more. */
static void total_move(struct audit *a, const char *currency, int64_t micro)
{
    struct balance_row *t = total_of(a, currency);

    if (!money_add(t->micro, micro, &t->micro))
        a->totals_partial = true;
}

/* ---- allocations */

/* One line; what is wrong with it, or NULL. */
static const char *line_take(struct audit *a, const struct line_row *line, const char *currency, int64_t *sum)
{
    struct balance_row *b;
    int64_t micro;

    if (!money_parse(line->amount, currency, &micro))
        return "an amount in another form";
    b = balance_of(a, BALANCES, key_of(line->account.text), currency);
    if (strcmp(b->currency, currency) != 0)
        return "an account of another currency";
    if (line->n <= b->n)
        return "a running number that was there before";
    if (!a->balances_partial && line->n != b->n + 1)
        return "a running number that leaves some out";
    b->n = line->n;
    return money_add(b->micro, micro, &b->micro) && money_add(*sum, micro, sum) ? NULL : "a sum that is too large";
}

/* *erased: lines of which only the hash is left; their part is what the others leave of the total. */
static const char *lines_take(struct audit *a, const struct entry *e, struct bytes text, const struct money_fact *total,
                              uint64_t *erased)
{
    const char *p = (const char *)text.p, *end = p + text.len, *eol, *wrong = NULL;
    struct frontier tree = FRONTIER_EMPTY;
    struct line_row line, last = { 0 };
    struct hash root, leaf;
    int64_t sum = 0;

    for (; p < end && !wrong; p = eol + 1) {
        eol = memchr(p, '\n', (size_t)(end - p));
        if (eol && erased_line_read(p, (size_t)(eol - p), &leaf)) {
            frontier_append(&tree, leaf);
            ++*erased;
            continue;
        }
        if (!eol || !line_row_read(p, (size_t)(eol - p), &line))
            return "a line in another form";
        if (strcmp(last.account.text, line.account.text) >= 0)
            return "lines out of order";
        frontier_append(&tree, leaf_hash(p, (size_t)(eol - p)));
        wrong = line_take(a, &line, total->currency, &sum);
        last = line;
    }
    if (wrong)
        return wrong;
    root = frontier_root(&tree);
    if (!hash_equal(&root, entry_field(e, "lines_root")->v.hash))
        return "lines of another root";
    if (tree.size != count_of(e, "line_count"))
        return "another number of lines";
    if (*erased || !total->known)
        return sum <= total->micro - (*erased > 0) ? NULL : "lines of a larger sum";
    return sum == total->micro ? NULL : "lines of another sum";
}

/*
 * What the lines sum to, or at most: without a currency their amounts can't be read. It is the total's, or where that
 * was erased the payment's, or where that was, too, its offer's.
 */
static struct money_fact most_of(const struct money_fact *total, const struct payment_row *p)
{
    struct money_fact most = total->known || !p ? *total : p->paid;

    if (!most.known)
        most.micro = INT64_MAX;
    most.known = total->known;
    return most;
}

/* No erasure takes a list of lines, only what is in one: who is shown everything has it. */
static void lines_gone(struct audit *a, const struct entry *e, bool asked)
{
    a->balances_partial = true;
    if (a->config.whole && asked) {
        missing_list(a, "lines");
        return;
    }
    a->report->unlisted++;
    if (a->config.whole)
        rows_unshown(a, e);
    else
        missing_rows(a, e, count_of(e, "line_count"));
}

static err lines(struct scope *s, struct audit *a, const struct entry *e, const struct payment_row *p,
                 const struct money_fact *total, bool good)
{
    const char *name = scope_printf(s, "allocations/%s/lines", text_of(e, "allocation")), *wrong;
    struct money_fact most = most_of(total, p);
    struct bytes text = { 0 };
    uint64_t erased = 0;
    bool there = false, read = *most.currency;

    if (read)
        TRY(document_of(s, a, name, &text, &there));
    if (!there) {
        lines_gone(a, e, read);
        return ERR_OK;
    }
    a->report->listed++;
    wrong = lines_take(a, e, text, &most, &erased);
    missing_rows(a, e, erased);
    if (erased)
        account_unsure(a);
    if (wrong) {
        a->balances_partial = true;
        audit_find(a, RULE_ALLOCATION_LINES, "lines that hash to its root and sum to its total", "%s", wrong);
    }
    return good && !wrong && p && p->cleared ? allocation_shares(s, a, e, p, total, text) : ERR_OK;
}

static void allocation_payment(struct scope *s, struct audit *a, const struct entry *e,
                               const struct money_fact *total)
{
    struct payment_row *p = payment_of(a, e, RULE_ALLOCATION_PAYMENT);

    if (!p)
        return;
    if (!p->cleared)
        audit_find(a, RULE_ALLOCATION_CLEARED, "a license with a clearance", "%s without", text_of(e, "license"));
    if (!key_zero(p->split) && !key_equal(p->split, hash_key(e, "split_digest")))
        audit_find(a, RULE_ALLOCATION_SPLIT, "the offer's rule", "another");
    if (p->allocated) {
        audit_find(a, RULE_ALLOCATION_ONCE, "a payment that was not split before", "%s again", text_of(e, "payment"));
        return;
    }
    p->allocated = true;
    spend(a, p, total, RULE_ALLOCATION_SUM);
    total_exact(s, a, p, total);
}

err allocation_posted(struct scope *s, struct audit *a, const struct entry *e)
{
    struct money_fact total = money_read(a, text_of(e, "total"), text_of(e, "currency"));
    struct payment_row *p = table_find(&a->table[PAYMENTS], key_in(e, "payment"));
    struct key id = key_in(e, "allocation");
    uint64_t findings = a->report->findings;

    if (past(a, ALLOCATIONS, id)) {
        audit_find(a, RULE_ALLOCATION_ONCE, "a new allocation", "%s again", text_of(e, "allocation"));
        return ERR_OK;
    }
    past_add(a, ALLOCATIONS, id);
    account_written(a, true);
    allocation_payment(s, a, e, &total);
    if (total.known)
        total_move(a, total.currency, total.micro);
    else
        a->totals_partial = true;
    TRY(lines(s, a, e, p, &total, a->report->findings == findings));    /* what is wrong is found once */
    if (p && p->ended)
        first_rows_drop(a, p->license);
    return ERR_OK;
}

/* ---- payouts */

/* To or from the account and the currency's total, where the amount is disclosed. */
static void pay(struct audit *a, struct key account, const struct money_fact *m, int64_t sign)
{
    struct balance_row *b;

    if (!m->known) {
        account_unsure(a);
        return;
    }
    b = balance_of(a, BALANCES, account, m->currency);
    if (!money_add(b->micro, sign * m->micro, &b->micro))
        b->micro = sign < 0 ? INT64_MIN : INT64_MAX;
    total_move(a, m->currency, sign * m->micro);
}

static void payout_accrued(struct audit *a, const struct payout_row *p)
{
    const struct balance_row *b = table_find(&a->table[BALANCES], p->account);

    if (!p->amount.known)
        return;
    if (a->balances_partial && a->totals_partial)
        a->report->unshown[RULE_PAYOUT_ACCRUED]++;
    else if (a->balances_partial && total_of(a, p->amount.currency)->micro < 0)
        audit_find(a, RULE_PAYOUT_ACCRUED, "no more than was allocated in its currency", "more");
    else if (!a->balances_partial && (b->micro < 0 || strcmp(b->currency, p->amount.currency) != 0))
        audit_find(a, RULE_PAYOUT_ACCRUED, "no more than its account had accrued", "more");
}

void payout_instructed(struct audit *a, const struct entry *e)
{
    struct key id = key_in(e, "payout");
    struct payout_row *p;

    if (table_find(&a->table[PAYOUTS], id) || past(a, PAST_PAYOUTS, id)) {
        audit_find(a, RULE_PAYOUT_STATE, "a new payout", "%s again", text_of(e, "payout"));
        return;
    }
    payout_covered(a);
    account_written(a, false);
    p = table_add(&a->table[PAYOUTS], id);
    p->run = key_in(e, "run");
    p->amount = money_of(a, e);
    if (text_of(e, "account"))
        p->account = key_in(e, "account");
    else
        p->amount.known = false;
    pay(a, p->account, &p->amount, -1);
    payout_accrued(a, p);
}

/* A payout that failed goes back to its account, even after it was settled: rails take back what they paid. */
static void payout_ended(struct audit *a, const struct entry *e, bool failed)
{
    struct key id = key_in(e, "payout");
    struct payout_row *p = table_find(&a->table[PAYOUTS], id);

    if (!p) {
        audit_find(a, RULE_PAYOUT_STATE, "a payout that is under way", "%s, %s", text_of(e, "payout"),
                   past(a, PAST_PAYOUTS, id) ? "failed before" : "never instructed");
        return;
    }
    if (p->settled && !failed)
        audit_find(a, RULE_PAYOUT_STATE, "a payout that is under way", "%s, settled before", text_of(e, "payout"));
    if (!key_equal(p->run, key_in(e, "run")))
        audit_find(a, RULE_PAYOUT_STATE, "the run that instructed it", "%s", text_of(e, "run"));
    if (!failed) {
        p->settled = true;
        return;
    }
    account_written(a, true);
    pay(a, p->account, &p->amount, 1);
    table_remove(&a->table[PAYOUTS], p);
    past_add(a, PAST_PAYOUTS, id);
}

void payout_settled(struct audit *a, const struct entry *e) { payout_ended(a, e, false); }
void payout_failed(struct audit *a, const struct entry *e)  { payout_ended(a, e, true); }
