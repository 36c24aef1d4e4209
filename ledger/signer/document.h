/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "ledger/note/signing.h"
#include "ledger/signer/state.h"

/*
 * Whether a document of the market is in the log, so that the issuer's key may
 * sign it (design: "Signer"). Pure: what the market certifies is in the log
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
    const struct note_key *log, *issuer;
    const struct signer_state *last;      /* what was signed last: a checkpoint beyond it is none of ours */
};

/* With DOCUMENT_SIGN: the document (new reference) and the `at` of its entry, which is when it counts as signed. */
enum document_verdict document_decide(struct scope *s, const struct document_judge *j,
                                      const struct document_request *r, json_t **document, int64_t *at_ms);
