/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "ledger/entry/codes.h"
#include "schema/base/bytes.h"
#include "schema/base/clock.h"
#include "schema/base/limits.h"

/*
 * Entries: the table of types, encoding, decoding, disclosures. Pure.
 *
 * An entry is one JSON object in canonical form (RFC 8785), <= ENTRY_BYTES_MAX:
 *   {"at":"…","body":{…},"sd":["…"],"type":"access.recorded","v":1}
 * `sd` holds the digests of the private fields in the way of SD-JWT (RFC 9901):
 * SHA-256 over the base64url text of the canonical JSON of [salt,name,value],
 * itself base64url without padding, sorted by bytes. Absent fields are omitted.
 * The table (types.def) drives encoding, decoding, the auditor's shape check and
 * docs/ledger-format.md. Its rows are the public surface: they never change for
 * a rules version that was ever used.
 */
#define ENTRY_FIELDS_MAX 16
#define SALT_SIZE 16
#define RULES_VERSION 3                       /* the newest; logs began under 1, and each entry names its own */

enum entry_type {
#define TYPE(id, ...) ENTRY_##id,
#include "ledger/entry/types.def"
    ENTRY_TYPES
};

enum field_kind {
    F_ID,          /* "lic_…": prefix checked, first digit 0 to 7, so that an id is 128 bits */
    F_TEXT,        /* 1 to ENTRY_TEXT_MAX bytes of UTF-8 without NUL */
    F_CODE,        /* one of a closed list (codes.h) */
    F_HASH,        /* 64 lowercase hex digits */
    F_COUNT,       /* integer 0 … 2^53 - 1 */
    F_AMOUNT,      /* decimal string, at most six decimals; whether it is canonical for its currency says money.h */
    F_SUM,         /* the same, of any number of amounts: up to 2^128 - 1 micro-units */
    F_CURRENCY,    /* three capital letters */
    F_TIME,        /* RFC 3339 with milliseconds */
    F_TERRITORY,   /* two capital letters, or WORLD; which exist says ledger/rules */
    F_CODES,       /* sorted array of codes, no repeats, at least one */
    F_COUNTS,      /* object code -> count, sorted, no zeros */
    F_BY_CURRENCY, /* object currency -> object of the field's own shape, sorted, at least one */
    F_OBJECT       /* object of the field's own shape; without one, any object in canonical form */
};
#define ENTRY_TEXT_MAX  1024
#define ENTRY_COUNT_MAX ((UINT64_C(1) << 53) - 1)

/* Whom a private field is about: with whose erasure it goes. */
enum entry_about {
    ABOUT_EVERYONE  = 0,           /* a public offer's price: nobody's to have erased; and all public fields */
    ABOUT_PARTY     = 1,           /* the party that the entry names */
    ABOUT_CREATOR   = 2,           /* whose consent it is */
    ABOUT_BUYER     = 4,           /* of the license or payment */
    ABOUT_PUBLISHER = 8,           /* of the license */
    ABOUT_PAYEE     = 16           /* of the payout; of the allocation, if she is its only one */
};

struct entry_field {
    const char *name;
    enum field_kind kind;
    const char *prefix;                /* F_ID */
    const struct code_list *codes;     /* F_CODE F_CODES F_COUNTS */
    const struct entry_field *shape;   /* F_OBJECT F_BY_CURRENCY: members, sorted by name; NULL: any */
    size_t n_shape;
    bool required, private;
    unsigned about;                    /* enum entry_about, as bits */
    const char *help;                  /* for docs/ledger-format.md */
};

struct entry_spec {
    enum entry_type type;
    const char *name;                            /* "access.recorded" */
    unsigned since;                              /* rules version that brought it */
    const char *read_by;                         /* who may read its private fields */
    const struct entry_field *fields;            /* public ones first, each group sorted by name bytes */
    size_t n_fields;
};

const struct entry_spec *entry_spec(enum entry_type type);
const struct entry_spec *entry_spec_named(const char *name, size_t len);    /* NULL: unknown */

/* The table in Markdown, for the generated part of docs/ledger-format.md. */
void entry_print_table(FILE *out);

/* A field's value. Absent optional fields are V_ABSENT. Borrowed. */
enum value_kind { V_ABSENT, V_TEXT, V_COUNT, V_HASH, V_JSON };
struct entry_value {
    enum value_kind kind;
    union {
        const char *text;          /* F_ID F_TEXT F_CODE F_AMOUNT F_SUM F_CURRENCY F_TIME F_TERRITORY */
        uint64_t count;            /* F_COUNT */
        const struct hash *hash;   /* F_HASH */
        struct bytes json;         /* F_CODES F_COUNTS F_BY_CURRENCY F_OBJECT: canonical JSON */
    } v;
};
#define EV_TEXT(t)  ((struct entry_value){ .kind = V_TEXT, .v.text = (t) })
#define EV_COUNT(c) ((struct entry_value){ .kind = V_COUNT, .v.count = (c) })
#define EV_HASH(h)  ((struct entry_value){ .kind = V_HASH, .v.hash = (h) })
#define EV_JSON(b)  ((struct entry_value){ .kind = V_JSON, .v.json = (b) })

/* Named values, as callers write them; any order, the table's is fastest. */
struct named_value { const char *name; struct entry_value value; };

struct encoded_entry {
    enum entry_type type;
    struct bytes bytes;            /* canonical JSON, in the scope */
    struct bytes disclosures;      /* JSON array of base64url texts in the order of the table; len 0: none was given */
};

/*
 * Encodes: checks every value against the table (ERR_INTERNAL: we made a wrong entry; ERR_TOO_LARGE).
 * `salts` gives SALT_SIZE random bytes for each private field of the type, in table order, also for those that
 * are absent (randomness is a parameter): entry_salts() of them.
 * Prints directly, no json_t: this is the hot path of accesses.
 */
err entry_encode(struct scope *s, enum entry_type type, int64_t at_ms, unsigned rules_version,
                 const struct named_value *values, size_t n_values,
                 const uint8_t (*salts)[SALT_SIZE], struct encoded_entry *out);

size_t entry_salts(enum entry_type type);

/* A decoded entry; everything borrows from the bytes given (or lives in the scope). */
struct entry {
    const struct entry_spec *spec;
    unsigned version;
    int64_t at_ms;
    struct entry_value field[ENTRY_FIELDS_MAX];  /* by place in spec->fields; private ones V_ABSENT until disclosed */
    size_t n_sd;
    struct bytes sd[ENTRY_FIELDS_MAX];           /* digests, base64url texts */
};

/* Strict: exactly the canonical form of a known type with exactly its fields; ERR_INVALID says what is wrong. */
err entry_decode(struct scope *s, const void *bytes, size_t len, struct entry *out);
/* Asserts that the type has such a field; V_ABSENT if it is absent, or private and not disclosed. */
const struct entry_value *entry_field(const struct entry *e, const char *name);

/*
 * Opens one disclosure (base64url text) against an entry and fills its field: its digest must be in sd, its name a
 * private field of the type that is not open yet. ERR_INVALID says what is wrong.
 */
err disclosure_open(struct scope *s, struct entry *e, const char *text, size_t len);
/* Opens all of them: `json` is the array as entry_encode() gave it, or a part of it. */
err disclosures_open(struct scope *s, struct entry *e, const void *json, size_t len);
