/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/cert/refusal.h"
#include "ledger/entry/codes.h"
#include "ledger/keys/sign.h"
#include "ledger/rules/territory.h"
#include "schema/base/bytes.h"
#include "schema/base/limits.h"
#include "schema/json/schema.h"

/*
 * Reading a document part by part. Private to ledger/cert.
 *
 * A part is a value, and the way to it for the JSON pointer of a refusal. Each
 * function reads one form or refuses: ERR_INVALID, the first reason in *why,
 * pointer and sentence in the scope. Texts that are given are copies in the scope.
 * A part borrows from the one it was made of, which must stay in place.
 */
struct part {
    struct scope *s;
    enum refusal *why;
    const json_t *value;          /* NULL: absent */
    struct spot spot;
    bool whole;                   /* the document itself: `spot` says nothing */
};

struct part part_whole(struct scope *s, enum refusal *why, const json_t *document);
struct part part_member(const struct part *p, const char *name);
struct part part_element(const struct part *p, size_t i);

/* `more`: what it must be, or NULL. */
err part_refuse(const struct part *p, enum refusal why, const char *more);

/* An object with these members and no others; a name that begins with '?' may be absent. The list ends with NULL. */
err part_object(const struct part *p, const char *const *names);
/* An array of min to max. */
err part_array(const struct part *p, size_t min, size_t max, size_t *n);

err part_text(const struct part *p, const char **out);                  /* 1 to CREDENTIAL_TEXT_MAX bytes */
/* An id of that prefix behind a fixed beginning, which may be ""; what is given is the id alone. */
err part_id(const struct part *p, const char *urn, const char *prefix, const char **out);
err part_url(const struct part *p, const char **out);                   /* an absolute IRI */
err part_is(const struct part *p, enum refusal why, const char *text);  /* exactly this text */
err part_count(const struct part *p, uint64_t min, uint64_t max, uint64_t *out);
err part_hash(const struct part *p, struct hash *out);                  /* 64 lower-case hex digits */
err part_time(const struct part *p, int64_t *out);                      /* dateTimeStamp: see part_time_parse() */
err part_salt(const struct part *p, uint8_t out[16]);                   /* 128 bits in base64url */
err part_did(const struct part *p, struct public_key *out);             /* a did:key */
err part_code(const struct part *p, const struct code_list *list, enum refusal why, int *out);
/* Codes without repeats, at least `min`: bit i stands for list->code[i]. */
err part_codes(const struct part *p, const struct code_list *list, enum refusal why, size_t min, uint32_t *out);
/* Territories without repeats, at least one: as written, and their union. */
struct places { const char **code; size_t n; struct territory all; };
err part_places(const struct part *p, struct places *out);

/*
 * xsd:dateTimeStamp as RFC 3339 has it: seconds, or up to nine decimals, of which three count; "Z" or an offset.
 * Real dates of the years 1970 to 9999 only.
 */
bool part_time_parse(const char *text, int64_t *wall_ms);
