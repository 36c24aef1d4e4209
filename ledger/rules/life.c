/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/rules/life.h"

#include <stddef.h>
#include <string.h>

#include "schema/base/scope.h"

struct edge { int from, event, to; };

static const struct edge offer_edges[] = {
    { OFFER_NONE,   OFFER_PUBLISH,  OFFER_OPEN },
    { OFFER_OPEN,   OFFER_PUBLISH,  OFFER_OPEN },
    { OFFER_OPEN,   OFFER_PAUSE,    OFFER_PAUSED },
    { OFFER_PAUSED, OFFER_RESUME,   OFFER_OPEN },
    { OFFER_OPEN,   OFFER_WITHDRAW, OFFER_WITHDRAWN },
    { OFFER_PAUSED, OFFER_WITHDRAW, OFFER_WITHDRAWN },
};

static const struct edge license_edges[] = {
    { LICENSE_NONE,    LICENSE_ACCEPT,           LICENSE_PENDING },
    { LICENSE_PENDING, LICENSE_PAY,              LICENSE_ACTIVE },
    { LICENSE_ACTIVE,  LICENSE_END_BY_BUYER,     LICENSE_ENDED },
    { LICENSE_ACTIVE,  LICENSE_END_BY_PUBLISHER, LICENSE_ENDED },
    { LICENSE_ACTIVE,  LICENSE_EXPIRE,           LICENSE_ENDED },
    { LICENSE_ACTIVE,  LICENSE_END_BY_OPERATOR,  LICENSE_ENDED },
};

static const char *const offer_names[OFFER_STATES] = {
    [OFFER_NONE] = "none", [OFFER_OPEN] = "open", [OFFER_PAUSED] = "paused", [OFFER_WITHDRAWN] = "withdrawn",
};
static const char *const license_names[LICENSE_STATES] = {
    [LICENSE_NONE] = "none", [LICENSE_PENDING] = "pending", [LICENSE_ACTIVE] = "active", [LICENSE_ENDED] = "ended",
};
static const char *const endings[LICENSE_EVENTS] = {
    [LICENSE_END_BY_BUYER] = "ended_by_buyer", [LICENSE_END_BY_PUBLISHER] = "ended_by_publisher",
    [LICENSE_EXPIRE] = "expired", [LICENSE_END_BY_OPERATOR] = "operator",
};

static const struct edge *edge_find(const struct edge *edges, size_t n, int from, int event)
{
    for (size_t i = 0; i < n; i++)
        if (edges[i].from == from && edges[i].event == event)
            return &edges[i];
    return NULL;
}

bool offer_step(enum offer_state from, enum offer_event event, enum offer_state *to)
{
    const struct edge *e = edge_find(offer_edges, ARRAY_LEN(offer_edges), (int)from, (int)event);

    if (e)
        *to = (enum offer_state)e->to;
    return e != NULL;
}

bool license_step(enum license_state from, enum license_event event, enum license_state *to)
{
    const struct edge *e = edge_find(license_edges, ARRAY_LEN(license_edges), (int)from, (int)event);

    if (e)
        *to = (enum license_state)e->to;
    return e != NULL;
}

static int name_find(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return (int)i;
    return -1;
}

bool offer_state_parse(const char *name, enum offer_state *out)
{
    int at = name_find(offer_names, OFFER_STATES, name);

    if (at >= 0)
        *out = (enum offer_state)at;
    return at >= 0;
}

bool license_state_parse(const char *name, enum license_state *out)
{
    int at = name_find(license_names, LICENSE_STATES, name);

    if (at >= 0)
        *out = (enum license_state)at;
    return at >= 0;
}

const char *offer_state_name(enum offer_state state)     { return offer_names[state]; }
const char *license_state_name(enum license_state state) { return license_names[state]; }
const char *license_ending(enum license_event event)     { return endings[event]; }
