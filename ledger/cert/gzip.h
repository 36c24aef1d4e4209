/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/base/bytes.h"

/*
 * GZIP (RFC 1952) through zlib, for status lists. Private to ledger/cert, the one room that touches zlib.
 * What is unpacked is exactly one member, nothing behind it, and never more than `max` bytes: a text that would
 * unfold to more is given up when it does. False: no such GZIP, or more. Packing gives no time and no name.
 */
struct bytes gzip_pack(struct scope *s, const void *bytes, size_t len);
bool gzip_unpack(struct scope *s, const void *packed, size_t len, size_t max, struct bytes *out);
