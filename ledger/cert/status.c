/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/cert/status.h"

#include <assert.h>
#include <string.h>

#include "ledger/cert/envelope.h"
#include "ledger/cert/gzip.h"
#include "ledger/entry/entry.h"

static const struct envelope_kind kind = { .type = STATUS_LIST_TYPE, .foreign = true };

static bool length_fits(size_t n)
{
    return n >= STATUS_BITS_MIN && n <= STATUS_BITS_MAX && n % 8 == 0;
}

struct status_list status_list_new(struct scope *s, size_t n)
{
    assert(length_fits(n));
    return (struct status_list){ scope_alloc(s, n / 8, 1), n };
}

void status_set(struct status_list *list, uint64_t index, bool on)
{
    uint8_t bit = (uint8_t)(0x80 >> index % 8);

    assert(index < list->n);
    if (on)
        list->bits[index / 8] |= bit;
    else
        list->bits[index / 8] &= (uint8_t)~bit;
}

bool status_get(const struct status_list *list, uint64_t index)
{
    assert(index < list->n);
    return list->bits[index / 8] << index % 8 & 0x80;
}

char *status_encode(struct scope *s, const struct status_list *list)
{
    struct bytes packed = gzip_pack(s, list->bits, list->n / 8, GZIP_SMALL);
    char *text = scope_alloc(s, 1 + BASE64_SIZE(packed.len), 1);

    *text = 'u';
    base64url_write(packed.p, packed.len, text + 1);
    return text;
}

enum refusal status_decode(struct scope *s, const char *text, size_t len, struct status_list *out)
{
    struct bytes bits;
    uint8_t *packed;
    size_t n;

    if (len < 1 || len > STATUS_TEXT_MAX || *text != 'u')
        return REFUSAL_VALUE_INVALID;
    packed = scope_alloc(s, len, 1);
    if (!base64url_read(text + 1, len - 1, packed, len, &n))
        return REFUSAL_VALUE_INVALID;
    if (!gzip_unpack(s, packed, n, STATUS_BITS_MAX / 8, &bits))
        return bits.len > STATUS_BITS_MAX / 8 ? REFUSAL_STATUS_LENGTH : REFUSAL_VALUE_INVALID;
    if (!length_fits(bits.len * 8))
        return REFUSAL_STATUS_LENGTH;
    *out = (struct status_list){ scope_memdup(s, bits.p, bits.len), bits.len * 8 };
    return REFUSAL_NONE;
}

err status_credential_json(struct scope *s, const struct status_credential *list, const char *issuer, json_t **out)
{
    json_t *subject = json_pack("{s:s,s:s,s:s,s:s,s:I,s:o}", "id", scope_printf(s, "%s#list", list->c.id), "type",
                                "BitstringStatusList", "statusPurpose", status_purpose_codes.code[list->purpose],
                                "encodedList", status_encode(s, &list->list), "as_of", (json_int_t)list->as_of, "salt",
                                salt_json(list->salt));

    *out = envelope_json(&kind, &list->c, issuer, subject, NULL);
    return *out ? ERR_OK : fail(s, ERR_INVALID, "the status list %s could not be built", list->c.id);
}

/* One purpose, or several: a list for both of ours is not understood, since it has one bit for them. */
static err purpose_read(const struct part *subject, enum status_purpose *out)
{
    struct part p = part_member(subject, "statusPurpose"), one = p;
    size_t n;
    int which;

    if (json_is_array(p.value)) {
        TRY(part_array(&p, 1, 1, &n));
        one = part_element(&p, 0);
    }
    TRY(part_code(&one, &status_purpose_codes, REFUSAL_STATUS_UNKNOWN, &which));
    *out = (enum status_purpose)which;
    return ERR_OK;
}

static err bits_read(const struct part *subject, struct status_list *out)
{
    struct part p = part_member(subject, "encodedList");
    enum refusal why;

    if (!json_is_string(p.value))
        return part_refuse(&p, REFUSAL_VALUE_INVALID, "a text");
    why = status_decode(p.s, json_string_value(p.value), json_string_length(p.value), out);
    if (why != REFUSAL_NONE)
        return part_refuse(&p, why, "u, and GZIP in base64url");
    return ERR_OK;
}

/* What only our lists have, and what only others' have. */
static err extras_read(const struct part *subject, struct status_credential *out)
{
    struct part ttl = part_member(subject, "ttl"), as_of = part_member(subject, "as_of");
    struct part salt = part_member(subject, "salt");
    uint64_t v;

    out->ttl_ms = -1;
    if (ttl.value) {
        TRY(part_count(&ttl, 0, ENTRY_COUNT_MAX, &v));
        out->ttl_ms = (int64_t)v;
    }
    out->has_as_of = as_of.value != NULL;
    if (out->has_as_of)
        TRY(part_count(&as_of, 0, ENTRY_COUNT_MAX, &out->as_of));
    if (out->has_as_of)
        TRY(part_salt(&salt, out->salt));
    return ERR_OK;
}

err status_credential_read(struct scope *s, const json_t *document, struct status_credential *out,
                           enum refusal *why)
{
    struct part whole = part_whole(s, why, document), subject = part_member(&whole, "credentialSubject");
    struct part type = part_member(&subject, "type"), size = part_member(&subject, "statusSize");
    uint64_t one;

    *out = (struct status_credential){ 0 };
    TRY(envelope_read(&whole, &kind, &out->c));
    if (!json_is_object(subject.value))
        return part_refuse(&subject, REFUSAL_VALUE_INVALID, "one list");
    TRY(part_is(&type, REFUSAL_TYPE_UNKNOWN, "BitstringStatusList"));
    if (size.value)
        TRY(part_count(&size, 1, 1, &one));
    TRY(purpose_read(&subject, &out->purpose));
    TRY(extras_read(&subject, out));
    return bits_read(&subject, &out->list);
}

enum refusal status_ask(const struct status_question *q, bool *set)
{
    const struct status_credential *l = q->list;

    *set = true;                          /* who forgets to look at the answer does not go on */
    if (strcmp(l->c.id, q->entry->list) != 0 || l->purpose != q->entry->purpose || strcmp(l->c.issuer, q->issuer) != 0)
        return REFUSAL_STATUS_OTHER;
    if (credential_when(&l->c, q->now, q->now) != REFUSAL_NONE || l->c.signed_at > q->now + CLOCK_SKEW_MAX_MS ||
        (q->max_age_ms && q->now - l->c.signed_at > q->max_age_ms))
        return REFUSAL_STATUS_STALE;
    if (q->entry->index >= l->list.n)
        return REFUSAL_STATUS_RANGE;
    *set = status_get(&l->list, q->entry->index);
    return REFUSAL_NONE;
}
