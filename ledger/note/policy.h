/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/note/cosignature.h"

/*
 * Policies (C2SP tlog-policy): which logs are known, which witnesses, and whose cosignatures make a checkpoint good.
 *
 *   log <vkey> [url]
 *   witness <name> <vkey> [url]
 *   group <name> any|all|<k> <name>…
 *   quorum <name>|none
 *
 * Read strictly: the bytes that the format allows, every line ended, names defined before they are used, each a
 * member once, no key twice, one quorum. Keys are Ed25519: type 01 of logs, 04 of witnesses. Names are opaque bytes.
 *
 * Pure. A struct policy is good as long as the scope it was read into.
 */
enum { POLICY_NO_GROUP = -1 };

struct policy_log { struct note_key key; const char *url; };                             /* url: "" if there is none */
struct policy_witness { const char *name; struct cosigner cosigner; const char *url; };

struct policy_node {                  /* a defined name, in the file's order: members stand before their group */
    const char *name;
    bool is_group;
    size_t witness;                   /* of a witness: its place among the witnesses */
    size_t needs, members;            /* of a group */
    int group;                        /* the one node it is a member of, or POLICY_NO_GROUP */
};

struct policy {
    size_t n_logs, n_witnesses, n_nodes;
    struct policy_log logs[POLICY_LOGS_MAX];
    struct policy_witness witnesses[POLICY_WITNESSES_MAX];
    struct policy_node nodes[POLICY_WITNESSES_MAX + POLICY_GROUPS_MAX];
    int quorum;                       /* a node; POLICY_NO_GROUP: "none" */
};

/* ERR_INVALID names the line and what is wrong with it. */
err policy_parse(struct scope *s, const char *text, size_t len, struct policy *out);

/* Whether the quorum is met if exactly these witnesses have cosigned (an array of n_witnesses). */
bool policy_met(const struct policy *p, const bool *cosigned);

struct policy_verdict {
    struct checkpoint checkpoint;
    bool met;
    bool cosigned[POLICY_WITNESSES_MAX];
    int64_t at[POLICY_WITNESSES_MAX];          /* seconds; the newest of each that cosigned */
    const char *missing;                       /* a sentence if not met: what the quorum needs, who cosigned, who not */
};
/*
 * Judges a checkpoint's note. `log` is the key that must have signed it, or NULL: any log of the policy. A policy that
 * lists logs knows no others. ERR_INVALID: not a checkpoint, not signed by such a log, or a signature of a log or
 * witness that the policy knows does not verify. Not met is no error: the verdict says it.
 */
err policy_judge(struct scope *s, const struct policy *p, const struct note_key *log, const char *note, size_t len,
                 struct policy_verdict *out);
