/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/rules/terms.h"

#include <assert.h>
#include <string.h>

#include "ledger/entry/codes.h"
#include "ledger/rules/terms_text.h"
#include "schema/base/clock.h"
#include "schema/json/canon.h"

static const struct purpose_words words[] = {
    { "odrl:data-mining",                      "data mining" },
    { "urn:counterfoil:action:evaluation",     "evaluation" },
    { "odrl:ai-training",                      "fine-tuning" },
    { "odrl:index",                            "indexing" },
    { "urn:counterfoil:action:likeness",       "imitating a likeness" },
    { "odrl:gen-ai",                           "pretraining" },
    { "odrl:ai-augment",                       "retrieval" },
    { "urn:counterfoil:action:synthetic-data", "generating synthetic data" },
    { "urn:counterfoil:action:voice-cloning",  "voice cloning" },
};

const struct purpose_words *purpose_words(int purpose)
{
    assert(purpose_codes.n == ARRAY_LEN(words) && purpose >= 0 && (size_t)purpose < ARRAY_LEN(words));
    return &words[purpose];
}

static const struct { err error; const char *code, *sentence; } verdicts[TERMS_VERDICTS] = {
#define TERMS(id, error_, code_, sentence_) [TERMS_##id] = { error_, code_, sentence_ },
#include "ledger/rules/terms.def"
};

err terms_error(enum terms_verdict v)
{
    assert(v < TERMS_VERDICTS);
    return verdicts[v].error;
}

const char *terms_code(enum terms_verdict v)   { return verdicts[v].code; }
const char *terms_reason(enum terms_verdict v) { return verdicts[v].sentence; }

enum terms_verdict terms_decide(const struct terms *t, const char *purpose, const char *territory,
                                int64_t from, int64_t until, int64_t now)
{
    int code = code_find(&purpose_codes, purpose, strlen(purpose));
    struct territory place;

    if (from >= until)
        return TERMS_PERIOD_EMPTY;
    if (until <= now)
        return TERMS_PERIOD_OVER;
    if (code < 0 || !(t->purposes >> code & 1))
        return TERMS_PURPOSE_NOT_GRANTED;
    if (!territory_parse(territory, &place) || !territory_within(&place, &t->territory))
        return TERMS_TERRITORY_NOT_GRANTED;
    if (until > t->until)
        return TERMS_TERM_NOT_GRANTED;
    return TERMS_GRANTED;
}

static void print_list(struct buf *b, const char *const *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_str(b, i == 0 ? "" : i + 1 == n ? " and " : ", ");
        buf_str(b, items[i]);
    }
}

char *terms_sentence(struct scope *s, const struct terms *t)
{
    const char *purposes[ARRAY_LEN(words)];
    char until[TIME_TEXT_SIZE];
    struct buf b = BUF(s);
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (t->purposes >> i & 1)
            purposes[n++] = words[i].words;
    time_format(t->until, until);
    buf_str(&b, "Permits ");
    print_list(&b, purposes, n);
    buf_str(&b, " in ");
    print_list(&b, (const char *const *)t->territories, t->n_territories);
    buf_printf(&b, " until %s, and nothing else.", until);
    return b.p;
}

bool iri_valid(const char *text)
{
    size_t len = strnlen(text, TERMS_IRI_MAX + 1);
    const char *colon = strchr(text, ':');

    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] <= ' ' || strchr("<>\"{}|\\^`", text[i]))
            return false;
    return len <= TERMS_IRI_MAX && utf8_valid(text, len) && colon && colon > text && colon[1];
}

static err wish_check(struct scope *s, const struct terms_wish *w)
{
    struct territory place;

    if (w->n_purposes == 0 || w->n_territories == 0 || w->n_territories > TERMS_PLACES_MAX)
        return fail(s, ERR_INVALID, "terms need a purpose and a territory");
    for (size_t i = 0; i < w->n_purposes; i++)
        if (!code_known(&purpose_codes, w->purposes[i]))
            return fail(s, ERR_INVALID, "%s is not a purpose", w->purposes[i]);
    for (size_t i = 0; i < w->n_territories; i++)
        if (!territory_parse(w->territories[i], &place))
            return fail(s, ERR_INVALID, "%s is not a territory: WORLD, EU or a country such as DE", w->territories[i]);
    if (!iri_valid(w->assigner) || !iri_valid(w->target))
        return fail(s, ERR_INVALID, "assigner and target must be IRIs");
    return ERR_OK;
}

static void add_list(struct buf *b, const char *const *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_char(b, i ? ',' : '[');
        canon_string(b, items[i], strlen(items[i]));
    }
    buf_char(b, ']');
}

err terms_write(struct scope *s, const struct terms_wish *w, char **out)
{
    char hex[HEX_SIZE(TERMS_UID_RANDOM)], until[TIME_TEXT_SIZE];
    struct buf b = BUF(s);
    json_t *policy;
    struct terms check;
    err e;

    TRY(wish_check(s, w));
    hex_write(w->random, TERMS_UID_RANDOM, hex);
    time_format(w->until, until);
    buf_str(&b, "{\"@context\":[\"" TERMS_CONTEXT "\"],\"@type\":\"" TERMS_TYPE "\","
                "\"conflict\":\"" TERMS_CONFLICT "\",\"permission\":[{\"action\":");
    for (size_t i = 0; i < w->n_purposes; i++)
        buf_printf(&b, "%c\"%s\"", i ? ',' : '[',
                   purpose_words(code_find(&purpose_codes, w->purposes[i], strlen(w->purposes[i])))->action);
    buf_str(&b, "],\"assigner\":");
    canon_string(&b, w->assigner, strlen(w->assigner));
    buf_str(&b, ",\"constraint\":[{\"leftOperand\":\"purpose\",\"operator\":\"isAnyOf\",\"rightOperand\":");
    add_list(&b, w->purposes, w->n_purposes);
    buf_str(&b, "},{\"leftOperand\":\"spatial\",\"operator\":\"isAnyOf\",\"rightOperand\":");
    add_list(&b, w->territories, w->n_territories);
    buf_printf(&b, "},{\"leftOperand\":\"dateTime\",\"operator\":\"lt\",\"rightOperand\":{\"@type\":\"xsd:dateTime\","
                   "\"@value\":\"%s\"}}],\"target\":", until);
    canon_string(&b, w->target, strlen(w->target));
    buf_printf(&b, "}],\"profile\":\"" TERMS_PROFILE "\",\"uid\":\"" TERMS_UID_PREFIX "%s\"}", hex);

    TRY(json_read(s, b.p, b.len, &policy));
    e = terms_read(s, policy, "", &check);            /* repeats, for one, are refused there */
    json_decref(policy);
    *out = b.p;
    return e;
}
