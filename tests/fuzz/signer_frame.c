/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "ledger/note/signing.h"
#include "ledger/signer/decide.h"
#include "ledger/signer/document.h"
#include "ledger/signer/state.h"

/*
 * Properties: one text for one question and one answer; no question makes the
 * signer sign what is not shown to extend its last, nor a document that no key of
 * ours says is in the log; a slot that unpacks packs to the same bytes.
 */
static void document_refused(struct scope *s, const struct document_request *r)
{
    struct signer_state last = { .size = TREE_SIZE_MAX };
    struct public_key nobody = { { 1, 2, 3 } };
    struct note_key key;
    struct issuer issuer = { .since = 0 };
    struct document_judge judge = { &key, &issuer, 1, &last };
    struct document_grant document;
    struct act_grant act;

    if (!note_key_make("log.example", &nobody, &key))
        abort();
    issuer.key = key;
    if (document_decide(s, &judge, r, &document) == DOCUMENT_SIGN ||
        act_decide(s, &judge, ENTRY_LOG_FROZEN, r, &act) == DOCUMENT_SIGN ||
        act_decide(s, &judge, ENTRY_ISSUER_KEY_CHANGED, r, &act) == DOCUMENT_SIGN)
        abort();
}

static void question_stable(struct scope *s, const uint8_t *data, size_t size)
{
    struct signer_state last = { .root = empty_root() };
    struct question q;
    char *again;

    if (!question_parse((const char *)data, size, &q))
        return;
    again = question_text(s, &q);
    if (strlen(again) != size || memcmp(again, data, size) != 0)
        abort();
    if (q.verb == ASK_DOCUMENT || q.verb == ASK_FREEZE || q.verb == ASK_ISSUER)
        document_refused(s, &q.document);
    if (q.verb != ASK_SIGN)
        return;
    if (signer_decide(&last, &q.sign) == DECIDE_SIGN && (q.sign.old_size != 0 || q.sign.proof.n != 0))
        abort();
    last.size = q.sign.old_size;
    last.root = leaf_hash(data, size);      /* nobody's root */
    if (last.size > 0 && signer_decide(&last, &q.sign) == DECIDE_SIGN)
        abort();
}

static void answer_stable(struct scope *s, const uint8_t *data, size_t size)
{
    struct answer a;
    char *again;

    if (!answer_parse(s, (const char *)data, size, &a))
        return;
    again = answer_text(s, a.word, a.rest);
    if (strlen(again) != size || memcmp(again, data, size) != 0)
        abort();
}

static void slot_stable(const uint8_t *data, size_t size)
{
    struct hash log = leaf_hash("log", 3);
    uint8_t slot[SLOT_SIZE] = { 0 }, again[SLOT_SIZE];
    struct signer_state st;

    memcpy(slot, data, size < sizeof slot ? size : sizeof slot);
    for (unsigned place = 0; place < 2; place++)
        if (slot_unpack(slot, place, &log, &st)) {
            slot_pack(&st, &log, again);
            if (memcmp(slot, again, 128) != 0)
                abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scope s;
    struct proof p;

    scope_init(&s, 0);
    question_stable(&s, data, size);
    answer_stable(&s, data, size);
    slot_stable(data, size);
    if (proof_lines_parse((const char *)data, size, &p) && p.n * 45 != size)
        abort();
    scope_free(&s);
    return 0;
}
