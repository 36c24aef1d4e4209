/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Codings, tags and ranges of RFC 9110, sections 12.5.3, 13 and 14. Pure; headers are as received. */
enum range_verdict {
    RANGE_WHOLE,      /* no range, not ours to read, or several: answer with all */
    RANGE_PART,
    RANGE_OUTSIDE     /* 416 */
};

enum range_verdict range_read(const char *header, uint64_t size, uint64_t *first, uint64_t *len);

/* Whether a list of tags ("*" too) has this one; weak comparison lets W/ in, strong doesn't. */
bool etag_listed(const char *header, const char *etag, bool weak);

/* Whether an Accept-Encoding lets this coding be sent; one that isn't named, nor "*", or has a weight of 0, may not. */
bool coding_taken(const char *header, const char *coding);
