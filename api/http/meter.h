/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/base/bytes.h"
#include "schema/json/contract.h"

/* Counts answers by operation and class of status, and how long they took. Thread-safe. */
struct meter;

struct meter *meter_new(const struct contract *c);
void meter_free(struct meter *m);
/* op NULL: no route was found; status 0: the client hung up before there was an answer. */
void meter_count(struct meter *m, const struct operation_spec *op, int status, int64_t us);
void meter_print(const struct meter *m, struct buf *out);
