/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/entry/entry.h"

/*
 * Values of fields in canonical form: reading and checking. Private to ledger/entry.
 *
 * A cursor walks over bytes from outside. Reading is strict: what it accepts
 * is byte for byte what encoding prints. A false leaves the cursor where it is
 * of no more use, with `field` naming the field at fault, if any.
 */
struct cursor {
    struct scope *s;
    const char *p, *end;
    char *text;                        /* room for decoded texts: as many bytes as are read suffice */
    const struct entry_field *field;   /* the one being read */
};

struct cursor cursor_over(struct scope *s, const void *bytes, size_t len);    /* allocates the room for texts */
bool take(struct cursor *c, const char *literal, size_t len);
#define TAKE(c, literal) take((c), (literal), sizeof(literal) - 1)

/* A JSON string; `out` is NUL-terminated and without NUL inside. */
bool string_read(struct cursor *c, char **out, size_t *len);
bool value_read(struct cursor *c, const struct entry_field *f, struct entry_value *out);
/* An object with exactly these members in this order; optional ones may be absent. `values` NULL: checked only. */
bool object_read(struct cursor *c, const struct entry_field *fields, size_t n, struct entry_value *values);

/* Whether a value to be printed is one that value_read() would accept. */
bool value_fits(struct scope *s, const struct entry_field *f, const struct entry_value *v);

/* Prints an entry from its public fields and digests: the inverse of entry_decode(). */
void entry_print(struct buf *b, const struct entry *e);

size_t spec_public(const struct entry_spec *spec);                 /* number of public fields */
/* Digest of a disclosure's text, as in `sd`: 43 characters. */
#define SD_LEN 43
void sd_digest(const char *disclosure, size_t len, char out[SD_LEN + 2]);
