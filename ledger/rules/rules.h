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
 */
#include "ledger/rules/access.h"
#include "ledger/rules/life.h"
#include "ledger/rules/terms.h"
#include "ledger/rules/territory.h"
