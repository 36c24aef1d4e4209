/* SPDX-License-Identifier: Apache-2.0 */
#include "api/cosigned.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/store/witness.h"

struct cosigned {
    struct scope scope;               /* of the policy and the witnesses' vkeys */
    struct policy *policy;
    struct note_key log;
    const char **witnesses;
    pthread_mutex_t lock;
    int64_t looked_ms;
    uint64_t size;
    char *note;                       /* NULL: none was good yet */
};

static err read_policy(struct scope *s, const char *path, const char *log_key, struct cosigned *c)
{
    struct policy *p = c->policy = NEW(&c->scope, struct policy);
    struct bytes text;
    bool listed;

    TRY(config_file(s, path, POLICY_BYTES_MAX, &text));
    if (policy_parse(&c->scope, (const char *)text.p, text.len, p) != ERR_OK)
        return fail(s, ERR_CONFIG, "%s: %s", path, c->scope.why.detail);
    if (!note_key_parse(log_key, &c->log))
        return fail(s, ERR_CORRUPT, "the log's key is no verifier key");
    listed = p->n_logs == 0;
    for (size_t i = 0; i < p->n_logs; i++)
        listed = listed || memcmp(p->logs[i].key.key.b, c->log.key.b, sizeof c->log.key.b) == 0;
    if (!listed)
        return fail(s, ERR_CONFIG, "%s lists logs, but not this one: %s", path, log_key);
    c->witnesses = NEWS(&c->scope, const char *, p->n_witnesses + 1);
    for (size_t i = 0; i < p->n_witnesses; i++)
        c->witnesses[i] = cosigner_text(&c->scope, &p->witnesses[i].cosigner);
    return ERR_OK;
}

err cosigned_open(struct scope *s, struct app *app, struct cosigned **out)
{
    struct cosigned *c;
    err e;

    *out = NULL;
    if (!*app->config.policy_file)
        return ERR_OK;
    c = calloc(1, sizeof *c);
    if (!c)
        abort();
    scope_init(&c->scope, 0);
    pthread_mutex_init(&c->lock, NULL);
    c->looked_ms = INT64_MIN / 2;
    e = read_policy(s, app->config.policy_file, app->log_key, c);
    if (e != ERR_OK)
        cosigned_close(c);
    else
        *out = c;
    return e;
}

void cosigned_close(struct cosigned *c)
{
    if (!c)
        return;
    free(c->note);
    pthread_mutex_destroy(&c->lock);
    scope_free(&c->scope);
    free(c);
}

bool cosigned_due(struct cosigned *c)
{
    bool due;

    pthread_mutex_lock(&c->lock);
    due = clock_monotonic_ms() - c->looked_ms >= COSIGNED_LOOK_MS;
    pthread_mutex_unlock(&c->lock);
    return due;
}

static void adopt(struct cosigned *c, uint64_t size, const char *note)
{
    pthread_mutex_lock(&c->lock);
    if (size > c->size || (size == c->size && (!c->note || strlen(note) > strlen(c->note)))) {
        free(c->note);
        c->note = strdup(note);
        if (!c->note)
            abort();
        c->size = size;
    }
    pthread_mutex_unlock(&c->lock);
}

/* The cosignatures of one size, below its checkpoint. True: they meet the policy, and the note is taken. */
static bool take(struct scope *s, struct cosigned *c, const struct cosignature_row *rows, size_t n)
{
    struct policy_verdict *v = NEW(s, struct policy_verdict);
    struct buf note = BUF(s);

    buf_str(&note, rows[0].note);
    for (size_t i = 0; i < n; i++)
        buf_str(&note, rows[i].line);
    if (policy_judge(s, c->policy, &c->log, note.p, note.len, v) != ERR_OK) {
        log_line(LOG_ERROR, "stored cosignatures are not good size=%" PRId64 " why=\"%s\"", rows[0].size,
                 s->why.detail);
        scope_forgive(s);
        return false;
    }
    if (!v->met || v->checkpoint.size != (uint64_t)rows[0].size)
        return false;
    adopt(c, v->checkpoint.size, note.p);
    return true;
}

/* With `quorum none` a checkpoint without any cosignature is good. */
static void take_signed(struct scope *s, struct app *app)
{
    struct append_signed newest = append_signed(s, app->append);
    struct cosigned *c = app->cosigned;

    if (c->policy->quorum == POLICY_NO_GROUP && *newest.note && newest.size > cosigned_newest(s, c).size)
        adopt(c, newest.size, newest.note);
}

err cosigned_look(struct scope *s, struct app *app, struct db *db)
{
    struct cosigned *c = app->cosigned;
    uint64_t from = cosigned_newest(s, c).size;
    struct cosignature_row *rows;
    size_t n;

    TRY(witness_cosignatures(s, db, from, append_signed_size(app->append), c->witnesses, c->policy->n_witnesses,
                             &rows, &n));
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && rows[end].size == rows[i].size;)
            end++;
        if (take(s, c, rows + i, end - i))
            break;                    /* the largest stands first */
    }
    take_signed(s, app);
    pthread_mutex_lock(&c->lock);
    c->looked_ms = clock_monotonic_ms();
    pthread_mutex_unlock(&c->lock);
    return ERR_OK;
}

struct append_signed cosigned_newest(struct scope *s, struct cosigned *c)
{
    struct append_signed out;

    pthread_mutex_lock(&c->lock);
    out = (struct append_signed){ c->size, scope_strdup(s, c->note ? c->note : "") };
    pthread_mutex_unlock(&c->lock);
    return out;
}
