/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/model/money.h"

/*
 * The rail of an operator who pays by hand: a CSV file (RFC 4180), a row a
 * payout. `payout` is the end-to-end reference: whoever pays the same row twice
 * sees it by that. No field begins with what a spreadsheet takes for a formula.
 */
void manual_begin(struct buf *file);
void manual_add(struct buf *file, const struct payout *p);
