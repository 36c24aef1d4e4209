/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/entry/lists.h"
#include "ledger/keys/sha256.h"
#include "ledger/rules/split.h"
#include "ledger/rules/verdict.h"
#include "tests/unit/ledger/audit/bends.h"
#include "tests/unit/ledger/cert/samples.h"

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
static struct hash covered_0, covered_1, consent_0, consent_1, cleared_0, cleared_1, cleared_2;
static char creator_did[DID_KEY_SIZE], holder_did[DID_KEY_SIZE];
static struct secret_key *creator_key, *holder_key;
/* What is forged of the first consent, and of the first clearance; or nothing. */
static struct {
    bool other_key, other_root, other_purposes, other_until, other_place, bent, other_count, cut, unsorted, uncertified,
         uncovered, undocumented, misnamed;
    const char *role, *territory, *prohibited, *cleared_for, *model;
    uint64_t leaves_out;                      /* an item that it does not cover */
} forged = { .leaves_out = 99 };
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
        { "party", T(ID("pty", "03")) }, { "roles", J("[\"creator\"]") }, { "name", T("C") },
        { "person_key", T(creator_did) } } },
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
    creator_key = creator_key ? creator_key : sample_key(21);
    holder_key = holder_key ? holder_key : sample_key(22);
    sample_did(creator_key, creator_did);
    sample_did(holder_key, holder_did);
    memcpy(acts, story, FIRST * sizeof *acts);
    memcpy(acts + FIRST, rest, sizeof rest);
    acts[PUBLISHER].value[3] = (struct named_value){ "person_key", T(holder_did) };
    act_value(&acts[CONSENT_0], "coverage_root")->value.v.hash = &covered_0;
    act_value(&acts[CONSENT_0], "document")->value.v.hash = &consent_0;
    act_value(&acts[CONSENT_1], "coverage_root")->value.v.hash = &covered_1;
    act_value(&acts[CONSENT_1], "document")->value.v.hash = &consent_1;
    act_value(&acts[CLEARED_0], "document")->value.v.hash = &cleared_0;
    act_value(&acts[CLEARED_B], "document")->value.v.hash = &cleared_1;
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

static struct hash item_hash(uint64_t i)
{
    return (struct hash){ { (uint8_t)(0x10 + i), 1 } };
}

/* Five hashes from `first`, every second one an item's of the version. */
static void add_coverage(struct buf *out, struct hash *root, uint64_t first, bool bend)
{
    struct frontier tree = FRONTIER_EMPTY;

    for (uint64_t i = 0; i < 5; i++) {
        uint64_t at = first + 2 * i + (first + 2 * i == forged.leaves_out);
        struct hash h = item_hash(bend && forged.unsorted && i < 2 ? first + 2 * (1 - i) : at);
        char hex[HEX_SIZE(HASH_SIZE)];

        coverage_add(&tree, &h);
        hex_write(h.b, HASH_SIZE, hex);
        if (!(bend && forged.cut && i == 4))
            buf_printf(out, "{\"sha256\":\"%s\"}\n", hex);
    }
    *root = frontier_root(&tree);
}

static const char *code_or(const char *code, const char *otherwise)
{
    return code ? code : otherwise;
}

static int code_at(const struct code_list *codes, const char *code)
{
    return code_find(codes, code, strlen(code));
}

/* Signed by the first creator, or as `bend` says. */
static void add_consent(struct log *l, const char *name, struct hash *digest, const struct hash *root, bool first)
{
    const char *places[] = { code_or(first ? forged.territory : NULL, "DE") };
    struct consent w = sample_consent(), said;
    uint64_t place = first ? forged.other_place : 1;
    json_t *document;
    enum refusal why;
    struct bytes text;
    struct buf *out;

    w.c.valid_from = START;
    w.c.valid_until = START + (first && forged.other_until ? 31 : 30) * DAY;
    w.role = code_at(&contributor_codes, code_or(first ? forged.role : NULL, "author"));
    w.n_grants = first && forged.other_purposes ? 1 : 2;
    for (size_t i = 0; i < 2; i++)
        w.grant[i] = (struct consent_grant){ .purpose = code_at(&purpose_codes, i ? "evaluation" : "pretraining"),
                                             .models = 1u << code_at(&model_codes, "generative"),
                                             .territories = places, .n_territories = 1 };
    w.prohibitions = first && forged.prohibited ? 1u << code_at(&prohibition_codes, forged.prohibited) : 0;
    w.coverage = (struct consent_coverage){ .root = first && forged.other_root ? root_b : *root,
                                            .items = 5 + (first && forged.other_count) };
    w.c.status[0].index = w.c.status[1].index = place;
    if (consent_sign(&l->s, &w, first != forged.other_key ? creator_key : holder_key, START + 5, &document, &why) !=
            ERR_OK || consent_read(&l->s, document, &said, &why) != ERR_OK || canon(&l->s, document, &text) != ERR_OK) {
        printf("# %s %s\n", refusal_code(why), l->s.why.detail);
        abort();
    }
    *digest = said.c.document;
    json_decref(document);
    if (first && forged.uncertified)
        return;
    out = beside(l, name);
    buf_add(out, text.p, text.len);
    if (first && forged.bent)
        strstr(out->p, "\"salt\":\"")[sizeof "\"salt\":\"" - 1] ^= 1;
}

static void add_consents(struct log *l)
{
    struct buf *first = beside(l, forged.uncovered ? "" : "consents/" CNS_0 "/coverage");

    add_coverage(first, &covered_0, 0, true);
    add_coverage(beside(l, "consents/" CNS_1 "/coverage"), &covered_1, 4, false);
    add_consent(l, "consents/" CNS_0, &consent_0, &covered_0, true);
    add_consent(l, "consents/" CNS_1, &consent_1, &covered_1, false);
}

static struct hash add_clearance(struct log *l, const char *id, const char *license)
{
    struct public_key issuer = secret_key_public(l->issuer);
    struct clearance w = sample_clearance();
    char did[DID_KEY_SIZE];
    struct bytes text;
    json_t *document;

    did_key(&issuer, did);
    w.clearance = id;
    w.license = forged.misnamed ? ID("lic", "09") : license;
    w.c.valid_from = START;
    w.c.valid_until = START + DAY;
    w.purpose = code_at(&purpose_codes, "pretraining");
    w.territory = code_or(forged.cleared_for, "DE");
    w.model = code_at(&model_codes, code_or(forged.model, "generative"));
    if (clearance_json(&l->s, &w, did, &document) != ERR_OK || canon(&l->s, document, &text) != ERR_OK)
        abort();
    json_decref(document);
    return log_certify(l, forged.undocumented ? "" : scope_printf(&l->s, "documents/clearances/%s", id),
                       scope_strndup(&l->s, (const char *)text.p, text.len));
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
    struct hash item;

    for (unsigned i = 0; i < 10; i++) {
        char path[] = { (char)('a' + i), 0 };
        struct bytes made = { (const uint8_t *)makers[i], strlen(makers[i]) };
        struct item_details d = { { (const uint8_t *)"{}", 2 }, made, "text/plain", path, 1, salt };
        list_add_details(&details, &leaf, &d);
        buf_add(rows, leaf.p, leaf.len);
        buf_char(rows, '\n');
        item = item_hash(i);
        list_add_item(&items, &leaf, path, 1, &item, i + 1);
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
    add_consents(l);
    cleared_0 = add_clearance(l, CLR_0, LIC_0);
    cleared_1 = add_clearance(l, CLR_1, LIC_1);
    cleared_2 = add_clearance(l, CLR_2, LIC_1);
}
