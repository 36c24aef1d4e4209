/* SPDX-License-Identifier: Apache-2.0 */
/* Property: a document that verifies stops doing so when anything is added to it, and its keys read back. */
#include "tests/unit/ledger/cert/samples.h"

static void check(struct scope *s, json_t *document, const struct integrities *proofs)
{
    struct integrities again;
    struct public_key key;
    enum refusal why;

    for (size_t i = 0; i < proofs->n; i++)
        if (!did_key_parse(proofs->proof[i].did, &key) || memcmp(&key, &proofs->proof[i].key, sizeof key) != 0)
            abort();
    if (json_object_set_new(document, "\x7f", json_true()) != 0 ||
        integrity_verify(s, document, &again, &why) == ERR_OK || why == REFUSAL_NONE)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scope s;
    struct integrities proofs;
    enum refusal why;
    json_t *document;

    scope_init(&s, 0);
    if (document_read(&s, (const char *)data, size, &document, &why) == ERR_OK) {
        if (integrity_verify(&s, document, &proofs, &why) == ERR_OK)
            check(&s, document, &proofs);
        else if (why == REFUSAL_NONE || s.why.code == ERR_OK)
            abort();
        json_decref(document);
    } else if (why != REFUSAL_MALFORMED) {
        abort();
    }
    scope_free(&s);
    return 0;
}
