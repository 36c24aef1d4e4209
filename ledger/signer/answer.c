/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/signer/answer.h"

#include <inttypes.h>

#include "ledger/signer/decide.h"
#include "schema/base/log.h"

static void alarm_raise(struct scope *s, const struct vault *v, struct tally *t, const struct sign_request *r,
                        const char *why)
{
    t->alarms++;
    log_line(LOG_ERROR, "alarm: %s origin=%s size=%" PRIu64 " root=%s asked_old=%" PRIu64 " asked_size=%" PRIu64
             " asked_root=%s alarms=%" PRIu64, why, v->log.name, v->last.size, hash_hex(s, &v->last.root), r->old_size,
             r->new_size, hash_hex(s, &r->new_root), t->alarms);
}

static err sign_answer(struct scope *s, struct vault *v, struct tally *t, const struct sign_request *r,
                       enum answer_word *word)
{
    switch (signer_decide(&v->last, r)) {
    case DECIDE_LATE:
        t->late++;
        *word = SAID_LATE;
        return ERR_OK;
    case DECIDE_REPEAT:
        t->repeats++;
        *word = SAID_SIGNED;
        return ERR_OK;
    case DECIDE_ALARM_ROOT:
        alarm_raise(s, v, t, r, "another root at the size signed last");
        *word = SAID_ALARM;
        return ERR_OK;
    case DECIDE_OTHER_SIZE:
        t->other_size++;
        *word = SAID_OTHER_SIZE;
        return ERR_OK;
    case DECIDE_FROZEN:
        t->frozen++;
        *word = SAID_FROZEN;
        return ERR_OK;
    case DECIDE_ALARM_PROOF:
        alarm_raise(s, v, t, r, "a consistency proof that fails");
        *word = SAID_ALARM;
        return ERR_OK;
    case DECIDE_SIGN:
        TRY(vault_advance(s, v, r->new_size, &r->new_root));
        t->signatures++;
        *word = SAID_SIGNED;
        return ERR_OK;
    }
    return fail(s, ERR_INTERNAL, "a decision outside the table");
}

static char *status_lines(struct scope *s, const struct vault *v, const struct tally *t)
{
    const struct { const char *name; uint64_t value; } rows[] = {
        { "size", v->last.size }, { "frozen", v->last.frozen }, { "questions", t->questions },
        { "signatures", t->signatures }, { "repeats", t->repeats }, { "late", t->late },
        { "other_size", t->other_size }, { "frozen_refusals", t->frozen }, { "alarms", t->alarms },
        { "malformed", t->malformed }, { "syncs", v->syncs },
    };
    struct buf b = BUF(s);

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        buf_printf(&b, "%s %" PRIu64 "\n", rows[i].name, rows[i].value);
    return b.p;
}

err signer_answer_make(struct scope *s, struct vault *v, struct tally *t, const char *body, size_t len, char **answer,
                       bool *last)
{
    enum answer_word word = SAID_LAST;
    struct question q;

    *last = false;
    t->questions++;
    if (!question_parse(body, len, &q)) {
        t->malformed++;
        *last = true;
        *answer = answer_text(s, SAID_MALFORMED, "this is no question of counterfoil-signer/v1\n");
        return ERR_OK;
    }
    switch (q.verb) {
    case ASK_KEYS:
        *answer = answer_text(s, SAID_KEYS, scope_printf(s, "%s\n%s\n", note_key_text(s, &v->log),
                                                         note_key_text(s, &v->issuer)));
        return ERR_OK;
    case ASK_STATUS:
        *answer = answer_text(s, SAID_STATUS, status_lines(s, v, t));
        return ERR_OK;
    case ASK_SIGN:
        TRY(sign_answer(s, v, t, &q.sign, &word));
        break;
    case ASK_LAST:
    case ASK_VERBS:
        break;
    }
    *answer = answer_text(s, word, vault_note(s, v));
    return ERR_OK;
}
