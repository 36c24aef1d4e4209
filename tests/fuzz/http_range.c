/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Property: a range that is granted lies in the file and is not empty; tags and codings never read beyond their header,
 * and a coding that is not in it is not taken.
 */
#include <stdlib.h>
#include <string.h>

#include "api/http/range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t length = 0, first = 0, len = 0;
    char *header;

    if (size < 8)
        return 0;
    memcpy(&length, data, 8);
    if (data[0] & 1)
        length %= 100;
    header = malloc(size - 8 + 7);
    if (!header)
        abort();
    memcpy(header, "bytes=", 6);
    memcpy(header + 6, data + 8, size - 8);
    header[size - 8 + 6] = '\0';
    if (range_read(header, length, &first, &len) == RANGE_PART && (len == 0 || first >= length || len > length - first))
        abort();
    if (etag_listed(header + 6, "\"a\"", false) && !etag_listed(header + 6, "\"a\"", true))
        abort();
    if (coding_taken(header + 6, "gzip") && !strcasestr(header + 6, "gzip") && !strchr(header + 6, '*'))
        abort();
    free(header);
    return 0;
}
