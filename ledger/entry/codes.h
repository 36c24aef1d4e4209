/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * The closed lists of codes that entries may carry, each sorted by bytes.
 * A list never loses a code for a rules version that was ever used.
 */
struct code_list { const char *const *code; size_t n; };

extern const struct code_list role_codes;          /* auditor, buyer, … */
extern const struct code_list purpose_codes;       /* data_mining, evaluation, … */
extern const struct code_list prohibition_codes;   /* what a consent may rule out: the purposes, and more */
extern const struct code_list model_codes;         /* classes of models: discriminative, embedding, generative */
extern const struct code_list exclusion_codes;     /* why a clearance leaves an item out: verdict.def's codes */
extern const struct code_list verification_codes;  /* corrupt, missing, verified */
extern const struct code_list ending_codes;        /* why a license ended: ended_by_buyer, … */
extern const struct code_list withdrawal_codes;
extern const struct code_list erasure_codes;    /* who ended a consent or certificate: certifier, creator, … */
extern const struct code_list contributor_codes;   /* what somebody did for an item: author, … (under details roots) */
extern const struct code_list tariff_codes;        /* what an offer's amount is for, if not the whole slice: per_item */

/* Place in the list, or -1. `code` need not end in NUL. */
int code_find(const struct code_list *list, const char *code, size_t len);
/* NUL-terminated form. */
bool code_known(const struct code_list *list, const char *code);
