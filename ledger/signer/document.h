/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "ledger/entry/entry.h"
#include "ledger/note/signing.h"
#include "ledger/signer/issuers.h"

/*
 * Whether a document of the market is in the log, so that the issuer's key of
 * its entry's time may sign it (design: "Signer"). Pure: what the market certifies is in the log
 * because of what is decided here and nowhere else.
 *
 * The document is what a license.granted, clearance.issued, clearance.denied
 * or status_list.published names by its digest, in canonical form and without
 * a proof; its type goes with the entry's, and its issuer is our own.
 */
enum document_verdict {
#define DOCUMENT(id, code, sentence) DOCUMENT_##id,
#include "ledger/signer/document.def"
    DOCUMENT_VERDICTS
};

const char *document_code(enum document_verdict v);          /* "not_included"; static */
const char *document_sentence(enum document_verdict v);      /* static */

struct document_judge {
    const struct note_key *log;
    const struct issuer *issuers;
    size_t n_issuers;
    const struct signer_state *last;      /* what was signed last: a checkpoint beyond it is none of ours */
};

/* What a document gets: with DOCUMENT_SIGN only. */
struct document_grant {
    json_t *document;                     /* new reference */
    int64_t at_ms;                        /* of its entry, which is when it counts as signed */
    const struct issuer *by;
};
enum document_verdict document_decide(struct scope *s, const struct document_judge *j,
                                      const struct document_request *r, struct document_grant *out);

/*
 * Whether an entry that orders an act of the signer, log.frozen or issuer.key_changed, is in a tree that it has signed.
 * log.frozen must be its last entry. DOCUMENT_SIGN: yes; then the index, and the value of its field `issuer_key`.
 */
struct act_grant { uint64_t index; const char *issuer_key; };
enum document_verdict act_decide(struct scope *s, const struct document_judge *j, enum entry_type type,
                                 const struct document_request *r, struct act_grant *out);
