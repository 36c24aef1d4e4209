/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "schema/base/bytes.h"

/*
 * One line of a draft's items. What is in it is committed to by the version's roots for good, so it is checked here
 * to the last member: {path, sha256, size, media_type?, attributes?, contributors?: [{party, role, weight}]}.
 */
struct item_line {
    const char *path;             /* borrowed from the object */
    const char *media_type;       /* "application/octet-stream" if none is given */
    struct hash sha256;
    int64_t size;
    const char *attributes, *contributors;      /* canonical JSON, in the scope; "{}", "[]" */
};

/* ERR_INVALID, ERR_TOO_LARGE with a pointer into the line. */
err item_line_read(struct scope *s, json_t *line, struct item_line *out);
