/* SPDX-License-Identifier: Apache-2.0 */
#include "api/license_document.h"

#include <string.h>

#include "api/show.h"
#include "ledger/entry/entry.h"
#include "ledger/keys/sha256.h"
#include "schema/base/random.h"
#include "schema/json/canon.h"

static json_t *text_digest(const char *text)
{
    struct hash h = sha256_of(text, strlen(text));

    return show_hash(&h);
}

static json_t *offer_part(const struct offer *o)
{
    return json_pack("{s:s,s:I,s:o,s:o,s:o}", "id", o->id.text, "revision", (json_int_t)o->revision, "terms_digest",
                     text_digest(o->terms), "split_digest", text_digest(o->split), "fee_digest", text_digest(o->fee));
}

static json_t *party_part(const struct id *id, const char *handle)
{
    return json_pack("{s:s,s:s}", "id", id->text, "handle", handle);
}

/* What is licensed: the version, and the slice of it. */
static json_t *items_part(const struct license *l)
{
    const struct sold_version *v = &l->version;

    return json_pack("{s:s,s:s,s:I,s:s,s:o,s:o,s:o,s:I}", "dataset", v->dataset, "dataset_id", v->dataset_id.text,
                     "version", (json_int_t)v->number, "version_id", v->id.text, "version_root", show_hash(&v->root),
                     "slice", show_json(l->slice), "slice_root", show_hash(&l->slice_root), "item_count",
                     (json_int_t)l->item_count);
}

/* What it may be used for, where and when. */
static json_t *use_part(const struct license *l)
{
    return json_pack("{s:s,s:s,s:o,s:o}", "purpose", l->purpose, "territory", l->territory, "from",
                     show_time(l->valid_from), "until", show_time(l->valid_until));
}

/* 128 bits that nobody can guess: the document's digest is public, and most of the rest could be guessed. */
static const char *salt_text(struct scope *s)
{
    uint8_t noise[SALT_SIZE];
    char *text = scope_alloc(s, BASE64_SIZE(SALT_SIZE), 1);

    random_bytes(noise, sizeof noise);
    base64url_write(noise, sizeof noise, text);
    return text;
}

static json_t *subject(struct scope *s, const struct license_facts *f)
{
    const struct license *l = f->license;

    return json_pack("{s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:s,s:o,s:o,s:s}", "license", l->id.text, "log", f->origin,
                     "quote", l->quote.text, "publisher", party_part(&l->publisher, l->publisher_handle), "buyer",
                     party_part(&l->buyer, l->buyer_handle), "offer", offer_part(f->offer), "items", items_part(l),
                     "use", use_part(l), "price", show_money(l->amount, l->currency), "payment", l->payment.text,
                     "granted_at", show_time(l->granted_at), "terms", show_json(f->offer->terms), "salt", salt_text(s));
}

err license_document(struct scope *s, const struct license_facts *f, struct bytes *out)
{
    const struct license *l = f->license;
    json_t *document = json_pack(
        "{s:[s],s:s,s:[s,s],s:s,s:o,s:o,s:o}", "@context", "https://www.w3.org/ns/credentials/v2", "id",
        scope_printf(s, LICENSE_URN "%s", l->id.text), "type", "VerifiableCredential",
        LICENSE_TYPE, "issuer", f->issuer, "validFrom", show_time(l->valid_from), "validUntil",
        show_time(l->valid_until), "credentialSubject", subject(s, f));
    err e;

    if (!document)
        return fail(s, ERR_INTERNAL, "the document of %s could not be built", l->id.text);
    e = canon(s, document, out);
    json_decref(document);
    return e;
}
