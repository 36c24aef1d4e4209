/* SPDX-License-Identifier: Apache-2.0 */
#include "api/entry.h"

#include <string.h>

#include "api/ledgered.h"
#include "api/show.h"
#include "ledger/entry/entry.h"
#include "schema/json/canon.h"

static bool is_caller(const struct caller *c, const char *party)
{
    return c && c->verified && party && strcmp(c->party.id.text, party) == 0;
}

/* Who may read the private fields: the table's column "read by", as a rule. */
static bool may_see(const struct entry *e, const struct entry_row *row, const struct caller *c)
{
    if (caller_audits(c))
        return true;
    switch (e->spec->type) {
    case ENTRY_OFFER_PUBLISHED:
        return true;                  /* all offers are public ones so far */
    case ENTRY_PARTY_REGISTERED:
    case ENTRY_PARTY_KEY_CHANGED:
        return is_caller(c, entry_field(e, "party")->v.text);
    case ENTRY_PAYMENT_RECEIVED:      /* the operator recorded what came from outside */
        return is_caller(c, row->buyer) || (entry_field(e, "license")->kind == V_ABSENT && caller_is(c, "operator"));
    case ENTRY_CONSENT_GRANTED:
        return is_caller(c, row->buyer);
    case ENTRY_LICENSE_GRANTED:
    case ENTRY_ACCESS_RECORDED:
        return is_caller(c, row->buyer) || is_caller(c, row->publisher);
    case ENTRY_REFUND_POSTED:
    case ENTRY_PAYOUT_INSTRUCTED:     /* whose: a payout's payee */
    case ENTRY_PAYOUT_SETTLED:
    case ENTRY_PAYOUT_FAILED:
        return is_caller(c, row->buyer);
    case ENTRY_ALLOCATION_POSTED:
        return is_caller(c, row->publisher);
    default:
        return false;
    }
}

static err disclosure_show(struct scope *s, const json_t *text, json_t **out)
{
    const char *given = json_string_value(text);
    size_t len = given ? strlen(given) : 0, n = 0;
    uint8_t *bytes = scope_alloc(s, len + 1, 1);
    json_t *parts, *name, *value;

    if (!given || !base64url_read(given, len, bytes, len, &n))
        return fail(s, ERR_CORRUPT, "a stored disclosure is not base64url");
    TRY(json_read_as(s, (const char *)bytes, n, (struct json_rules){ .any_number = true }, &parts));
    name = json_array_get(parts, 1);
    value = json_array_get(parts, 2);
    *out = json_string_value(name) && value
         ? json_pack("{s:s, s:O, s:O}", "disclosure", given, "name", name, "value", value) : NULL;
    json_decref(parts);
    return *out ? ERR_OK : fail(s, ERR_CORRUPT, "a stored disclosure is not [salt,name,value]");
}

static err disclosures_show(struct scope *s, const struct entry_row *row, json_t *out)
{
    json_t *texts, *shown = NULL;
    err e = ERR_OK;
    size_t i;

    if (!row->disclosures.p)
        return ERR_OK;
    TRY(json_read(s, (const char *)row->disclosures.p, row->disclosures.len, &texts));
    for (i = 0; e == ERR_OK && i < json_array_size(texts); i++) {
        e = disclosure_show(s, json_array_get(texts, i), &shown);
        if (e == ERR_OK)
            json_array_append_new(out, shown);
    }
    json_decref(texts);
    return e;
}

err entry_show(struct scope *s, const struct entry_row *row, const struct caller *caller, json_t **out)
{
    struct entry decoded;
    json_t *entry, *disclosures;
    bool seen;
    err e;

    TRY(entry_decode(s, row->bytes.p, row->bytes.len, &decoded));
    TRY(json_read(s, (const char *)row->bytes.p, row->bytes.len, &entry));
    disclosures = json_array();
    seen = may_see(&decoded, row, caller);
    e = seen ? disclosures_show(s, row, disclosures) : ERR_OK;
    if (e != ERR_OK) {
        json_decref(entry);
        json_decref(disclosures);
        return e;
    }
    *out = json_pack("{s:I, s:o, s:o, s:o}", "index", (json_int_t)row->index, "leaf", show_hash(&row->leaf),
                     "entry", entry, "disclosures", disclosures);
    if (seen && row->erased >= 0)
        json_object_set_new(*out, "erased", entry_link((uint64_t)row->erased));
    return ERR_OK;
}
