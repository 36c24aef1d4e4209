/* SPDX-License-Identifier: Apache-2.0 */
/* Property: a text that is read is the one that is written, for base58btc, did:key and its method. */
#include <stdlib.h>
#include <string.h>

#include "ledger/cert/did.h"
#include "ledger/keys/base58.h"

static void check_did(const char *text)
{
    char did[DID_KEY_SIZE], method[DID_METHOD_SIZE];
    struct public_key key;

    if (did_key_parse(text, &key)) {
        did_key(&key, did);
        if (strcmp(did, text) != 0)
            abort();
    }
    if (did_key_method_parse(text, &key)) {
        did_key_method(&key, method);
        if (strcmp(method, text) != 0)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t bytes[BASE58_BYTES_MAX];
    char text[BASE58_SIZE(BASE58_BYTES_MAX)];
    char *copy = strndup((const char *)data, size);

    for (size_t n = 0; n <= sizeof bytes; n++)
        if (base58_read((const char *)data, size, bytes, n) &&
            (base58_write(bytes, n, text) != size || memcmp(text, data, size) != 0))
            abort();
    if (size <= sizeof bytes && (base58_write(data, size, text) >= sizeof text ||
                                 !base58_read(text, strlen(text), bytes, size) || memcmp(bytes, data, size) != 0))
        abort();
    check_did(copy);
    free(copy);
    return 0;
}
