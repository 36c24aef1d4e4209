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
    uint64_t unread;                  /* where the search for a first good one goes on: all above was looked at */
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
    c->unread = UINT64_MAX;
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

/* Whether the policy would be met if all of these verified, which a quorum that is unmet for long need not cost. */
static bool enough(const struct cosigned *c, const struct cosignature_row *rows, size_t n)
{
    bool cosigned[POLICY_WITNESSES_MAX] = { false };

    for (size_t i = 0; i < n; i++)
        for (size_t w = 0; w < c->policy->n_witnesses; w++)
            cosigned[w] = cosigned[w] || strcmp(rows[i].witness, c->witnesses[w]) == 0;
    return policy_met(c->policy, cosigned);
}

/* The cosignatures of one size, below its checkpoint. True: they meet the policy, and the note is taken. */
static bool take(struct scope *s, struct cosigned *c, const struct cosignature_row *rows, size_t n)
{
    struct policy_verdict *v = NEW(s, struct policy_verdict);
    struct buf note = BUF(s);

    if (!enough(c, rows, n))
        return false;
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

/* One page, from size *to down to `from`; gives where the next one begins, 0 when there is none to look at. */
static err look_page(struct scope *s, struct cosigned *c, struct db *db, uint64_t from, uint64_t *to)
{
    struct cosignature_row *rows;
    size_t n;

    _Static_assert(POLICY_WITNESSES_MAX < WITNESS_ROWS_MAX, "a page has one size whole, and goes on to the next");
    TRY(witness_cosignatures(s, db, from, *to, c->witnesses, c->policy->n_witnesses, &rows, &n));
    *to = 0;
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && rows[end].size == rows[i].size;)
            end++;
        if (end == WITNESS_ROWS_MAX) {
            *to = (uint64_t)rows[i].size;      /* maybe not all of it */
            return ERR_OK;
        }
        if (take(s, c, rows + i, end - i))
            return ERR_OK;            /* the largest stands first */
    }
    return ERR_OK;
}

/*
 * A process that begins while the quorum is unmet finds the checkpoint that was good before it, however far down. What
 * was looked at stays so when the time is over: the next one who asks goes on from there.
 */
static err look_down(struct scope *s, struct cosigned *c, struct db *db, uint64_t to)
{
    err e = ERR_OK;

    pthread_mutex_lock(&c->lock);
    to = c->note ? 0 : to < c->unread ? to : c->unread;
    pthread_mutex_unlock(&c->lock);
    while (e == ERR_OK && to > 0) {
        struct scope page = scope_within(s);

        e = scope_end(s, &page, look_page(&page, c, db, 0, &to));
        pthread_mutex_lock(&c->lock);
        if (e == ERR_OK && to < c->unread)
            c->unread = to;
        pthread_mutex_unlock(&c->lock);
    }
    return e;
}

err cosigned_look(struct scope *s, struct app *app, struct db *db)
{
    struct cosigned *c = app->cosigned;
    uint64_t to = append_signed_size(app->append);

    TRY(look_page(s, c, db, cosigned_newest(s, c).size, &to));
    TRY(look_down(s, c, db, to));
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
