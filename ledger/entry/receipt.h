/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "schema/base/bytes.h"

/*
 * A receipt in one file: an entry with what is disclosed of it, as the market answers, and its tlog-proof.
 *
 *   {"document":{"index":N,"entry":{…},"disclosures":[…],…},"proof":"c2sp.org/tlog-proof@v1\n…"}
 *
 * Only taken apart here: what it proves is for the reader to check.
 */
#define RECEIPT_BYTES_MAX (1 << 20)          /* either part */

struct receipt_parts {
    struct bytes document;                   /* canonical JSON */
    struct bytes entry;                      /* its bytes in the log */
    struct bytes proof;                      /* the tlog-proof's text */
};

/* ERR_INVALID: it is none. */
err receipt_parts_read(struct scope *s, const char *text, size_t len, struct receipt_parts *out);
/* The file: canonical JSON and a newline. ERR_INVALID: `document` is no JSON. */
err receipt_parts_text(struct scope *s, struct bytes document, struct bytes proof, struct bytes *out);
