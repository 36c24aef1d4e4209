/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/entry/codes.h"

#include <string.h>

#include "schema/base/scope.h"

static const char *const roles[] = { "auditor", "buyer", "certifier", "creator", "operator", "publisher" };
static const char *const purposes[] = {
    "data_mining", "evaluation", "finetuning", "indexing", "likeness", "pretraining", "retrieval", "synthetic_data",
    "voice_cloning",
};
static const char *const prohibitions[] = {
    "biometric_identification", "data_mining", "evaluation", "finetuning", "indexing", "likeness", "pretraining",
    "retrieval", "synthetic_data", "voice_cloning",
};
static const char *const models[] = { "discriminative", "embedding", "generative" };
static const char *const exclusions[] = {
    "consent_ends_early", "consent_expired", "consent_missing", "consent_not_begun", "consent_revoked",
    "consent_suspended", "content_missing", "content_unverified", "hash_mismatch", "item_not_paid",
    "key_compromised", "license_not_live", "model_not_granted", "opt_out_veto", "prohibited",
    "purpose_not_granted", "purpose_not_licensed", "role_missing", "root_mismatch", "signature_invalid",
    "status_list_stale", "territory_not_granted", "territory_not_licensed", "verification_stale",
};
static const char *const verifications[] = { "corrupt", "missing", "verified" };
static const char *const endings[] = { "ended_by_buyer", "ended_by_publisher", "expired", "operator" };
static const char *const erasures[] = { "inactive", "order", "request" };
static const char *const withdrawals[] = { "certifier", "creator", "holder", "operator" };
static const char *const contributions[] = {
    "annotator", "author", "composer", "depicted", "editor", "guardian", "performer", "photographer", "producer",
    "publisher", "translator",
};
static const char *const tariffs[] = { "per_item" };

const struct code_list role_codes = { roles, ARRAY_LEN(roles) };
const struct code_list purpose_codes = { purposes, ARRAY_LEN(purposes) };
const struct code_list prohibition_codes = { prohibitions, ARRAY_LEN(prohibitions) };
const struct code_list model_codes = { models, ARRAY_LEN(models) };
const struct code_list exclusion_codes = { exclusions, ARRAY_LEN(exclusions) };
const struct code_list verification_codes = { verifications, ARRAY_LEN(verifications) };
const struct code_list ending_codes = { endings, ARRAY_LEN(endings) };
const struct code_list erasure_codes = { erasures, ARRAY_LEN(erasures) };
const struct code_list withdrawal_codes = { withdrawals, ARRAY_LEN(withdrawals) };
const struct code_list tariff_codes = { tariffs, ARRAY_LEN(tariffs) };
const struct code_list contributor_codes = { contributions, ARRAY_LEN(contributions) };

int code_find(const struct code_list *list, const char *code, size_t len)
{
    for (size_t i = 0; i < list->n; i++)
        if (strlen(list->code[i]) == len && memcmp(list->code[i], code, len) == 0)
            return (int)i;
    return -1;
}

bool code_known(const struct code_list *list, const char *code)
{
    return code_find(list, code, strlen(code)) >= 0;
}
