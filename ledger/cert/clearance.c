/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/cert/clearance.h"

#include <string.h>

#include "ledger/cert/envelope.h"
#include "ledger/entry/entry.h"

static const struct envelope_kind kind = { .type = CLEARANCE_TYPE, .ends = true };

static const char *const verdicts[CLEARANCE_VERDICTS] = { "cleared", "cleared_with_exclusions", "refused" };
const struct code_list clearance_verdict_codes = { verdicts, ARRAY_LEN(verdicts) };

/* ---- reading ---- */

static err items_read(const struct part *subject, struct clearance *out)
{
    static const char *const names[] = { "dataset", "version", "version_id", "slice_root", "item_count", NULL };
    struct part p = part_member(subject, "items"), dataset = part_member(&p, "dataset");
    struct part number = part_member(&p, "version"), id = part_member(&p, "version_id");
    struct part root = part_member(&p, "slice_root"), count = part_member(&p, "item_count");

    TRY(part_object(&p, names));
    TRY(part_text(&dataset, &out->dataset));
    TRY(part_count(&number, 1, ENTRY_COUNT_MAX, &out->version));
    TRY(part_id(&id, "", "ver", &out->version_id));
    TRY(part_hash(&root, &out->slice_root));
    return part_count(&count, 1, VERSION_ITEMS_MAX, &out->item_count);
}

static err use_read(const struct part *subject, struct clearance *out)
{
    static const char *const names[] = { "purpose", "territory", "model_class", "?project", NULL };
    struct part p = part_member(subject, "use"), purpose = part_member(&p, "purpose");
    struct part territory = part_member(&p, "territory"), model = part_member(&p, "model_class");
    struct part project = part_member(&p, "project");
    struct territory place;

    TRY(part_object(&p, names));
    TRY(part_code(&purpose, &purpose_codes, REFUSAL_PURPOSE_UNKNOWN, &out->purpose));
    TRY(part_text(&territory, &out->territory));
    if (!territory_parse(out->territory, &place))
        return part_refuse(&territory, REFUSAL_TERRITORY_UNKNOWN, NULL);
    TRY(part_code(&model, &model_codes, REFUSAL_MODEL_UNKNOWN, &out->model));
    return project.value ? part_text(&project, &out->project) : ERR_OK;
}

/* Counts by reason, each reason once; their sum. */
static err excluded_read(const struct part *subject, struct clearance *out, uint64_t *sum)
{
    static const char *const names[] = { "reason", "item_count", NULL };
    struct part p = part_member(subject, "excluded");
    size_t n;
    int which;

    _Static_assert(CLEARANCE_REASONS_MAX >= 23, "as many as there are reasons");
    *sum = 0;
    TRY(part_array(&p, 0, exclusion_codes.n, &n));
    for (size_t i = 0; i < n; i++) {
        struct part e = part_element(&p, i), reason = part_member(&e, "reason"), count = part_member(&e, "item_count");
        TRY(part_object(&e, names));
        TRY(part_code(&reason, &exclusion_codes, REFUSAL_REASON_UNKNOWN, &which));
        if (out->excluded[which])
            return part_refuse(&reason, REFUSAL_VALUE_INVALID, "it is there twice");
        TRY(part_count(&count, 1, VERSION_ITEMS_MAX, &out->excluded[which]));
        *sum += out->excluded[which];
    }
    return ERR_OK;
}

static enum clearance_verdict verdict_of(uint64_t cleared, uint64_t excluded)
{
    return cleared == 0 ? CLEARANCE_REFUSED : excluded == 0 ? CLEARANCE_CLEARED : CLEARANCE_EXCLUSIONS;
}

static err verdict_read(const struct part *subject, struct clearance *out)
{
    static const char *const names[] = { "item_count", "root", NULL };
    struct part p = part_member(subject, "verdict"), cleared = part_member(subject, "cleared");
    struct part count = part_member(&cleared, "item_count"), root = part_member(&cleared, "root");
    uint64_t excluded;
    int verdict;

    TRY(part_code(&p, &clearance_verdict_codes, REFUSAL_VERDICT_INVALID, &verdict));
    out->verdict = (enum clearance_verdict)verdict;
    TRY(part_object(&cleared, names));
    TRY(part_count(&count, 0, VERSION_ITEMS_MAX, &out->cleared));
    TRY(part_hash(&root, &out->cleared_root));
    TRY(excluded_read(subject, out, &excluded));
    if (out->cleared + excluded != out->item_count || out->verdict != verdict_of(out->cleared, excluded))
        return part_refuse(&p, REFUSAL_VERDICT_INVALID, NULL);
    return ERR_OK;
}

static err lists_read(const struct part *subject, struct clearance *out)
{
    static const char *const names[] = { "url", "sha256", "fetched_at", NULL };
    struct part p = part_member(subject, "status_lists");

    TRY(part_array(&p, 0, CREDENTIAL_LISTS_MAX, &out->n_lists));
    for (size_t i = 0; i < out->n_lists; i++) {
        struct part e = part_element(&p, i), url = part_member(&e, "url"), digest = part_member(&e, "sha256");
        struct part at = part_member(&e, "fetched_at");
        TRY(part_object(&e, names));
        TRY(part_url(&url, &out->list[i].url));
        TRY(part_hash(&digest, &out->list[i].sha256));
        TRY(part_time(&at, &out->list[i].fetched_at));
    }
    return ERR_OK;
}

static err decision_read(const struct part *subject, struct clearance *out)
{
    struct part id = part_member(subject, "id"), log = part_member(subject, "log");
    struct part as_of = part_member(subject, "as_of"), at = part_member(subject, "evaluated_at");
    struct part policy = part_member(subject, "policy_version"), rows = part_member(subject, "rows_root");

    TRY(part_id(&id, LICENSE_URN, "lic", &out->license));
    TRY(part_text(&log, &out->log));
    TRY(part_count(&as_of, 0, ENTRY_COUNT_MAX, &out->as_of));
    TRY(part_time(&at, &out->evaluated_at));
    TRY(part_count(&policy, 1, ENTRY_COUNT_MAX, &out->policy_version));
    return part_hash(&rows, &out->rows_root);
}

err clearance_read(struct scope *s, const json_t *document, struct clearance *out, enum refusal *why)
{
    static const char *const names[] = { "id", "log", "as_of", "evaluated_at", "policy_version", "items", "use",
                                         "verdict", "cleared", "excluded", "rows_root", "status_lists", "salt", NULL };
    struct part whole = part_whole(s, why, document), subject = part_member(&whole, "credentialSubject");
    struct part id = part_member(&whole, "id"), salt = part_member(&subject, "salt");

    *out = (struct clearance){ 0 };
    TRY(envelope_read(&whole, &kind, &out->c));
    TRY(part_id(&id, CLEARANCE_URN, "clr", &out->clearance));
    TRY(part_object(&subject, names));
    TRY(decision_read(&subject, out));
    TRY(items_read(&subject, out));
    TRY(use_read(&subject, out));
    TRY(verdict_read(&subject, out));
    TRY(lists_read(&subject, out));
    return part_salt(&salt, out->salt);
}

/* ---- writing ---- */

static json_t *excluded_json(const struct clearance *w, uint64_t *sum)
{
    json_t *list = json_array();

    *sum = 0;
    for (size_t i = 0; i < exclusion_codes.n; i++) {
        if (!w->excluded[i])
            continue;
        *sum += w->excluded[i];
        json_array_append_new(list, json_pack("{s:s,s:I}", "reason", exclusion_codes.code[i], "item_count",
                                              (json_int_t)w->excluded[i]));
    }
    return list;
}

static json_t *lists_json(const struct clearance *w)
{
    json_t *list = json_array();

    for (size_t i = 0; i < w->n_lists && i < CREDENTIAL_LISTS_MAX; i++)
        json_array_append_new(list, json_pack("{s:s,s:o,s:o}", "url", w->list[i].url, "sha256",
                                              hash_json(&w->list[i].sha256), "fetched_at",
                                              time_json(w->list[i].fetched_at)));
    return list;
}

static json_t *items_json(const struct clearance *w)
{
    return json_pack("{s:s,s:I,s:s,s:o,s:I}", "dataset", w->dataset, "version", (json_int_t)w->version, "version_id",
                     w->version_id, "slice_root", hash_json(&w->slice_root), "item_count", (json_int_t)w->item_count);
}

static json_t *use_json(const struct clearance *w)
{
    return json_pack("{s:s,s:s,s:s,s:s*}", "purpose", purpose_codes.code[w->purpose], "territory", w->territory,
                     "model_class", model_codes.code[w->model], "project", w->project);
}

static json_t *subject_json(struct scope *s, const struct clearance *w)
{
    uint64_t excluded;
    json_t *reasons = excluded_json(w, &excluded);

    return json_pack("{s:s,s:s,s:I,s:o,s:I,s:o,s:o,s:s,s:{s:I,s:o},s:o,s:o,s:o,s:o}", "id",
                     scope_printf(s, LICENSE_URN "%s", w->license), "log", w->log, "as_of", (json_int_t)w->as_of,
                     "evaluated_at", time_json(w->evaluated_at), "policy_version", (json_int_t)w->policy_version,
                     "items", items_json(w), "use", use_json(w), "verdict", verdicts[verdict_of(w->cleared, excluded)],
                     "cleared", "item_count", (json_int_t)w->cleared, "root", hash_json(&w->cleared_root), "excluded",
                     reasons, "rows_root", hash_json(&w->rows_root), "status_lists", lists_json(w), "salt",
                     salt_json(w->salt));
}

err clearance_json(struct scope *s, const struct clearance *w, const char *issuer, json_t **out)
{
    struct credential c = w->c;

    c.id = scope_printf(s, CLEARANCE_URN "%s", w->clearance);
    *out = envelope_json(&kind, &c, issuer, subject_json(s, w), NULL);
    return *out ? ERR_OK : fail(s, ERR_INVALID, "the clearance %s could not be built", w->clearance);
}
