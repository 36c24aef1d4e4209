/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/audit/audit.h"
#include "ledger/cert/integrity.h"
#include "ledger/entry/receipt.h"
#include "ledger/keys/sign.h"
#include "ledger/tree/tile.h"
#include "schema/base/clock.h"
#include "schema/json/canon.h"

/*
 * A log in memory: a short honest story as a list of acts, which a test bends,
 * then tiles, bundles, checkpoint and disclosures of it as a source serves them.
 */
#define LOG_MAX   1500
#define DAY       INT64_C(86400000)
#define START     INT64_C(1795428930123)      /* 2026-11-23T10:15:30.123Z */
#define FROM_TEXT "2026-11-23T10:15:30.123Z"
#define UNTIL     "2026-12-23T10:15:30.123Z"  /* START + 30 days */
#define ORIGIN    "log.example/market"
#define ID(kind, last) kind "_01jdc5x9k2h3v8m4q7t0w6y1" last

#define T(t) { .kind = V_TEXT, .v.text = (t) }
#define N(c) { .kind = V_COUNT, .v.count = (c) }
#define H(h) { .kind = V_HASH, .v.hash = (h) }
#define J(t) { .kind = V_JSON, .v.json = { (const uint8_t *)(t), sizeof(t) - 1 } }

static const struct hash root_a = { { 0xaa } }, root_b = { { 0xbb } };

/* `rules` 0: those that are in force, which rules.changed moves on; at first 1. */
struct act { enum entry_type type; int64_t at; struct named_value value[ENTRY_FIELDS_MAX]; unsigned rules; };

/* Names of the acts, in order. */
enum {
    OPENED, OPERATOR, PUBLISHER, BUYER, PUBLISHED, VERIFIED, OFFERED, TOPPED_UP, PAID, GRANTED, ACCESS_1, ACCESS_2,
        WITHDRAWN,
    ACCESS_3, ENDED, ACTS
};

static const struct act story[ACTS] = {
    [OPENED] = { ENTRY_LOG_OPENED, START, {
        { "issuer_key", T("") }, { "log_key", T("") }, { "origin", T(ORIGIN) },
        { "versions", J("{\"entry\":1,\"rules\":1}") } } },
    [OPERATOR] = { ENTRY_PARTY_REGISTERED, START, {
        { "party", T(ID("pty", "00")) }, { "public_key", T("did:key:z6M") }, { "roles", J("[\"operator\"]") },
        { "name", T("O") } } },
    [PUBLISHER] = { ENTRY_PARTY_REGISTERED, START, {
        { "party", T(ID("pty", "01")) }, { "roles", J("[\"publisher\"]") }, { "name", T("P") } } },
    [BUYER] = { ENTRY_PARTY_REGISTERED, START, {
        { "party", T(ID("pty", "02")) }, { "roles", J("[\"buyer\"]") }, { "name", T("B") } } },
    [PUBLISHED] = { ENTRY_DATASET_PUBLISHED, START, {
        { "bytes", N(1000) }, { "dataset", T(ID("dts", "00")) }, { "details_root", H(&root_b) },
        { "item_count", N(10) },
        { "root", H(&root_a) }, { "version", T(ID("ver", "00")) } } },
    [VERIFIED] = { ENTRY_CONTENT_VERIFIED, START,
                   { { "counts", J("{\"verified\":10}") }, { "results_root", H(&root_b) } } },
    [OFFERED] = { ENTRY_OFFER_PUBLISHED, START, {
        { "fee_digest", H(&root_b) }, { "offer", T(ID("ofr", "00")) }, { "revision", N(1) },
        { "split_digest", H(&root_b) },
        { "terms_digest", H(&root_b) }, { "version", T(ID("ver", "00")) },
        { "price", J("{\"amount\":\"12.50\",\"currency\":\"EUR\"}") } } },
    [TOPPED_UP] = { ENTRY_PAYMENT_RECEIVED, START, {
        { "payment", T(ID("pay", "00")) }, { "amount", T("100.00") }, { "buyer", T(ID("pty", "02")) },
        { "currency", T("EUR") },
        { "reference", T("bank 1") } } },
    [PAID] = { ENTRY_PAYMENT_RECEIVED, START + 1, {
        { "license", T(ID("lic", "00")) }, { "payment", T(ID("pay", "01")) }, { "amount", T("12.50") },
        { "buyer", T(ID("pty", "02")) }, { "currency", T("EUR") }, { "reference", T("license") } } },
    [GRANTED] = { ENTRY_LICENSE_GRANTED, START + 1, {
        { "document", H(&root_b) }, { "from", T(FROM_TEXT) }, { "item_count", N(10) },
        { "license", T(ID("lic", "00")) },
        { "offer", T(ID("ofr", "00")) }, { "payment", T(ID("pay", "01")) }, { "purpose", T("pretraining") },
        { "revision", N(1) },
        { "slice_root", H(&root_a) }, { "territory", T("DE") }, { "until", T(UNTIL) },
        { "version", T(ID("ver", "00")) },
        { "amount", T("12.50") }, { "buyer", T(ID("pty", "02")) }, { "currency", T("EUR") }, { "slice", J("{}") } } },
    [ACCESS_1] = { ENTRY_ACCESS_RECORDED, START + 2, {
        { "license", T(ID("lic", "00")) }, { "bytes", N(5) }, { "item_hash", H(&root_b) }, { "item_number", N(0) },
        { "key", T(ID("key", "00")) } } },
    [ACCESS_2] = { ENTRY_ACCESS_RECORDED, START + 3, {
        { "license", T(ID("lic", "00")) }, { "bytes", N(5) }, { "item_hash", H(&root_b) }, { "item_number", N(9) },
        { "key", T(ID("key", "00")) } } },
    [WITHDRAWN] = { ENTRY_OFFER_WITHDRAWN, START + 4, { { "offer", T(ID("ofr", "00")) }, { "revision", N(1) } } },
    [ACCESS_3] = { ENTRY_ACCESS_RECORDED, START + 5, {
        { "license", T(ID("lic", "00")) }, { "bytes", N(5) }, { "item_hash", H(&root_b) }, { "item_number", N(5) },
        { "key", T(ID("key", "00")) } } },
    [ENDED] = { ENTRY_LICENSE_ENDED, START + 30 * DAY,
                { { "license", T(ID("lic", "00")) }, { "reason", T("expired") } } },
};

#define DOCUMENTS_MAX 60

struct log {
    struct scope s;
    unsigned rules;
    struct { const char *name; struct buf text; } document[DOCUMENTS_MAX];       /* beside the log */
    size_t n_documents;
    struct secret_key *secret, *issuer;
    struct note_key key;
    char *vkey, *issuer_vkey;
    struct hash agreed;               /* digest of the document of every license and clearance that names none */
    size_t n;
    struct bytes entry[LOG_MAX], disclosures[LOG_MAX];
    struct hash leaf[LOG_MAX];
    size_t shown;                     /* size of the checkpoint that is served; 0: all */
    bool disclose;
    /* what it serves wrongly */
    const char *hide, *bend;          /* path that is not served, or served with one byte changed */
    const char *note;                 /* served instead of the checkpoint */
    err failure;                      /* what tile() fails with */
    size_t asked;
};

/* Beside the log: what the issuer made of a document; the digest of what it made it of. */
__attribute__((unused))
static struct hash log_certify(struct log *l, const char *name, const char *text)
{
    json_t *document = json_loads(text, 0, NULL), *whole;
    struct bytes bytes;
    struct hash digest;

    if (document_digest(&l->s, document, false, &digest) != ERR_OK ||
        integrity_sign(&l->s, document, l->issuer, START, &whole) != ERR_OK || canon(&l->s, whole, &bytes) != ERR_OK ||
        l->n_documents == DOCUMENTS_MAX)
        abort();
    json_decref(document);
    json_decref(whole);
    l->document[l->n_documents].name = name;
    l->document[l->n_documents].text = (struct buf)BUF(&l->s);
    buf_add(&l->document[l->n_documents++].text, bytes.p, bytes.len);
    return digest;
}

__attribute__((unused))
static void log_init(struct log *l)
{
    uint8_t seed[ED25519_SEED] = { 7 }, other[ED25519_SEED] = { 8 };
    struct public_key public;
    struct note_key issuer;

    *l = (struct log){ .rules = 1 };
    scope_init(&l->s, 0);
    l->secret = secret_key_from_seed(seed);
    public = secret_key_public(l->secret);
    if (!note_key_make(ORIGIN, &public, &l->key))
        abort();
    l->vkey = note_key_text(&l->s, &l->key);
    l->issuer = secret_key_from_seed(other);
    public = secret_key_public(l->issuer);
    if (!note_key_make(ORIGIN "/issuer", &public, &issuer))
        abort();
    l->issuer_vkey = note_key_text(&l->s, &issuer);
}

__attribute__((unused))
static void log_free(struct log *l)
{
    secret_key_free(l->secret);
    secret_key_free(l->issuer);
    scope_free(&l->s);
}

__attribute__((unused))
static void log_raw(struct log *l, const void *bytes, size_t len)
{
    if (l->n == LOG_MAX)
        abort();
    l->entry[l->n] = (struct bytes){ scope_memdup(&l->s, bytes, len), len };
    l->leaf[l->n] = leaf_hash(bytes, len);
    l->disclosures[l->n++] = (struct bytes){ 0 };
}

/* The document of an entry without one of its own. */
static void act_document(struct log *l, const struct act *x, struct named_value *document)
{
    static const char text[] = "{\"@context\":[\"https://www.w3.org/ns/credentials/v2\"],\"id\":\"urn:x\"}";
    const char *noun = x->type == ENTRY_LICENSE_GRANTED ? "license" : x->type == ENTRY_STATUS_LIST_PUBLISHED ? "list"
                     : x->type == ENTRY_CLEARANCE_ISSUED || x->type == ENTRY_CLEARANCE_DENIED ? "clearance" : NULL;
    const char *folder = noun && strcmp(noun, "list") == 0 ? "status-list" : noun;
    char at[TIME_TEXT_SIZE];

    if (!noun || document->value.v.hash != &root_b)
        return;
    time_format(x->at, at);
    for (size_t i = 0; i < ENTRY_FIELDS_MAX; i++)
        if (x->value[i].name && strcmp(x->value[i].name, noun) == 0)
            l->agreed = log_certify(l, scope_printf(&l->s, "documents/%ss/%s%s%s", folder, x->value[i].value.v.text,
                                                    folder == noun ? "" : "/", folder == noun ? "" : at), text);
    document->value.v.hash = &l->agreed;
}

__attribute__((unused))
static void log_act(struct log *l, const struct act *x)
{
    static const uint8_t salts[ENTRY_FIELDS_MAX][SALT_SIZE] = { { 1 }, { 2 }, { 3 }, { 4 } };
    struct named_value value[ENTRY_FIELDS_MAX];
    struct encoded_entry e;
    size_t n = 0;

    for (; n < ENTRY_FIELDS_MAX && x->value[n].name; n++) {
        value[n] = x->value[n];
        if (x->type == ENTRY_LOG_OPENED && strcmp(value[n].name, "log_key") == 0 && !*value[n].value.v.text)
            value[n].value.v.text = l->vkey;
        if (x->type == ENTRY_LOG_OPENED && strcmp(value[n].name, "issuer_key") == 0 && !*value[n].value.v.text)
            value[n].value.v.text = l->issuer_vkey;
        if (strcmp(value[n].name, "document") == 0)
            act_document(l, x, &value[n]);
    }
    l->rules += x->type == ENTRY_RULES_CHANGED && l->rules < RULES_VERSION;
    if (entry_encode(&l->s, x->type, x->at, x->rules ? x->rules : l->rules, value, n, salts, &e) != ERR_OK) {
        fprintf(stderr, "%s\n", l->s.why.detail);
        abort();
    }
    log_raw(l, e.bytes.p, e.bytes.len);
    l->disclosures[l->n - 1] = e.disclosures;
}

__attribute__((unused))
static const char *log_note(struct log *l, size_t size)
{
    struct checkpoint c = { .size = size, .root = tree_root(l->leaf, size) };

    memcpy(c.origin, ORIGIN, sizeof ORIGIN);
    return note_sign(&l->s, checkpoint_text(&l->s, &c), &l->key, l->secret);
}

static err serve_checkpoint(struct scope *s, void *arg, struct bytes *note)
{
    struct log *l = arg;
    const char *text = l->note ? l->note : log_note(l, l->shown ? l->shown : l->n);

    *note = (struct bytes){ scope_memdup(s, text, strlen(text)), strlen(text) };
    return ERR_OK;
}

/* Root of the 256^level leaves from `first`. */
static struct hash subtree(struct log *l, unsigned level, size_t first)
{
    return level == 0 ? l->leaf[first] : tree_root(l->leaf + first * TILE_WIDTH, TILE_WIDTH);
}

static err serve_tile(struct scope *s, void *arg, const char *path, struct bytes *out)
{
    struct log *l = arg;
    struct buf b = BUF(s);
    struct tile t;

    l->asked++;
    if (l->failure != ERR_OK)
        return fail(s, l->failure, "the network is down");
    if (!tile_parse(path, &t) || !tile_within(&t, l->n) || (l->hide && strcmp(path, l->hide) == 0) || t.level > 1)
        return fail(s, ERR_NOT_FOUND, "nothing at %s", path);
    for (size_t i = t.n * TILE_WIDTH; i < t.n * TILE_WIDTH + t.width; i++)
        if (t.entries) {
            bundle_add(&b, l->entry[i].p, l->entry[i].len);
        } else {
            struct hash h = subtree(l, t.level, i);
            buf_add(&b, h.b, HASH_SIZE);
        }
    if (l->bend && strcmp(path, l->bend) == 0)
        b.p[b.len / 2] ^= 1;
    *out = (struct bytes){ (const uint8_t *)b.p, b.len };
    return ERR_OK;
}

static err serve_hashes(struct scope *s, void *arg, unsigned level, uint64_t first, size_t n, struct hash *out)
{
    struct log *l = arg;

    (void)s;
    for (size_t i = 0; i < n; i++)
        out[i] = subtree(l, level, first + i);
    return ERR_OK;
}

/* Of an entry that there is, whatever checkpoint is shown. */
static err serve_receipt(struct scope *s, struct log *l, uint64_t index, struct bytes *out)
{
    struct hash_source src = { .read = serve_hashes, .arg = l };
    const char *text, *document;
    struct proof p;

    TRY(proof_inclusion(s, &src, index, l->n, &p));
    text = tlog_proof_text(s, index, &p, log_note(l, l->n));
    document = scope_printf(s, "{\"entry\":%.*s,\"index\":%" PRIu64 "}", (int)l->entry[index].len,
                            (const char *)l->entry[index].p, index);
    return receipt_parts_text(s, (struct bytes){ (const uint8_t *)document, strlen(document) },
                              (struct bytes){ (const uint8_t *)text, strlen(text) }, out);
}

static err serve_document(struct scope *s, void *arg, const char *name, struct bytes *out)
{
    struct log *l = arg;
    uint64_t index;

    if (strncmp(name, "receipts/", 9) == 0 && decimal_read(name + 9, strlen(name + 9), l->n - 1, &index))
        return serve_receipt(s, l, index, out);
    for (size_t i = 0; i < l->n_documents; i++)
        if (strcmp(l->document[i].name, name) == 0) {
            *out = (struct bytes){ (const uint8_t *)l->document[i].text.p, l->document[i].text.len };
            return ERR_OK;
        }
    if (strncmp(name, "disclosures/", 12) != 0 || !decimal_read(name + 12, strlen(name + 12), l->n - 1, &index) ||
        l->disclosures[index].len == 0)
        return fail(s, ERR_NOT_FOUND, "no %s", name);
    *out = l->disclosures[index];
    return ERR_OK;
}

static inline struct audit_source log_source(struct log *l)
{
    return (struct audit_source){ serve_checkpoint, serve_tile, l->disclose ? serve_document : NULL, l };
}

static inline struct named_value *act_value(struct act *x, const char *name)
{
    for (size_t i = 0; i < ENTRY_FIELDS_MAX; i++)
        if (x->value[i].name && strcmp(x->value[i].name, name) == 0)
            return &x->value[i];
    abort();
}
