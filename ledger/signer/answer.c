/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/signer/answer.h"

#include <inttypes.h>
#include <string.h>

#include "ledger/cert/integrity.h"
#include "ledger/signer/decide.h"
#include "ledger/signer/document.h"
#include "ledger/signer/issuers.h"
#include "schema/base/log.h"
#include "schema/json/canon.h"

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
    case DECIDE_STANDBY:
        *word = SAID_STANDBY;
        return ERR_OK;
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

/* An own signature over a history that this signer doesn't know: its folder is too old, or the log was forked. */
static void document_refused(const struct vault *v, struct tally *t, enum document_verdict why)
{
    t->refused++;
    if (why != DOCUMENT_CHECKPOINT_AHEAD && why != DOCUMENT_CHECKPOINT_FORK) {
        log_line(LOG_WARNING, "document refused: %s", document_sentence(why));
        return;
    }
    t->alarms++;
    log_line(LOG_ERROR, "alarm: %s origin=%s size=%" PRIu64 " alarms=%" PRIu64, document_sentence(why), v->log.name,
             v->last.size, t->alarms);
}

static struct document_judge judge_of(const struct vault *v)
{
    return (struct document_judge){ .log = &v->log, .issuers = v->issuers, .n_issuers = v->n_issuers,
                                    .last = &v->last };
}

static char *refusal(struct scope *s, const struct vault *v, struct tally *t, enum document_verdict why)
{
    scope_forgive(s);
    document_refused(v, t, why);
    return answer_text(s, SAID_REFUSED, scope_printf(s, "%s: %s\n", document_code(why), document_sentence(why)));
}

static err document_answer(struct scope *s, const struct vault *v, struct tally *t, const struct document_request *r,
                           char **answer)
{
    struct document_judge judge = judge_of(v);
    struct document_grant grant;
    json_t *whole = NULL;
    struct bytes text;
    enum document_verdict why = document_decide(s, &judge, r, &grant);
    err e;

    if (why != DOCUMENT_SIGN) {
        *answer = refusal(s, v, t, why);
        return ERR_OK;
    }
    e = integrity_sign(s, grant.document, grant.by->secret, grant.at_ms, &whole);
    json_decref(grant.document);
    TRY(e);
    e = canon(s, whole, &text);
    json_decref(whole);
    TRY(e);
    t->documents++;
    *answer = answer_text(s, SAID_DOCUMENT, scope_printf(s, "%.*s\n", (int)text.len, (const char *)text.p));
    return ERR_OK;
}

/* ---- the life of the log */

/* Our own signature beyond what we signed: another signer has this key, and is ahead. It goes on, we don't. */
static err newest_answer(struct scope *s, struct vault *v, struct tally *t, struct bytes note, char **answer)
{
    struct checkpoint c;

    if (checkpoint_open(s, (const char *)note.p, note.len, &v->log, &c) != ERR_OK) {
        *answer = refusal(s, v, t, DOCUMENT_CHECKPOINT_OTHER);
        return ERR_OK;
    }
    if (c.size == v->last.size && !hash_equal(&c.root, &v->last.root)) {
        document_refused(v, t, DOCUMENT_CHECKPOINT_FORK);
        *answer = answer_text(s, SAID_ALARM, vault_note(s, v));
        return ERR_OK;
    }
    if (c.size > v->last.size && !v->last.standby) {
        t->alarms++;
        log_line(LOG_ERROR, "alarm: another signer has signed beyond this one, which is a standby from now on origin=%s"
                 " size=%" PRIu64 " seen=%" PRIu64 " alarms=%" PRIu64, v->log.name, v->last.size, c.size, t->alarms);
        TRY(vault_stand_by(s, v, false, standby_id_new()));
    }
    *answer = answer_text(s, v->last.standby ? SAID_STANDBY : SAID_LAST, vault_note(s, v));
    return ERR_OK;
}

static err freeze_answer(struct scope *s, struct vault *v, struct tally *t, const struct document_request *r,
                         char **answer)
{
    struct document_judge judge = judge_of(v);
    struct act_grant grant;
    enum document_verdict why = act_decide(s, &judge, ENTRY_LOG_FROZEN, r, &grant);

    if (why != DOCUMENT_SIGN) {
        *answer = refusal(s, v, t, why);
        return ERR_OK;
    }
    if (!v->last.frozen) {
        TRY(vault_freeze(s, v));
        log_line(LOG_INFO, "frozen origin=%s size=%" PRIu64, v->log.name, v->last.size);
    }
    *answer = answer_text(s, SAID_FROZEN, vault_note(s, v));
    return ERR_OK;
}

static char *keys_answer(struct scope *s, const struct vault *v)
{
    struct note_key next;
    const char *more = "";

    if (issuers_next(s, v, &next) == ERR_OK)
        more = scope_printf(s, "%s\n", note_key_text(s, &next));
    else
        scope_forgive(s);
    return answer_text(s, SAID_KEYS, scope_printf(s, "%s\n%s\n%s", note_key_text(s, &v->log),
                                                  note_key_text(s, &v->issuers[v->n_issuers - 1].key), more));
}

/* The key that lies ready comes into force by the entry that names it; a repeat finds it there. */
static err issuer_answer(struct scope *s, struct vault *v, struct tally *t, const struct document_request *r,
                         char **answer)
{
    struct document_judge judge = judge_of(v);
    struct act_grant grant;
    struct note_key next;
    enum document_verdict why = act_decide(s, &judge, ENTRY_ISSUER_KEY_CHANGED, r, &grant);
    const struct issuer *now = &v->issuers[v->n_issuers - 1];

    if (why == DOCUMENT_SIGN && now->since == grant.index &&
        strcmp(note_key_text(s, &now->key), grant.issuer_key) == 0) {
        *answer = keys_answer(s, v);
        return ERR_OK;
    }
    if (why == DOCUMENT_SIGN && (grant.index <= now->since || issuers_next(s, v, &next) != ERR_OK ||
                                 strcmp(note_key_text(s, &next), grant.issuer_key) != 0))
        why = DOCUMENT_ISSUER_UNKNOWN;
    if (why != DOCUMENT_SIGN) {
        *answer = refusal(s, v, t, why);
        return ERR_OK;
    }
    TRY(issuers_change(s, v, grant.index));
    log_line(LOG_INFO, "issuer's key changed origin=%s entry=%" PRIu64, v->log.name, grant.index);
    *answer = keys_answer(s, v);
    return ERR_OK;
}

static char *status_lines(struct scope *s, const struct vault *v, const struct tally *t)
{
    const struct { const char *name; uint64_t value; } rows[] = {
        { "size", v->last.size }, { "frozen", v->last.frozen }, { "standby", v->last.standby },
        { "questions", t->questions },
        { "signatures", t->signatures }, { "repeats", t->repeats }, { "late", t->late },
        { "other_size", t->other_size }, { "frozen_refusals", t->frozen }, { "alarms", t->alarms },
        { "documents", t->documents }, { "refused", t->refused }, { "malformed", t->malformed }, { "syncs", v->syncs },
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
        *answer = keys_answer(s, v);
        return ERR_OK;
    case ASK_STATUS:
        *answer = answer_text(s, SAID_STATUS, status_lines(s, v, t));
        return ERR_OK;
    case ASK_DOCUMENT:
        return document_answer(s, v, t, &q.document, answer);
    case ASK_NEWEST:
        return newest_answer(s, v, t, q.newest, answer);
    case ASK_FREEZE:
        return freeze_answer(s, v, t, &q.document, answer);
    case ASK_ISSUER:
        return issuer_answer(s, v, t, &q.document, answer);
    case ASK_SIGN:
        TRY(sign_answer(s, v, t, &q.sign, &word));
        break;
    case ASK_LAST:
        word = v->last.standby ? SAID_STANDBY : SAID_LAST;
        break;
    case ASK_VERBS:
        break;
    }
    *answer = answer_text(s, word, vault_note(s, v));
    return ERR_OK;
}
