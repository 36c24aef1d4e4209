/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/cert/license.h"

#include <string.h>

#include "ledger/cert/envelope.h"
#include "ledger/entry/entry.h"
#include "ledger/keys/sha256.h"
#include "schema/base/money.h"
#include "schema/json/canon.h"

static const struct envelope_kind kind = { .type = LICENSE_TYPE, .ends = true, .bare = true };

static err side_read(const struct part *subject, const char *name, struct license_side *out)
{
    static const char *const names[] = { "id", "handle", NULL };
    struct part p = part_member(subject, name), id = part_member(&p, "id"), handle = part_member(&p, "handle");

    TRY(part_object(&p, names));
    TRY(part_id(&id, "", "pty", &out->id));
    return part_text(&handle, &out->handle);
}

static err offer_read(const struct part *subject, struct data_license *out)
{
    static const char *const names[] = { "id", "revision", "terms_digest", "split_digest", "fee_digest", NULL };
    struct part p = part_member(subject, "offer"), id = part_member(&p, "id");
    struct part revision = part_member(&p, "revision"), terms = part_member(&p, "terms_digest");
    struct part split = part_member(&p, "split_digest"), fee = part_member(&p, "fee_digest");

    TRY(part_object(&p, names));
    TRY(part_id(&id, "", "ofr", &out->offer));
    TRY(part_count(&revision, 1, ENTRY_COUNT_MAX, &out->revision));
    TRY(part_hash(&terms, &out->terms_digest));
    TRY(part_hash(&split, &out->split_digest));
    return part_hash(&fee, &out->fee_digest);
}

static err object_read(const struct part *p)
{
    return json_is_object(p->value) ? ERR_OK : part_refuse(p, REFUSAL_VALUE_INVALID, "an object");
}

static err items_read(const struct part *subject, struct data_license *out)
{
    static const char *const names[] = { "dataset", "dataset_id", "version", "version_id", "version_root", "slice",
                                         "slice_root", "item_count", NULL };
    struct part p = part_member(subject, "items"), dataset = part_member(&p, "dataset");
    struct part dataset_id = part_member(&p, "dataset_id"), number = part_member(&p, "version");
    struct part id = part_member(&p, "version_id"), root = part_member(&p, "version_root");
    struct part slice = part_member(&p, "slice"), slice_root = part_member(&p, "slice_root");
    struct part count = part_member(&p, "item_count");

    TRY(part_object(&p, names));
    TRY(part_text(&dataset, &out->dataset));
    TRY(part_id(&dataset_id, "", "dts", &out->dataset_id));
    TRY(part_count(&number, 1, ENTRY_COUNT_MAX, &out->version));
    TRY(part_id(&id, "", "ver", &out->version_id));
    TRY(part_hash(&root, &out->version_root));
    TRY(object_read(&slice));
    TRY(part_hash(&slice_root, &out->slice_root));
    return part_count(&count, 1, VERSION_ITEMS_MAX, &out->item_count);
}

/* An instant of `use`, which is one of the validity. */
static err instant_read(const struct part *use, const char *name, int64_t same)
{
    struct part p = part_member(use, name);
    int64_t at;

    TRY(part_time(&p, &at));
    return at == same ? ERR_OK : part_refuse(&p, REFUSAL_VALIDITY_INVALID, "another instant than of its validity");
}

static err use_read(const struct part *subject, struct data_license *out)
{
    static const char *const names[] = { "purpose", "territory", "from", "until", NULL };
    struct part p = part_member(subject, "use"), purpose = part_member(&p, "purpose");
    struct part territory = part_member(&p, "territory");
    struct territory place;

    TRY(part_object(&p, names));
    TRY(part_code(&purpose, &purpose_codes, REFUSAL_PURPOSE_UNKNOWN, &out->purpose));
    TRY(part_text(&territory, &out->territory));
    if (!territory_parse(out->territory, &place))
        return part_refuse(&territory, REFUSAL_TERRITORY_UNKNOWN, NULL);
    TRY(instant_read(&p, "from", out->c.valid_from));
    return instant_read(&p, "until", out->c.valid_until);
}

static err price_read(const struct part *subject, struct data_license *out)
{
    static const char *const names[] = { "amount", "currency", NULL };
    struct part p = part_member(subject, "price"), amount = part_member(&p, "amount");
    struct part currency = part_member(&p, "currency");
    int64_t micro;

    TRY(part_object(&p, names));
    TRY(part_text(&amount, &out->amount));
    TRY(part_text(&currency, &out->currency));
    if (!currency_known(out->currency))
        return part_refuse(&currency, REFUSAL_VALUE_INVALID, "a currency of ISO 4217");
    if (!money_parse(out->amount, out->currency, &micro) || micro < 0)
        return part_refuse(&amount, REFUSAL_VALUE_INVALID, "an amount of its currency");
    return ERR_OK;
}

/* The words that were agreed are those whose digest the offer has, and the log with it. */
static err terms_read(const struct part *subject, const struct data_license *out)
{
    struct part p = part_member(subject, "terms");
    struct bytes text;
    struct hash h;

    TRY(object_read(&p));
    if (canon(p.s, p.value, &text) != ERR_OK) {
        scope_forgive(p.s);
        return part_refuse(&p, REFUSAL_VALUE_INVALID, "JSON with a canonical form");
    }
    h = sha256_of(text.p, text.len);
    return hash_equal(&h, &out->terms_digest) ? ERR_OK
         : part_refuse(&p, REFUSAL_VALUE_INVALID, "the terms whose digest offer.terms_digest is");
}

err data_license_read(struct scope *s, const json_t *document, struct data_license *out, enum refusal *why)
{
    static const char *const names[] = { "license", "log", "quote", "publisher", "buyer", "offer", "items", "use",
                                         "price", "payment", "granted_at", "terms", "salt", NULL };
    struct part whole = part_whole(s, why, document), subject = part_member(&whole, "credentialSubject");
    struct part id = part_member(&whole, "id"), license = part_member(&subject, "license");
    struct part log = part_member(&subject, "log"), quote = part_member(&subject, "quote");
    struct part payment = part_member(&subject, "payment"), at = part_member(&subject, "granted_at");
    struct part salt = part_member(&subject, "salt");
    const char *again;

    *out = (struct data_license){ 0 };
    TRY(envelope_read(&whole, &kind, &out->c));
    TRY(part_id(&id, LICENSE_URN, "lic", &out->license));
    TRY(part_object(&subject, names));
    TRY(part_id(&license, "", "lic", &again));
    if (strcmp(again, out->license) != 0)
        return part_refuse(&license, REFUSAL_VALUE_INVALID, "the license of the document's id");
    TRY(part_text(&log, &out->log));
    TRY(part_id(&quote, "", "qte", &out->quote));
    TRY(side_read(&subject, "publisher", &out->publisher));
    TRY(side_read(&subject, "buyer", &out->buyer));
    TRY(offer_read(&subject, out));
    TRY(items_read(&subject, out));
    TRY(use_read(&subject, out));
    TRY(price_read(&subject, out));
    TRY(part_id(&payment, "", "pay", &out->payment));
    TRY(part_time(&at, &out->granted_at));
    TRY(terms_read(&subject, out));
    return part_salt(&salt, out->salt);
}
