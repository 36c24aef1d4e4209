/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/id.h"

/*
 * Rows by id: a hash table with linear probing, between three eighths and three
 * quarters full once it has grown. Private to ledger/audit.
 *
 * A row is a struct of a fixed size that begins with its `struct key`. Rows
 * move when others come or go: a pointer is good until the next change. The
 * hash is keyed, so that whoever chooses ids can't choose collisions.
 */
struct key { uint64_t high, low; };        /* an id's 26 characters without their prefix: 128 bits */

struct table {
    unsigned char *rows;
    bool *taken;
    size_t row_size, cap, n;
    uint64_t seed;
};

struct key key_of(const char *id);         /* precondition: an id as entry_decode() gives them */
void id_of_key(const char *prefix, struct key key, char out[ID_SIZE]);
bool key_equal(struct key a, struct key b);

void  table_init(struct table *t, size_t row_size, uint64_t seed);
void  table_free(struct table *t);
void *table_find(const struct table *t, struct key key);               /* NULL: none */
void *table_add(struct table *t,
                struct key key);                      /* zeroed but for its key; precondition: not there */
void  table_remove(struct table *t, void *row);
/* Rows in no order: start with *at = 0; NULL at the end. */
void *table_next(const struct table *t, size_t *at);
