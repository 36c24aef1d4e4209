/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/entry/lists.h"
#include "ledger/keys/sha256.h"
#include "ledger/rules/split.h"
#include "ledger/rules/verdict.h"
#include "tests/unit/ledger/audit/bends.h"

/*
 * The longer story: the first one goes on under rules version 2, from consent to payout, with its lists beside the log.
 */
#define VER   ID("ver", "00")
#define CNS_0 ID("cns", "00")
#define CNS_1 ID("cns", "01")
#define LIC_0 ID("lic", "00")
#define LIC_1 ID("lic", "01")
#define CLR_0 ID("clr", "00")
#define CLR_1 ID("clr", "01")
#define CLR_2 ID("clr", "03")
#define SOON  "2026-11-24T10:15:30.123Z"      /* START + 1 day */

static struct hash rows_0, rows_1, rows_2, lines_0, lines_1, split_0, fee_0;       /* once they are made */
static struct hash items_0, details_0, agreed_0;      /* the version's roots, and the digest of both licenses */
static const char *line_a0 = "5.50", *line_b0 = "5.50";               /* lines of the first allocation, */
static const char *line_a = "5.502933", *line_b = "2.751467";         /* and of the second */
static enum split_rule split_by = SPLIT_PER_ITEM;
static uint64_t second_number = 2;            /* of both accounts' lines in it */
static uint64_t consentless = 99, needless = 99, strangers = 99;      /* items that rest on none, one, another's */
static const uint64_t *later_rows;            /* of a later clearance, if there is one */
static size_t n_later_rows;

enum {
    FIRST = ACCESS_1 + 1,                     /* as in the first story until then */
    CHANGED = FIRST, CREATOR, CERTIFIER, REKEYED, CONSENT_0, CONSENT_1, CERTIFIED, LIST_1, LIST_2, CLEARED_0, ACCESS_A,
    PAID_B, GRANTED_B, DENIED_B, CLEARED_B, REFUND_B, ALLOCATED_A, ALLOCATED_B, ACCESS_B, SUSPENDED, ACCESS_C, REVOKED,
    PAYOUT_0, SETTLED, PAYOUT_1, FAILED, UNCLEARED, UNCERTIFIED, LIST_3, LONG_ACTS
};

#define ACCESS(at_, clearance_, license_, number_) { ENTRY_ACCESS_RECORDED, START + (at_), { \
        { "clearance", T(clearance_) }, { "license", T(license_) }, { "bytes", N(5) }, { "item_hash", H(&root_b) }, \
        { "item_number", N(number_) }, { "key", T(ID("key", "00")) } } }
#define CONSENT(id_, place_, creator_) { ENTRY_CONSENT_GRANTED, START + 11, { \
        { "consent", T(id_) }, { "coverage_root", H(&root_b) }, { "document", H(&root_b) }, { "from", T(FROM_TEXT) }, \
        { "item_count", N(5) }, { "purposes", J("[\"evaluation\",\"pretraining\"]") }, { "status_index", N(place_) }, \
        { "until", T(UNTIL) }, { "creator", T(creator_) } } }
#define LIST(at_, as_of_) { ENTRY_STATUS_LIST_PUBLISHED, START + (at_), { \
        { "as_of", N(as_of_) }, { "document", H(&root_b) }, { "list", T(ID("stl", "00")) } } }
#define PAYOUT(at_, id_, account_, amount_) { ENTRY_PAYOUT_INSTRUCTED, START + (at_), { \
        { "payout", T(id_) }, { "run", T(ID("run", "00")) }, { "statement_digest", H(&root_b) }, \
        { "account", T(account_) }, { "amount", T(amount_) }, { "currency", T("EUR") } } }

static const struct act rest[LONG_ACTS - FIRST] = {
    [CHANGED - FIRST] = { ENTRY_RULES_CHANGED, START + 10, { { "versions", J("{\"entry\":1,\"rules\":2}") } } },
    [CREATOR - FIRST] = { ENTRY_PARTY_REGISTERED, START + 10, {
        { "party", T(ID("pty", "03")) }, { "roles", J("[\"creator\"]") }, { "name", T("C") } } },
    [CERTIFIER - FIRST] = { ENTRY_PARTY_REGISTERED, START + 10, {
        { "party", T(ID("pty", "04")) }, { "public_key", T("did:key:z6M") }, { "roles", J("[\"certifier\"]") },
        { "name", T("S") } } },
    [REKEYED - FIRST] = { ENTRY_PARTY_KEY_CHANGED, START + 10, {
        { "party", T(ID("pty", "04")) }, { "public_key", T("did:key:z6N") } } },
    [CONSENT_0 - FIRST] = CONSENT(CNS_0, 0, ID("pty", "03")),
    [CONSENT_1 - FIRST] = CONSENT(CNS_1, 1, ID("pty", "01")),
    [CERTIFIED - FIRST] = { ENTRY_CERTIFICATE_ISSUED, START + 12, {
        { "certificate", T(ID("crt", "00")) }, { "certifier", T(ID("pty", "04")) }, { "document", H(&root_b) },
        { "from", T(FROM_TEXT) }, { "until", T(UNTIL) }, { "version", T(VER) } } },
    [LIST_1 - FIRST] = LIST(12, 17),
    [LIST_2 - FIRST] = LIST(13, 18),
    [CLEARED_0 - FIRST] = { ENTRY_CLEARANCE_ISSUED, START + 14, {
        { "as_of", N(19) }, { "clearance", T(CLR_0) }, { "counts", J("{}") }, { "document", H(&root_b) },
        { "license", T(LIC_0) }, { "policy_version", N(VERDICT_POLICY_VERSION) }, { "purpose", T("pretraining") },
        { "rows_root", H(&rows_0) }, { "until", T(SOON) }, { "project", T("p") } } },
    [ACCESS_A - FIRST] = ACCESS(15, CLR_0, LIC_0, 1),
    [PAID_B - FIRST] = { ENTRY_PAYMENT_RECEIVED, START + 16, {
        { "license", T(LIC_1) }, { "payment", T(ID("pay", "02")) }, { "amount", T("12.50") },
        { "buyer", T(ID("pty", "02")) }, { "currency", T("EUR") }, { "reference", T("license") } } },
    [GRANTED_B - FIRST] = { ENTRY_LICENSE_GRANTED, START + 16, {
        { "document", H(&root_b) }, { "from", T(FROM_TEXT) }, { "item_count", N(4) }, { "license", T(LIC_1) },
        { "offer", T(ID("ofr", "00")) }, { "payment", T(ID("pay", "02")) }, { "purpose", T("pretraining") },
        { "revision", N(1) }, { "slice_root", H(&root_b) }, { "territory", T("DE") }, { "until", T(UNTIL) },
        { "version", T(VER) }, { "amount", T("12.50") }, { "buyer", T(ID("pty", "02")) }, { "currency", T("EUR") },
        { "slice", J("{\"sample\":{\"count\":4,\"seed\":\"7\"}}") } } },
    [DENIED_B - FIRST] = { ENTRY_CLEARANCE_DENIED, START + 17, {
        { "as_of", N(22) }, { "clearance", T(ID("clr", "02")) }, { "counts", J("{\"consent_missing\":4}") },
        { "document", H(&root_b) }, { "license", T(LIC_1) }, { "policy_version", N(VERDICT_POLICY_VERSION) },
        { "purpose", T("pretraining") } } },
    [CLEARED_B - FIRST] = { ENTRY_CLEARANCE_ISSUED, START + 19, {
        { "as_of", N(24) }, { "clearance", T(CLR_1) }, { "counts", J("{\"consent_missing\":1}") },
        { "document", H(&root_b) }, { "license", T(LIC_1) }, { "policy_version", N(VERDICT_POLICY_VERSION) },
        { "purpose", T("pretraining") }, { "rows_root", H(&rows_1) }, { "until", T(SOON) } } },
    [REFUND_B - FIRST] = { ENTRY_REFUND_POSTED, START + 19, {
        { "license", T(LIC_1) }, { "payment", T(ID("pay", "02")) }, { "refund", T(ID("ref", "00")) },
        { "amount", T("3.12") }, { "buyer", T(ID("pty", "02")) }, { "currency", T("EUR") } } },
    [ALLOCATED_A - FIRST] = { ENTRY_ALLOCATION_POSTED, START + 19, {
        { "allocation", T(ID("alc", "00")) }, { "license", T(LIC_0) }, { "line_count", N(2) },
        { "lines_root", H(&lines_0) }, { "payment", T(ID("pay", "01")) }, { "split_digest", H(&split_0) },
        { "currency", T("EUR") }, { "total", T("11.00") } } },
    [ALLOCATED_B - FIRST] = { ENTRY_ALLOCATION_POSTED, START + 19, {
        { "allocation", T(ID("alc", "01")) }, { "license", T(LIC_1) }, { "line_count", N(2) },
        { "lines_root", H(&lines_1) }, { "payment", T(ID("pay", "02")) }, { "split_digest", H(&split_0) },
        { "currency", T("EUR") }, { "total", T("8.2544") } } },
    [ACCESS_B - FIRST] = ACCESS(20, CLR_1, LIC_1, 4),
    [SUSPENDED - FIRST] = { ENTRY_CONSENT_SUSPENDED, START + 21, {
        { "consent", T(CNS_1) }, { "document", H(&root_b) }, { "reason", T("holder") } } },
    [ACCESS_C - FIRST] = ACCESS(22, CLR_1, LIC_1, 2),
    [REVOKED - FIRST] = { ENTRY_CONSENT_REVOKED, START + 23, {
        { "consent", T(CNS_1) }, { "document", H(&root_b) }, { "reason", T("creator") } } },
    [PAYOUT_0 - FIRST] = PAYOUT(24, ID("pyo", "00"), ID("acc", "00"), "11.00"),
    [SETTLED - FIRST] = { ENTRY_PAYOUT_SETTLED, START + 25, {
        { "payout", T(ID("pyo", "00")) }, { "run", T(ID("run", "00")) }, { "reference", T("r") } } },
    [PAYOUT_1 - FIRST] = PAYOUT(26, ID("pyo", "01"), ID("acc", "01"), "4.00"),
    [FAILED - FIRST] = { ENTRY_PAYOUT_FAILED, START + 27, {
        { "payout", T(ID("pyo", "01")) }, { "run", T(ID("run", "00")) }, { "reference", T("r") } } },
    [UNCLEARED - FIRST] = { ENTRY_CLEARANCE_WITHDRAWN, START + 28, {
        { "clearance", T(CLR_1) }, { "license", T(LIC_1) } } },
    [UNCERTIFIED - FIRST] = { ENTRY_CERTIFICATE_REVOKED, START + 29, {
        { "certificate", T(ID("crt", "00")) }, { "reason", T("certifier") } } },
    [LIST_3 - FIRST] = LIST(30, 30),
};

static inline size_t tell(struct act acts[LONG_ACTS + 1])
{
    memcpy(acts, story, FIRST * sizeof *acts);
    memcpy(acts + FIRST, rest, sizeof rest);
    act_value(&acts[OFFERED], "fee_digest")->value.v.hash = &fee_0;
    act_value(&acts[OFFERED], "split_digest")->value.v.hash = &split_0;
    act_value(&acts[PUBLISHED], "root")->value.v.hash = &items_0;
    act_value(&acts[PUBLISHED], "details_root")->value.v.hash = &details_0;
    act_value(&acts[GRANTED], "slice_root")->value.v.hash = &items_0;
    act_value(&acts[GRANTED], "document")->value.v.hash = &agreed_0;
    act_value(&acts[GRANTED_B], "document")->value.v.hash = &agreed_0;
    return LONG_ACTS;
}

/* ---- lists beside the log */

static void add_rows(struct buf *out, struct hash *root, const uint64_t *items, size_t n)
{
    struct frontier tree = FRONTIER_EMPTY;
    struct buf leaf = BUF(out->s);

    for (size_t i = 0; i < n; i++) {
        struct cleared_row row = { .item = items[i], .n_consents = items[i] % 2 == 0, .salt = { (uint8_t)i } };
        bool others = (items[i] == 6) != (items[i] == strangers);

        if (items[i] == consentless)
            row.n_consents = 0;
        if (items[i] == needless)
            row.n_consents = 1;
        if (!id_parse(others ? CNS_1 : CNS_0, "cns", &row.consents[0]))
            abort();
        list_add_cleared(&tree, &leaf, &row);
        buf_add(out, leaf.p, leaf.len);
        buf_char(out, '\n');
    }
    *root = frontier_root(&tree);
}

static void add_lines(struct buf *out, struct hash *root, const char *first, const char *second, uint64_t n)
{
    struct frontier tree = FRONTIER_EMPTY;
    struct buf leaf = BUF(out->s);

    for (size_t i = 0; i < 2; i++) {
        struct line_row row = { .n = n, .salt = { (uint8_t)i } };
        if (!id_parse(i ? ID("acc", "01") : ID("acc", "00"), "acc", &row.account))
            abort();
        snprintf(row.amount, sizeof row.amount, "%s", i ? second : first);
        list_add_line(&tree, &leaf, &row);
        buf_add(out, leaf.p, leaf.len);
        buf_char(out, '\n');
    }
    *root = frontier_root(&tree);
}

static const uint64_t whole[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 }, slice[] = { 2, 4, 6 };

static struct buf *beside(struct log *l, const char *name)
{
    l->document[l->n_documents].name = name;
    l->document[l->n_documents].text = (struct buf)BUF(&l->s);
    return &l->document[l->n_documents++].text;
}

/* Of 12.50 for four items 9.38 is owed for three, 1.1256 of that the fee. */
static void add_rules(struct buf *out, int64_t ppm)
{
    const char *split = split_rule_write(out->s, split_by, "c2FsdA"), *fee = split_fee_write(out->s, ppm, "c2Fs");

    buf_printf(out, "%s\n%s\n", split, fee);
    split_0 = sha256_of(split, strlen(split));
    fee_0 = sha256_of(fee, strlen(fee));
}

/* Items of 1, 2, 3 … bytes: each second one is a creator's, or in one case the publisher's, who has the rest. */
static void add_version(struct log *l)
{
    static const char one[] = "[{\"party\":\"" ID("pty", "03") "\",\"role\":\"author\",\"weight\":1}]",
                      three[] = "[{\"party\":\"" ID("pty", "03") "\",\"role\":\"author\",\"weight\":3}]",
                      other[] = "[{\"party\":\"" ID("pty", "01") "\",\"role\":\"author\",\"weight\":3}]";
    static const char *const makers[] = { one, "[]", three, "[]", three, "[]", other, "[]", one, "[]" };
    static const uint8_t salt[SALT_SIZE];
    struct frontier details = FRONTIER_EMPTY, items = FRONTIER_EMPTY;
    struct buf *rows = beside(l, "licenses/" LIC_0 "/details"), *sizes = beside(l, "licenses/" LIC_0 "/items");
    struct buf leaf = BUF(&l->s);

    for (unsigned i = 0; i < 10; i++) {
        char path[] = { (char)('a' + i), 0 };
        struct bytes made = { (const uint8_t *)makers[i], strlen(makers[i]) };
        struct item_details d = { { (const uint8_t *)"{}", 2 }, made, "text/plain", path, 1, salt };
        list_add_details(&details, &leaf, &d);
        buf_add(rows, leaf.p, leaf.len);
        buf_char(rows, '\n');
        list_add_item(&items, &leaf, path, 1, &root_a, i + 1);
        buf_add(sizes, leaf.p, leaf.len);
        buf_char(sizes, '\n');
    }
    details_0 = frontier_root(&details);
    items_0 = frontier_root(&items);
    buf_add(beside(l, "licenses/" LIC_1 "/details"), rows->p, rows->len);
    buf_add(beside(l, "licenses/" LIC_1 "/items"), sizes->p, sizes->len);
}

static void add_agreements(struct log *l)
{
    static const char agreed[] = "{\"@context\":[\"https://www.w3.org/ns/credentials/v2\"],\"credentialSubject\":"
                                 "{\"publisher\":{\"id\":\"" ID("pty", "01") "\"}}}";

    buf_str(beside(l, "licenses/" LIC_0 "/document"), agreed);
    buf_str(beside(l, "licenses/" LIC_1 "/document"), agreed);
    log_certify(l, "documents/licenses/" LIC_0, agreed);
    agreed_0 = log_certify(l, "documents/licenses/" LIC_1, agreed);
}

static void add_parties(struct buf *out, const char *first, const char *second)
{
    buf_printf(out, "{\"account\":\"" ID("acc", "00") "\",\"party\":\"%s\"}\n"
                    "{\"account\":\"" ID("acc", "01") "\",\"party\":\"%s\"}\n", first, second);
}

static void log_lists(struct log *l)
{
    add_rules(beside(l, "offers/" ID("ofr", "00") "/2"), 120000);
    add_rules(beside(l, "offers/" ID("ofr", "00") "/1"), 120000);
    if (n_later_rows)
        add_rows(beside(l, "clearances/" CLR_2 "/rows"), &rows_2, later_rows, n_later_rows);
    add_rows(beside(l, "clearances/" CLR_0 "/rows"), &rows_0, whole, ARRAY_LEN(whole));
    add_rows(beside(l, "clearances/" CLR_1 "/rows"), &rows_1, slice, ARRAY_LEN(slice));
    add_lines(beside(l, "allocations/" ID("alc", "00") "/lines"), &lines_0, line_a0, line_b0, 1);
    add_lines(beside(l, "allocations/" ID("alc", "01") "/lines"), &lines_1, line_a, line_b, second_number);
    add_parties(beside(l, "allocations/" ID("alc", "00") "/parties"), ID("pty", "03"), ID("pty", "01"));
    add_parties(beside(l, "allocations/" ID("alc", "01") "/parties"), ID("pty", "03"), ID("pty", "01"));
    add_agreements(l);
    add_version(l);
}
