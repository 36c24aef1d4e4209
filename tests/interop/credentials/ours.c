/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our side of the credentials interop test (theirs.mjs is the other):
 *
 *   ours make DIR              writes one of each document, signed
 *   ours any FILE              verifies the proofs of any document
 *   ours consent FILE          reads it as that; so list, clearance, sourcing, withdrawal
 *   ours status CONSENT LIST   whether the consent's revocation is set in the list
 *   ours canon FILE            its canonical form
 *   ours numbers SEED N        doubles: 16 hex digits of their bits, and their text
 *
 * Prints "ok …", "refused CODE", "set" or "clear"; exits 1 only if it cannot do what it is asked.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "schema/json/canon.h"
#include "tests/unit/ledger/cert/samples.h"

#define FILE_MAX (8 << 20)

static json_t *load(struct scope *s, const char *path)
{
    FILE *f = fopen(path, "rb");
    char *text = scope_alloc(s, FILE_MAX, 1);
    size_t n = f ? fread(text, 1, FILE_MAX, f) : 0;
    enum refusal why;
    json_t *out = NULL;

    if (f)
        fclose(f);
    if (!f || document_read(s, text, n, &out, &why) != ERR_OK) {
        printf("refused malformed: %s\n", s->why.detail);
        return NULL;
    }
    return out;
}

static bool save(struct scope *s, const char *dir, const char *name, json_t *document)
{
    FILE *f = fopen(scope_printf(s, "%s/%s.json", dir, name), "wb");
    struct bytes text;
    bool good = f && document && canon(s, document, &text) == ERR_OK && fwrite(text.p, 1, text.len, f) == text.len;

    json_decref(document);
    return f && fclose(f) == 0 && good;
}

static json_t *consent_of(struct scope *s, uint64_t index, const struct secret_key *key)
{
    struct consent wish = sample_consent();
    enum refusal why;
    json_t *out = NULL;

    wish.c.status[0].index = index;
    wish.c.n_status = 1;
    return consent_sign(s, &wish, key, SAMPLE_NOW, &out, &why) == ERR_OK ? out : NULL;
}

static json_t *signed_of(struct scope *s, json_t *document, const struct secret_key *key)
{
    json_t *out = NULL;
    err e = document ? integrity_sign(s, document, key, SAMPLE_NOW, &out) : ERR_INVALID;

    json_decref(document);
    return e == ERR_OK ? out : NULL;
}

static bool make(struct scope *s, const char *dir)
{
    struct secret_key *creator = sample_key(1), *market = sample_key(2);
    struct status_credential list = sample_list(s);
    struct clearance clearance = sample_clearance();
    struct sourcing sourcing = sample_sourcing();
    json_t *consent = consent_of(s, SAMPLE_INDEX + 1, creator), *document = NULL;
    struct withdrawal withdrawal;
    struct consent read;
    char did[DID_KEY_SIZE];
    enum refusal why;
    bool good;

    sample_did(market, did);
    status_set(&list.list, SAMPLE_INDEX, true);
    clearance.c.n_status = 1;
    clearance.c.status[0] = (struct status_entry){ SAMPLE_LIST, STATUS_REVOCATION, SAMPLE_INDEX + 2 };
    good = consent_read(s, consent, &read, &why) == ERR_OK && save(s, dir, "consent", consent) &&
           save(s, dir, "withdrawn", consent_of(s, SAMPLE_INDEX, creator)) &&
           status_credential_json(s, &list, did, &document) == ERR_OK &&
           save(s, dir, "list", signed_of(s, document, market)) &&
           clearance_json(s, &clearance, did, &document) == ERR_OK &&
           save(s, dir, "clearance", signed_of(s, document, market)) &&
           sourcing_sign(s, &sourcing, market, SAMPLE_NOW, &document, &why) == ERR_OK &&
           save(s, dir, "sourcing", document);
    if (good) {
        withdrawal = sample_withdrawal(&read);
        good = withdrawal_sign(s, &withdrawal, creator, SAMPLE_NOW, &document, &why) == ERR_OK &&
               save(s, dir, "withdrawal", document);
    }
    secret_key_free(creator);
    secret_key_free(market);
    return good;
}

static err read_any(struct scope *s, const json_t *document, enum refusal *why)
{
    struct integrities proofs;

    return integrity_verify(s, document, &proofs, why);
}

static err read_consent(struct scope *s, const json_t *document, enum refusal *why)
{
    struct consent out;

    return consent_read(s, document, &out, why);
}

static err read_list(struct scope *s, const json_t *document, enum refusal *why)
{
    struct status_credential out;

    return status_credential_read(s, document, &out, why);
}

static err read_clearance(struct scope *s, const json_t *document, enum refusal *why)
{
    struct clearance out;

    return clearance_read(s, document, &out, why);
}

static err read_sourcing(struct scope *s, const json_t *document, enum refusal *why)
{
    struct sourcing out;

    return sourcing_read(s, document, &out, why);
}

static err read_withdrawal(struct scope *s, const json_t *document, enum refusal *why)
{
    struct withdrawal out;

    return withdrawal_read(s, document, &out, why);
}

static const struct { const char *name; err (*read)(struct scope *s, const json_t *d, enum refusal *why); } kinds[] = {
    { "any", read_any },
    { "consent", read_consent },
    { "list", read_list },
    { "clearance", read_clearance },
    { "sourcing", read_sourcing },
    { "withdrawal", read_withdrawal },
};

static bool judge(struct scope *s, const char *kind, const char *path)
{
    json_t *document = load(s, path);
    enum refusal why;

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strcmp(kinds[i].name, kind) != 0)
            continue;
        if (document && kinds[i].read(s, document, &why) == ERR_OK)
            printf("ok\n");
        else if (document)
            printf("refused %s at %s: %s\n", refusal_code(why), s->why.pointer, s->why.detail);
        json_decref(document);
        return true;
    }
    json_decref(document);
    return false;
}

static bool status(struct scope *s, const char *consent_path, const char *list_path)
{
    json_t *consent_document = load(s, consent_path), *list_document = load(s, list_path);
    struct status_credential list;
    struct consent consent;
    enum refusal why = REFUSAL_MALFORMED;
    bool set = true;

    if (consent_document && list_document && consent_read(s, consent_document, &consent, &why) == ERR_OK &&
        status_credential_read(s, list_document, &list, &why) == ERR_OK) {
        struct status_question q = { &list, &consent.c.status[0], list.c.issuer, SAMPLE_NOW, 0 };
        why = status_ask(&q, &set);
    }
    printf("%s%s\n", why != REFUSAL_NONE ? "refused " : set ? "set" : "clear", why ? refusal_code(why) : "");
    json_decref(consent_document);
    json_decref(list_document);
    return true;
}

static bool canonical(struct scope *s, const char *path)
{
    json_t *document = load(s, path);
    struct bytes text;

    if (document && canon(s, document, &text) == ERR_OK)
        fwrite(text.p, 1, text.len, stdout);
    json_decref(document);
    return true;
}

/* A third are any bits, a third powers of two, a third of the kind that people write. */
static bool numbers(uint64_t seed, uint64_t n)
{
    char text[NUMBER_TEXT_SIZE];

    for (uint64_t i = 0; i < n; i++) {
        uint64_t bits;
        double v;
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        bits = i % 3 == 1 ? seed & ~((UINT64_C(1) << 52) - 1) : seed;
        memcpy(&v, &bits, sizeof v);
        if (i % 3 == 2)
            v = (double)(int64_t)(seed >> 20) / (double)(1 + (seed & 1023)) / 1e6;
        if (!isfinite(v))
            continue;
        memcpy(&bits, &v, sizeof bits);
        number_write(v, text);
        printf("%016" PRIx64 " %s\n", bits, text);
    }
    return true;
}

static bool run(struct scope *s, int argc, char **argv)
{
    uint64_t seed, n;

    if (argc == 3 && strcmp(argv[1], "make") == 0)
        return make(s, argv[2]);
    if (argc == 3 && strcmp(argv[1], "canon") == 0)
        return canonical(s, argv[2]);
    if (argc == 3)
        return judge(s, argv[1], argv[2]);
    if (argc == 4 && strcmp(argv[1], "status") == 0)
        return status(s, argv[2], argv[3]);
    return argc == 4 && strcmp(argv[1], "numbers") == 0 &&
           decimal_read(argv[2], strlen(argv[2]), UINT64_MAX, &seed) &&
           decimal_read(argv[3], strlen(argv[3]), UINT32_MAX, &n) && numbers(seed, n);
}

int main(int argc, char **argv)
{
    struct scope s;
    bool good;

    keys_init();
    scope_init(&s, 0);
    good = run(&s, argc, argv);
    if (!good)
        fprintf(stderr, "ours: %s\n", s.why.code ? s.why.detail : "make DIR, KIND FILE, status CONSENT LIST, …");
    scope_free(&s);
    return good ? 0 : 1;
}
