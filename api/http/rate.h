/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define RATE_PLACE_SIZE 64

/*
 * Token buckets by key, in a table of fixed size. A key is known by a 64-bit hash
 * under a random seed. When a place is wanted, the bucket of a few neighbors that
 * was silent longest is forgotten: it is the fullest, so little is given away.
 * Thread-safe; locks are sharded.
 */
struct rate;

/* The place an address is counted under, INET6_ADDRSTRLEN at most: an IPv6 host has a whole /64 to send from. */
void rate_place(const char *address, char out[RATE_PLACE_SIZE]);

struct rate *rate_new(int64_t per_second, int64_t burst);     /* NULL if per_second is 0: no bound */
void rate_free(struct rate *r);
/* Takes a token. Without one: false, and after how many ms there will be one. `r` NULL: always true. */
bool rate_take(struct rate *r, const char *key, int64_t now_ms, int64_t *wait_ms);
/* Puts a token back that was taken for nothing; a bucket holds no more than its burst, and a forgotten one is full. */
void rate_give(struct rate *r, const char *key);
