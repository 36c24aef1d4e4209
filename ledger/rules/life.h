/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/*
 * The lives of offers and licenses: edge tables {from, event, to}. What is not
 * in the table cannot happen. States are named as in the database, a license's
 * endings as in its entry's `reason`.
 */
enum offer_state { OFFER_NONE, OFFER_OPEN, OFFER_PAUSED, OFFER_WITHDRAWN, OFFER_STATES };
enum offer_event {
    OFFER_PUBLISH,           /* a first or a next revision */
    OFFER_PAUSE,             /* content that it holds was found corrupt or missing */
    OFFER_RESUME,            /* and is whole again */
    OFFER_WITHDRAW,
    OFFER_EVENTS
};

enum license_state { LICENSE_NONE, LICENSE_PENDING, LICENSE_ACTIVE, LICENSE_ENDED, LICENSE_STATES };
enum license_event {
    LICENSE_ACCEPT,          /* a quote was accepted */
    LICENSE_PAY,             /* its payment was recorded: it becomes active in the same transaction */
    LICENSE_END_BY_BUYER, LICENSE_END_BY_PUBLISHER, LICENSE_EXPIRE, LICENSE_END_BY_OPERATOR,
    LICENSE_EVENTS
};

bool offer_step(enum offer_state from, enum offer_event event, enum offer_state *to);
bool license_step(enum license_state from, enum license_event event, enum license_state *to);

const char *offer_state_name(enum offer_state state);        /* "open"; "none" */
const char *license_state_name(enum license_state state);    /* "pending", "active", "ended" */
bool offer_state_parse(const char *name, enum offer_state *out);
bool license_state_parse(const char *name, enum license_state *out);
/* Reason code of an ending, as in license.ended; NULL: the event ends nothing. */
const char *license_ending(enum license_event event);
