/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/client/market.h"
#include "api/client/verb.h"

/*
 * counterfoil certificate: what a certifier signs about a dataset version, where it goes, and what stood behind an
 * item. A signed certificate is one file of canonical JSON, as it is posted.
 */
struct certificate_options {
    struct texts criteria;
    const char *key, *passphrase_file, *dataset, *version, *scheme, *from, *until, *at, *out;
    bool json;
};

err certificate_sign_run(struct scope *s, const struct certificate_options *o);
