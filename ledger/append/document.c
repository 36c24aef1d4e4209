/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ledger/append/state.h"
#include "ledger/cert/credential.h"
#include "schema/store/entry.h"
#include "schema/store/signed_document.h"

/* What the signer gave is the document that was asked for, with proofs that hold. */
static err signed_check(struct scope *s, const struct hash *hash, struct bytes text)
{
    struct integrities all;
    enum refusal why;
    struct hash bare;
    json_t *document;
    err e;

    TRY(document_read(s, (const char *)text.p, text.len, &document, &why));
    e = integrity_verify(s, document, &all, &why);
    if (e == ERR_OK)
        e = document_digest(s, document, false, &bare);
    json_decref(document);
    TRY(e);
    return hash_equal(&bare, hash) ? ERR_OK : fail(s, ERR_CORRUPT, "the signer has signed another document");
}

static err document_sign(struct scope *s, struct append *a, struct db *db, const struct hash *hash, uint64_t index,
                         struct bytes *out)
{
    struct append_signed covering = append_signed(s, a);
    const struct hash_source source = append_proof_source(s, a, db);
    struct entry_row entry;
    struct bytes document;
    struct proof proof;
    struct signer g;
    err e;

    if (!a->signer_socket)
        return fail(s, ERR_UNREACHABLE, "this process asks no signer (COUNTERFOIL_SIGNER)");
    if (index >= covering.size)
        return fail(s, ERR_BUSY, "entry %llu is not signed for yet", (unsigned long long)index);
    TRY(entry_get(s, db, index, &entry));
    TRY(document_get(s, db, hash, &document));
    TRY(proof_inclusion(s, &source, index, covering.size, &proof));
    signer_init(&g, a->signer_socket);
    e = signer_document(s, &g, document, entry.bytes, tlog_proof_text(s, index, &proof, covering.note), out);
    signer_close(&g);
    TRY(e);
    return signed_check(s, hash, *out);
}

err append_document_signed(struct scope *s, struct append *a, struct db *db, const struct hash *hash, uint64_t index,
                           struct bytes *out)
{
    err e = signed_document_get(s, db, hash, out);

    if (e != ERR_NOT_FOUND)
        return e;
    scope_forgive(s);
    TRY(document_sign(s, a, db, hash, index, out));
    return signed_document_add(s, db, hash, *out);
}
