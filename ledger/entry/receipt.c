/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/entry/receipt.h"

#include <string.h>

#include "schema/json/canon.h"

static const struct json_rules any = { .string_max = RECEIPT_BYTES_MAX, .any_number = true };

static err parts_of(struct scope *s, const json_t *kept, struct receipt_parts *out)
{
    const json_t *document = json_object_get(kept, "document"), *entry = json_object_get(document, "entry");
    const char *proof = json_string_value(json_object_get(kept, "proof"));

    if (!json_is_object(entry) || !proof)
        return fail(s, ERR_INVALID, "not a receipt: an object with document, its entry in it, and proof");
    TRY(canon(s, document, &out->document));
    TRY(canon(s, entry, &out->entry));
    out->proof = (struct bytes){ (const uint8_t *)scope_strdup(s, proof), strlen(proof) };
    return ERR_OK;
}

err receipt_parts_read(struct scope *s, const char *text, size_t len, struct receipt_parts *out)
{
    json_t *kept = NULL;
    err e = json_read_as(s, text, len, any, &kept);

    if (e == ERR_OK)
        e = parts_of(s, kept, out);
    json_decref(kept);
    return e == ERR_OK ? ERR_OK : ERR_INVALID;
}

err receipt_parts_text(struct scope *s, struct bytes document, struct bytes proof, struct bytes *out)
{
    json_t *parsed = NULL, *kept;
    struct buf b = BUF(s);
    struct bytes text;
    err e;

    TRY(json_read_as(s, (const char *)document.p, document.len, any, &parsed));
    kept = json_pack("{s:o,s:s%}", "document", parsed, "proof", (const char *)proof.p, proof.len);
    if (!kept)
        return fail(s, ERR_INVALID, "the proof is no text");
    e = canon(s, kept, &text);
    json_decref(kept);
    TRY(e);
    buf_add(&b, text.p, text.len);
    buf_char(&b, '\n');
    *out = (struct bytes){ (const uint8_t *)b.p, b.len };
    return ERR_OK;
}
