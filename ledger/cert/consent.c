/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/cert/consent.h"

#include <string.h>

#include "ledger/cert/coverage.h"
#include "ledger/cert/envelope.h"
#include "ledger/entry/entry.h"
#include "schema/base/id.h"

#define METHOD_LIST "sha256-merkle-rfc6962"
#define METHOD_ONE  "sha256"

static const struct envelope_kind kind = { .type = CONSENT_TYPE, .ends = true, .evidence = true };

static const char *const assurances[ASSURANCES] = { "L0", "L1", "L3" };
const struct code_list assurance_codes = { assurances, ARRAY_LEN(assurances) };
static const char *const effects[EFFECTS] = { "delete_copies", "exclude_from_next_training", "no_new_access" };
const struct code_list effect_codes = { effects, ARRAY_LEN(effects) };
static const char *const evidences[EVIDENCES] = { "ChainOfTitle", "ConsentCapture", "ContractScan", "IdentityCheck",
                                                  "LivenessCheck" };
const struct code_list evidence_codes = { evidences, ARRAY_LEN(evidences) };

/* ---- reading ---- */

static err subject_read(const struct part *subject, struct consent *out)
{
    struct part p = part_member(subject, "id");
    struct id party;

    TRY(part_text(&p, &out->subject));
    out->subject_is_key = did_key_parse(out->subject, &out->subject_key);
    if (!out->subject_is_key && (strncmp(out->subject, PARTY_SUBJECT, strlen(PARTY_SUBJECT)) != 0 ||
                                 !id_parse(out->subject + strlen(PARTY_SUBJECT), "pty", &party)))
        return part_refuse(&p, REFUSAL_VALUE_INVALID, "a did:key, or " PARTY_SUBJECT "pty_…");
    if (out->assurance == ASSURANCE_L3 && strcmp(out->subject, out->c.issuer) != 0)
        return part_refuse(&p, REFUSAL_SUBJECT_OTHER, NULL);
    return ERR_OK;
}

static err grant_read(const struct part *p, struct consent *out)
{
    static const char *const names[] = { "purpose", "models", "territory", NULL };
    struct part purpose = part_member(p, "purpose"), models = part_member(p, "models");
    struct part territory = part_member(p, "territory");
    struct consent_grant *g = &out->grant[out->n_grants++];
    struct places places;

    TRY(part_object(p, names));
    TRY(part_code(&purpose, &purpose_codes, REFUSAL_PURPOSE_UNKNOWN, &g->purpose));
    if (out->purposes >> g->purpose & 1)
        return part_refuse(&purpose, REFUSAL_VALUE_INVALID, "one grant for each purpose");
    out->purposes |= UINT32_C(1) << g->purpose;
    TRY(part_codes(&models, &model_codes, REFUSAL_MODEL_UNKNOWN, 1, &g->models));
    TRY(part_places(&territory, &places));
    g->territories = places.code;
    g->n_territories = places.n;
    g->territory = places.all;
    return ERR_OK;
}

/* What a purpose is called among the prohibitions, and what it needs. */
static err grant_check(const struct part *grants, size_t i, const struct consent *c)
{
    struct part p = part_element(grants, i);
    const char *purpose = purpose_codes.code[c->grant[i].purpose];
    int prohibition = code_find(&prohibition_codes, purpose, strlen(purpose));

    if (prohibition >= 0 && c->prohibitions >> prohibition & 1)
        return part_refuse(&p, REFUSAL_GRANT_PROHIBITED, NULL);
    if (c->assurance != ASSURANCE_L3 && (strcmp(purpose, "voice_cloning") == 0 || strcmp(purpose, "likeness") == 0))
        return part_refuse(&p, REFUSAL_ASSURANCE_TOO_LOW, NULL);
    return ERR_OK;
}

static err grants_read(const struct part *subject, struct consent *out)
{
    struct part p = part_member(subject, "grants"), bans = part_member(subject, "prohibitions");
    size_t n;

    if (json_is_array(p.value) && json_array_size(p.value) == 0)
        return part_refuse(&p, REFUSAL_GRANTS_EMPTY, NULL);
    TRY(part_array(&p, 1, CONSENT_GRANTS_MAX, &n));
    for (size_t i = 0; i < n; i++) {
        struct part e = part_element(&p, i);
        TRY(grant_read(&e, out));
    }
    TRY(part_codes(&bans, &prohibition_codes, REFUSAL_PROHIBITION_UNKNOWN, 0, &out->prohibitions));
    for (size_t i = 0; i < n; i++)
        TRY(grant_check(&p, i, out));
    return ERR_OK;
}

static err coverage_read(const struct part *subject, struct consent_coverage *out)
{
    static const char *const of_list[] = { "method", "root", "item_count", NULL };
    static const char *const of_one[] = { "method", "sha256", "item_count", NULL };
    struct part p = part_member(subject, "coverage"), method = part_member(&p, "method");
    struct part root = part_member(&p, "root"), one = part_member(&p, "sha256"), count = part_member(&p, "item_count");
    const char *name = json_string_value(method.value);
    struct frontier tree = FRONTIER_EMPTY;

    out->single = name && strcmp(name, METHOD_ONE) == 0;
    if (!out->single && (!name || strcmp(name, METHOD_LIST) != 0))
        return part_refuse(&p, REFUSAL_COVERAGE_INVALID, NULL);
    TRY(part_object(&p, out->single ? of_one : of_list));
    TRY(part_count(&count, 1, out->single ? 1 : VERSION_ITEMS_MAX, &out->items));
    if (!out->single)
        return part_hash(&root, &out->root);
    TRY(part_hash(&one, &out->item));
    coverage_add(&tree, &out->item);
    out->root = frontier_root(&tree);
    return ERR_OK;
}

static err floor_read(const struct part *subject, struct consent_floor *out)
{
    static const char *const names[] = { "amount", "currency", "per", NULL };
    struct part p = part_member(subject, "compensation"), amount = part_member(&p, "amount");
    struct part currency = part_member(&p, "currency"), per = part_member(&p, "per");
    const char *code = json_string_value(currency.value), *text = json_string_value(amount.value);

    out->given = p.value != NULL;
    if (!out->given)
        return ERR_OK;
    TRY(part_object(&p, names));
    TRY(part_is(&per, REFUSAL_VALUE_INVALID, "item"));
    if (!code || strlen(code) != 3 || !currency_known(code))
        return part_refuse(&currency, REFUSAL_VALUE_INVALID, "a currency of ISO 4217");
    memcpy(out->currency, code, sizeof out->currency);
    if (!text || !money_parse(text, code, &out->micro))
        return part_refuse(&amount, REFUSAL_VALUE_INVALID, "an amount in its one text, such as \"0.50\"");
    return ERR_OK;
}

static err ending_read(const struct part *subject, struct consent *out)
{
    static const char *const names[] = { "effect", "notice_days", NULL };
    struct part p = part_member(subject, "withdrawal"), effect = part_member(&p, "effect");
    struct part notice = part_member(&p, "notice_days");
    uint64_t days;

    TRY(part_object(&p, names));
    TRY(part_codes(&effect, &effect_codes, REFUSAL_VALUE_INVALID, 1, &out->effects));
    if (!(out->effects >> EFFECT_NO_NEW_ACCESS & 1))
        return part_refuse(&effect, REFUSAL_VALUE_INVALID, "no_new_access is always an effect");
    TRY(part_count(&notice, 0, NOTICE_DAYS_MAX, &days));
    out->notice_days = (unsigned)days;
    return ERR_OK;
}

static err text_read(const struct part *subject, struct consent *out)
{
    static const char *const names[] = { "lang", "sha256", NULL };
    struct part p = part_member(subject, "text"), lang = part_member(&p, "lang"), sha256 = part_member(&p, "sha256");

    TRY(part_object(&p, names));
    TRY(part_text(&lang, &out->text_lang));
    if (strspn(out->text_lang, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") < 2 ||
        strspn(out->text_lang, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") !=
            strlen(out->text_lang))
        return part_refuse(&lang, REFUSAL_VALUE_INVALID, "a language tag such as \"en\"");
    return part_hash(&sha256, &out->text_sha256);
}

static err evidence_read(const struct part *p, struct consent_evidence *out)
{
    static const char *const names[] = { "type", "sha256", "?captured_at", NULL };
    struct part type = part_member(p, "type"), word = part_element(&type, 0), sha256 = part_member(p, "sha256");
    struct part at = part_member(p, "captured_at");
    size_t n;
    int which;

    TRY(part_object(p, names));
    TRY(part_array(&type, 1, 1, &n));
    TRY(part_code(&word, &evidence_codes, REFUSAL_EVIDENCE_UNKNOWN, &which));
    TRY(part_hash(&sha256, &out->sha256));
    out->kind = (enum evidence_kind)which;
    out->captured_at = -1;
    return at.value ? part_time(&at, &out->captured_at) : ERR_OK;
}

/* What each level needs; none: EVIDENCES. */
static const enum evidence_kind needed[ASSURANCES] = {
    [ASSURANCE_L0] = EVIDENCE_CONTRACT_SCAN, [ASSURANCE_L1] = EVIDENCE_CHAIN_OF_TITLE, [ASSURANCE_L3] = EVIDENCES,
};

static err evidence_list_read(const struct part *whole, struct consent *out)
{
    struct part p = part_member(whole, "evidence");
    bool found = needed[out->assurance] == EVIDENCES;

    if (p.value)
        TRY(part_array(&p, 1, CREDENTIAL_EVIDENCE_MAX, &out->n_evidence));
    for (size_t i = 0; i < out->n_evidence; i++) {
        struct part e = part_element(&p, i);
        TRY(evidence_read(&e, &out->evidence[i]));
        found = found || out->evidence[i].kind == needed[out->assurance];
    }
    if (!found)
        return part_refuse(&p, REFUSAL_EVIDENCE_MISSING, evidences[needed[out->assurance]]);
    return ERR_OK;
}

err consent_read(struct scope *s, const json_t *document, struct consent *out, enum refusal *why)
{
    static const char *const names[] = { "id", "role", "assurance_level", "grants", "prohibitions", "coverage",
                                         "?compensation", "withdrawal", "text", "salt", NULL };
    struct part whole = part_whole(s, why, document), subject = part_member(&whole, "credentialSubject");
    struct part role = part_member(&subject, "role"), level = part_member(&subject, "assurance_level");
    struct part salt = part_member(&subject, "salt");
    int assurance;

    *out = (struct consent){ 0 };
    TRY(envelope_read(&whole, &kind, &out->c));
    TRY(part_object(&subject, names));
    TRY(part_code(&role, &contributor_codes, REFUSAL_ROLE_UNKNOWN, &out->role));
    TRY(part_code(&level, &assurance_codes, REFUSAL_ASSURANCE_UNKNOWN, &assurance));
    out->assurance = (enum assurance)assurance;
    TRY(subject_read(&subject, out));
    TRY(grants_read(&subject, out));
    TRY(coverage_read(&subject, &out->coverage));
    TRY(floor_read(&subject, &out->floor));
    TRY(ending_read(&subject, out));
    TRY(text_read(&subject, out));
    TRY(part_salt(&salt, out->salt));
    return evidence_list_read(&whole, out);
}

/* ---- writing ---- */

static const char *code_at(const struct code_list *list, int i)
{
    return i >= 0 && (size_t)i < list->n ? list->code[i] : "";
}

static json_t *grants_json(const struct consent *w)
{
    json_t *grants = json_array();

    for (size_t i = 0; i < w->n_grants && i < CONSENT_GRANTS_MAX; i++) {
        const struct consent_grant *g = &w->grant[i];
        json_t *places = json_array();
        for (size_t j = 0; j < g->n_territories; j++)
            json_array_append_new(places, json_string(g->territories[j]));
        json_array_append_new(grants, json_pack("{s:s,s:o,s:o}", "purpose", code_at(&purpose_codes, g->purpose),
                                                "models", codes_json(&model_codes, g->models), "territory", places));
    }
    return grants;
}

static json_t *coverage_json(const struct consent_coverage *c)
{
    return json_pack("{s:s,s:o,s:I}", "method", c->single ? METHOD_ONE : METHOD_LIST, c->single ? "sha256" : "root",
                     hash_json(c->single ? &c->item : &c->root), "item_count",
                     (json_int_t)(c->single ? 1 : c->items));
}

static json_t *floor_json(const struct consent_floor *f)
{
    char amount[MONEY_TEXT_SIZE] = "";

    if (!f->given)
        return NULL;
    if (currency_known(f->currency))
        money_format(f->micro, f->currency, amount);
    return json_pack("{s:s,s:s,s:s}", "amount", amount, "currency", f->currency, "per", "item");
}

static json_t *evidence_json(const struct consent *w)
{
    json_t *list = w->n_evidence ? json_array() : NULL;

    for (size_t i = 0; i < w->n_evidence && i < CREDENTIAL_EVIDENCE_MAX; i++)
        json_array_append_new(list, json_pack("{s:[s],s:o,s:o*}", "type",
                                              code_at(&evidence_codes, (int)w->evidence[i].kind), "sha256",
                                              hash_json(&w->evidence[i].sha256), "captured_at",
                                              w->evidence[i].captured_at < 0 ? NULL
                                                                             : time_json(w->evidence[i].captured_at)));
    return list;
}

static json_t *subject_json(const struct consent *w, const char *issuer)
{
    return json_pack("{s:s,s:s,s:s,s:o,s:o,s:o,s:o*,s:{s:o,s:i},s:{s:s,s:o},s:o}", "id",
                     w->subject ? w->subject : issuer, "role", code_at(&contributor_codes, w->role),
                     "assurance_level", code_at(&assurance_codes, (int)w->assurance), "grants", grants_json(w),
                     "prohibitions", codes_json(&prohibition_codes, w->prohibitions), "coverage",
                     coverage_json(&w->coverage), "compensation", floor_json(&w->floor), "withdrawal", "effect",
                     codes_json(&effect_codes, w->effects), "notice_days", (int)w->notice_days, "text", "lang",
                     w->text_lang, "sha256", hash_json(&w->text_sha256), "salt", salt_json(w->salt));
}

err consent_sign(struct scope *s, const struct consent *wish, const struct secret_key *key, int64_t created_ms,
                 json_t **out, enum refusal *why)
{
    struct public_key public = secret_key_public(key);
    char issuer[DID_KEY_SIZE];
    struct consent again;
    json_t *document;
    err e;

    did_key(&public, issuer);
    *why = REFUSAL_MALFORMED;
    document = envelope_json(&kind, &wish->c, issuer, subject_json(wish, issuer), evidence_json(wish));
    if (!document)
        return fail(s, ERR_INVALID, "a consent could not be built of these texts");
    e = integrity_sign(s, document, key, created_ms, out);
    json_decref(document);
    TRY(e);
    e = consent_read(s, *out, &again, why);
    if (e != ERR_OK)
        json_decref(*out);
    return e;
}
