/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/jobs/cosign_ask.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "ledger/append/append.h"
#include "ledger/note/add_checkpoint.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/store/witness.h"

static err question(struct scope *s, const struct asking *a, uint64_t size, const char *note, char **body)
{
    const struct hash_source source = append_hash_source(a->db);
    struct proof proof = { 0 };

    if (a->known > 0 && a->known < size)
        TRY(proof_consistency(s, &source, a->known, size, &proof));
    *body = add_checkpoint_text(s, a->known, &proof, note);
    return ERR_OK;
}

static err send(struct scope *s, struct asking *a, const char *body, struct fetch_answer *answer)
{
    static const char *const headers[] = { "Content-Type: text/plain; charset=utf-8" };
    size_t len = strlen(a->witness->url);
    struct fetch_request rq = {
        .method = FETCH_POST, .headers = headers, .n_headers = ARRAY_LEN(headers),
        .body = { (const uint8_t *)body, strlen(body) }, .answer_max = WITNESS_ANSWER_MAX,
    };

    while (len > 0 && a->witness->url[len - 1] == '/')
        len--;
    rq.url = scope_printf(s, "%.*s/add-checkpoint", (int)len, a->witness->url);
    return fetch_run(s, a->fetch, &rq, answer);
}

static err take_cosignature(struct scope *s, struct asking *a, uint64_t size, const char *note,
                            const struct fetch_answer *answer, enum asked *out)
{
    struct bytes text, lines, line;
    int64_t at;

    TRY(note_split(s, note, strlen(note), &text, &lines));
    if (cosignature_find(s, answer->body, &text, &a->witness->cosigner, &at, &line) != ERR_OK) {
        log_line(LOG_ERROR, "witness answered without a good cosignature witness=%s size=%" PRIu64 " why=\"%s\"",
                 a->witness->name, size, s->why.detail);
        scope_forgive(s);
        *out = ASKED_REFUSED;
        return ERR_OK;
    }
    if (!cosignature_fresh(at, clock_wall_ms() / 1000)) {
        log_line(LOG_ERROR, "witness cosigned as of another time than ours witness=%s size=%" PRIu64 " at=%" PRId64,
                 a->witness->name, size, at);
        *out = ASKED_REFUSED;
        return ERR_OK;
    }
    TRY(witness_add(s, a->db, size, a->vkey, scope_strndup(s, (const char *)line.p, line.len), at));
    a->known = size;
    *out = ASKED_COSIGNED;
    return ERR_OK;
}

static enum asked alarm(const struct asking *a, uint64_t size, const char *what)
{
    log_line(LOG_ERROR, "witness alarm: %s: there may be another history of this log witness=%s size=%" PRIu64
             " from=%" PRIu64, what, a->witness->name, size, a->known);
    return ASKED_ALARM;
}

/* The witness's size is not the one we thought. *again: ask once more from there. */
static err other_size(struct scope *s, struct asking *a, uint64_t size, const struct fetch_answer *answer,
                      enum asked *out, bool *again)
{
    const char *type = fetch_header(answer, "Content-Type");
    struct newest_checkpoint newest;
    uint64_t said;

    *again = false;
    if (!type || strcasecmp(type, WITNESS_SIZE_TYPE) != 0 ||
        !witness_size_parse((const char *)answer->body.p, answer->body.len, &said)) {
        *out = alarm(a, size, "409 without a size");
        return ERR_OK;
    }
    if (said > size) {
        TRY(witness_newest(s, a->db, &newest));
        *out = said > (uint64_t)newest.size ? alarm(a, said, "it has cosigned more than was ever signed here")
                                            : ASKED_BEYOND;
        if (*out == ASKED_BEYOND)
            a->known = said;
        return ERR_OK;
    }
    if (said < a->known)
        log_line(LOG_WARNING, "witness has gone back witness=%s from=%" PRIu64 " to=%" PRIu64, a->witness->name,
                 a->known, said);
    a->known = said;
    *again = true;
    return ERR_OK;
}

static err judge(struct scope *s, struct asking *a, uint64_t size, const char *note, const struct fetch_answer *answer,
                 enum asked *out, bool *again)
{
    const char *after;
    uint64_t seconds;

    *again = false;
    a->status = answer->status;
    switch (answer->status) {
    case 200:
        return take_cosignature(s, a, size, note, answer, out);
    case 409:
        return other_size(s, a, size, answer, out, again);
    case 422:
        *out = alarm(a, size, "422, the proof is refused");
        return ERR_OK;
    case 429:
        after = fetch_header(answer, "Retry-After");
        if (after && decimal_read(after, strlen(after), INT32_MAX, &seconds))
            a->retry_ms = (int64_t)seconds * 1000;             /* its asker rests for WITNESS_BACKOFF_MAX_MS at most */
        *out = ASKED_PUSHED_BACK;
        return ERR_OK;
    default:
        log_line(LOG_ERROR, "witness refuses witness=%s status=%d size=%" PRIu64 "%s", a->witness->name,
                 answer->status, size, answer->status == 404   ? " why=\"it does not know this log\""
                                       : answer->status == 403 ? " why=\"it does not know this log's key\"" : "");
        *out = ASKED_REFUSED;
        return ERR_OK;
    }
}

err cosign_ask(struct scope *s, struct asking *a, uint64_t size, const char *note, enum asked *out)
{
    struct fetch_answer answer;
    bool again = true;
    char *body;

    assert(a->known <= size);
    a->retry_ms = 0;
    *out = ASKED_REFUSED;
    for (int tries = 0; again && tries < WITNESS_TRIES; tries++) {
        TRY(question(s, a, size, note, &body));
        TRY(send(s, a, body, &answer));
        TRY(judge(s, a, size, note, &answer, out, &again));
    }
    return ERR_OK;
}
