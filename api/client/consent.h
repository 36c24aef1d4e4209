/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/client/market.h"
#include "api/client/verb.h"
#include "ledger/entry/codes.h"

/*
 * counterfoil consent: what a creator signs with her own key, and where it goes. A signed consent is one file of JSON
 * Lines, as it is posted: the certificate, then {"sha256":"…"} of each item that it covers, sorted.
 */
struct consent_options {
    struct texts purposes, models, territories, prohibitions;
    const char *key, *passphrase_file, *role, *from, *until, *notice_days, *text, *lang;
    const char *list, *folder, *dataset, *version, *path, *out;
    bool wait, json;
};

/* Its place in the list; else says which words there are. */
err consent_code(struct scope *s, const struct code_list *list, const char *what, const char *code, int *out);
err consent_sign_run(struct scope *s, const struct consent_options *o);
err consent_needed(struct scope *s, const struct consent_options *o, struct market *m, const char *unused);

/* What is covered, sorted and each once. */
struct covered { struct hash *item; size_t n, cap; };
err  covered_gather(struct scope *s, const struct consent_options *o, struct covered *out);
void covered_free(struct covered *c);
