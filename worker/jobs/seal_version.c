/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal_version: sorts the items of a large draft into place, hashes them, seals the version. Each piece is a
 * transaction of its own: an attempt that is cut off leaves what it has done to the next, and no transaction stands
 * long enough to keep others' dead rows alive.
 */
#include <jansson.h>
#include <string.h>

#include "ledger/append/seal.h"
#include "schema/base/log.h"
#include "schema/store/version.h"
#include "worker/jobs/work.h"

static err left(struct scope *s, void *arg)
{
    return work_left(s, arg);
}

/* One piece under the version's row lock; *open false: it isn't being sealed any more. */
static err piece(struct scope *s, struct db *db, int64_t no, bool first, bool *open, bool *done)
{
    const char *state;

    TRY(db_begin(s, db));
    TRY(version_hold(s, db, no, true, &state));
    *open = strcmp(state, "sealing") == 0;
    if (*open && first)
        TRY(seal_check(s, db, no));
    if (*open)
        TRY(seal_items(s, db, no, done));
    return db_commit(s, db);
}

static err all_pieces(struct scope *s, struct work *w, int64_t no, bool *open)
{
    bool done = false;

    *open = true;
    for (bool first = true; *open && !done; first = false) {
        struct scope one = scope_within(s);
        err e = work_left(&one, w);
        if (e == ERR_OK)
            e = piece(&one, w->db, no, first, open, &done);
        if (e != ERR_OK)
            db_rollback(w->db);
        TRY(scope_end(s, &one, e));
    }
    return ERR_OK;
}

/* What only its publisher can mend is written down for them; the draft takes parts again. */
static err refuse(struct scope *s, struct work *w, int64_t no)
{
    const char *why = scope_strdup(s, s->why.detail);

    scope_forgive(s);
    log_line(LOG_INFO, "draft refused version=%s", w->job->key);
    return version_refuse(s, w->db, no, why);
}

static err seal(struct scope *s, struct work *w, int64_t no)
{
    const struct seal_watch watch = { left, w };
    bool open;
    err e = all_pieces(s, w, no, &open);

    if (e == ERR_INVALID || e == ERR_TOO_LARGE)
        return refuse(s, w, no);
    TRY(e);
    if (open) {
        e = seal_roots(s, w->db, no, &watch);
        if (e == ERR_STALE && work_left(s, w) == ERR_OK) {    /* another attempt was quicker */
            scope_forgive(s);
            e = ERR_OK;
        }
        TRY(e);
    }
    return draft_clear(s, w->db, no);
}

err seal_version_run(struct scope *s, struct work *w)
{
    int64_t no;

    TRY(work_numbered(s, w, "no", &no));
    return seal(s, w, no);
}
