/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/base/bytes.h"

/*
 * GZIP (RFC 1952), for status lists and for bundles of entries on their way. The one file that touches zlib.
 * What is unpacked is exactly one member, nothing behind it, and never more than `max` bytes: a text that would
 * unfold to more is given up when it does. False: no such GZIP, or more. Packing gives no time and no name.
 */
enum gzip_effort { GZIP_FAST = 1, GZIP_SMALL = 9 };      /* levels of zlib */
struct bytes gzip_pack(struct scope *s, const void *bytes, size_t len, enum gzip_effort effort);
bool gzip_unpack(struct scope *s, const void *packed, size_t len, size_t max, struct bytes *out);
