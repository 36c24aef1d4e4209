/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "schema/base/scope.h"

/*
 * Splits: how a payment becomes the platform's fee and the creators' parts.
 * Micro-units in int64, products in 128 bits, no fraction anywhere; what does
 * not fit is an error.
 *
 * Largest remainder (Hamilton): of total T over weights w with sum W, a creator
 * gets T*w div W, and each of the units that are left goes to one of the largest
 * T*w mod W, ties to the smaller creator id by bytes. So the parts sum to T
 * exactly, each is less than one unit away from the exact share, and the order
 * in which creators are given does not matter.
 */
struct split_part {
    const char *creator;          /* id; borrowed */
    uint64_t weight;              /* given; 0 gets nothing */
    int64_t amount;               /* found */
};

/*
 * Fills in `amount`. ERR_INVALID: total negative, no weight at all, a sum of
 * weights beyond 2^63 - 1, a creator who is there twice.
 */
err split_amounts(struct scope *s, int64_t total, struct split_part *parts, size_t n);

/*
 * The parts of one refund more: alloc(before + refund) - alloc(before), both of
 * the same weights, so that refunds that sum to a payment give back exactly its
 * parts. `before` is what was refunded so far. An amount may be -1: by largest
 * remainder a larger total can give a creator a unit less.
 */
err split_refund(struct scope *s, int64_t before, int64_t refund, struct split_part *parts, size_t n);

/* The platform's fee, `ppm` millionths of the total, rounded down: what is finer is the creators'. ppm <= 10^6. */
#define FEE_WHOLE_PPM 1000000
err split_fee(struct scope *s, int64_t total, int64_t ppm, int64_t *fee);

/*
 * Weights from items. An item's contributor counts its own weight (1 to
 * CONTRIBUTOR_WEIGHT_MAX) once, or as often as the item has bytes. Weights are
 * absolute: an item whose contributors weigh 3 together counts for three items
 * with one contributor of weight 1. Weighted bytes can pass 2^63 - 1 (9 TB at
 * the largest weight): so weights are summed before anything is sold by bytes.
 */
enum split_rule { SPLIT_PER_ITEM, SPLIT_PER_BYTE, SPLIT_RULES };
const char *split_rule_name(enum split_rule rule);                /* "per_item", "per_byte" */
bool split_rule_parse(const char *name, enum split_rule *out);

/* Creators and what they weigh so far: a hash table in the scope. */
struct split_table { struct scope *s; struct split_part *slots; size_t n, cap; };
#define SPLIT_TABLE(scope_) ((struct split_table){ .s = (scope_) })
/* Adds one contributor of one item; the id is copied. ERR_INVALID: weight out of bounds, size negative, overflow. */
err split_table_add(struct split_table *t, enum split_rule rule, const char *creator, int64_t weight, int64_t size);
/* All creators in order of their ids' bytes, in the scope; the table is spent. */
void split_table_end(struct split_table *t, struct split_part **parts, size_t *n);
