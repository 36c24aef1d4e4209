/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/unit/ledger/audit/story.h"

/* Bending a story in one place, and what an audit finds then. */
enum bend { NOTHING, DROP, AGAIN, SWAP, SET, AT, MOVE_LAST };

/* Runs an audit of what the log shows, from nothing; the scope keeps the report. */
static inline err audited(struct scope *s, struct log *l, struct audit_report *out)
{
    struct audit_config config = { .vkey = l->vkey, .seed = 42 };
    struct audit_source src = log_source(l);
    struct audit *a;
    err e;

    TRY(audit_new(s, &config, &a));
    e = audit_run(s, a, &src, out);
    audit_free(a);
    return e;
}

static inline bool only_finding(const struct audit_report *r, enum audit_rule_id rule)
{
    bool only = r->findings > 0;

    for (const struct audit_finding *f = r->first; f; f = f->next)
        only = only && f->rule == rule;
    if (!only)
        for (const struct audit_finding *f = r->first; f; f = f->next)
            printf("# entry %" PRIu64 " %s: expected %s, found %s\n", f->index, audit_rules[f->rule].name,
                   f->expected, f->found);
    return only;
}

/* Of n acts, in place; how many there are then. */
static inline size_t bend(struct act *acts, size_t n, enum bend how, int act, int other)
{
    struct act moved = acts[act];

    switch (how) {
    case DROP: case MOVE_LAST:
        memmove(&acts[act], &acts[act + 1], sizeof *acts * (n - 1 - (size_t)act));
        n--;
        if (how == DROP)
            break;
        moved.at = acts[n - 1].at;
        acts[n++] = moved;
        break;
    case AGAIN:
        moved.at = acts[n - 1].at;
        acts[n++] = moved;
        break;
    case SWAP:
        acts[act] = acts[other];
        acts[other] = moved;
        acts[other].at = acts[act].at = acts[act].at > moved.at ? acts[act].at : moved.at;
        break;
    default:
        break;
    }
    return n;
}
