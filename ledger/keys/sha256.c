/* SPDX-License-Identifier: Apache-2.0 */
#define OPENSSL_SUPPRESS_DEPRECATED     /* the low-level calls are deprecated, and five times as fast on a node */
#include "ledger/keys/sha256.h"

#include <assert.h>
#include <openssl/sha.h>
#include <string.h>

#include "schema/base/scope.h"

#define SHORT_BLOCKS 16

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

/*
 * Padded by us, a short message is one call over whole blocks and no copy into the context: an eighth less for a node
 * of a tree. SHA256_Final() would only add the padding, which is in the blocks already.
 */
struct hash sha256_marked(uint8_t mark, const void *bytes, size_t len)
{
    uint8_t padded[SHORT_BLOCKS * SHA256_CBLOCK];
    size_t end = (1 + len + 1 + 8 + SHA256_CBLOCK - 1) / SHA256_CBLOCK * SHA256_CBLOCK;
    struct sha256 c;
    struct hash h;

    sha256_init(&c);
    if (len > sizeof padded - 10) {
        sha256_add(&c, &mark, 1);
        sha256_add(&c, bytes, len);
        return sha256_end(&c);
    }
    padded[0] = mark;
    if (len)
        memcpy(padded + 1, bytes, len);
    padded[1 + len] = 0x80;
    memset(padded + 1 + len + 1, 0, end - 1 - len - 1);
    be64_write(padded + end - 8, (1 + (uint64_t)len) * 8);
    sha256_add(&c, padded, end);
    for (size_t i = 0; i < ARRAY_LEN(context(&c)->h); i++)
        be32_write(h.b + 4 * i, context(&c)->h[i]);
    return h;
}
