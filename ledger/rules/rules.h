/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The market's rules, version 1: pure functions over facts. The API decides with
 * them, the worker acts with them, the auditor replays with them. Time is a
 * parameter; what is unknown is denied.
 *
 *   terms      what an offer permits: purpose, territory, until when
 *   territory  which places contain which
 *   access     whether one delivery of one item may happen now
 *   life       how offers and licenses may change
 *
 * and what version 2 adds:
 *
 *   filter     which items match
 *   slice      which items a request picks
 *   tariff     what they cost
 *   verdict    whether an item is cleared, and the slice
 *   split      who gets what of a payment
 */
#include "ledger/rules/access.h"
#include "ledger/rules/filter.h"
#include "ledger/rules/life.h"
#include "ledger/rules/slice.h"
#include "ledger/rules/split.h"
#include "ledger/rules/tariff.h"
#include "ledger/rules/terms.h"
#include "ledger/rules/territory.h"
#include "ledger/rules/verdict.h"
