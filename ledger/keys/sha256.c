/* SPDX-License-Identifier: Apache-2.0 */
#define OPENSSL_SUPPRESS_DEPRECATED     /* the low-level calls are deprecated, and five times as fast on a node */
#include "ledger/keys/sha256.h"

#include <assert.h>
#include <openssl/sha.h>

_Static_assert(sizeof(SHA256_CTX) <= sizeof(((struct sha256 *)0)->state), "a SHA256_CTX must fit");
_Static_assert(_Alignof(SHA256_CTX) <= _Alignof(struct sha256), "and be aligned");
_Static_assert(SHA256_DIGEST_LENGTH == HASH_SIZE, "a hash is a SHA-256");

static SHA256_CTX *context(struct sha256 *c)
{
    return (SHA256_CTX *)(void *)c->state;
}

void sha256_init(struct sha256 *c)
{
    int rc = SHA256_Init(context(c));

    assert(rc == 1);
}

void sha256_add(struct sha256 *c, const void *bytes, size_t len)
{
    int rc = len ? SHA256_Update(context(c), bytes, len) : 1;

    assert(rc == 1);
}

struct hash sha256_end(struct sha256 *c)
{
    struct hash h;
    int rc = SHA256_Final(h.b, context(c));

    assert(rc == 1);
    return h;
}

struct hash sha256_of(const void *bytes, size_t len)
{
    struct sha256 c;

    sha256_init(&c);
    sha256_add(&c, bytes, len);
    return sha256_end(&c);
}
