/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/base/bytes.h"

/*
 * SHA-256 (FIPS 180-4) through libcrypto's low-level calls, the fastest on a
 * machine with SHA extensions (docs/decisions.md has the measurement).
 * Cannot fail. Reentrant.
 */
struct sha256 { _Alignas(8) unsigned char state[112]; };     /* opaque: a SHA256_CTX */

void        sha256_init(struct sha256 *c);
void        sha256_add(struct sha256 *c, const void *bytes, size_t len);
struct hash sha256_end(struct sha256 *c);
struct hash sha256_of(const void *bytes, size_t len);
struct hash sha256_marked(uint8_t mark, const void *bytes, size_t len);      /* of mark || bytes, as RFC 6962 has it */
