/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/jobs/work.h"

#include <string.h>

#include "schema/base/log.h"
#include "schema/json/canon.h"

err work_left(struct scope *s, const struct work *w)
{
    if (atomic_load(&w->seat->lost))
        return fail(s, ERR_STALE, "the lease is lost");
    if (atomic_load(w->stopping))
        return fail(s, ERR_BUSY, "stopping");
    return scope_left_ms(s) > 0 ? ERR_OK : fail(s, ERR_BUSY, "the job's time is over");
}

err work_named(struct scope *s, const struct work *w, const char *name, const char **out)
{
    const char *text;
    json_t *args;

    TRY(json_read(s, w->job->args, strlen(w->job->args), &args));
    text = json_string_value(json_object_get(args, name));
    *out = text ? scope_strdup(s, text) : NULL;
    json_decref(args);
    return *out ? ERR_OK : fail(s, ERR_INTERNAL, "a job names no %s", name);
}

err work_numbered(struct scope *s, const struct work *w, const char *name, int64_t *out)
{
    json_t *args;

    TRY(json_read(s, w->job->args, strlen(w->job->args), &args));
    *out = json_integer_value(json_object_get(args, name));
    json_decref(args);
    return *out > 0 ? ERR_OK : fail(s, ERR_INTERNAL, "a job has no %s", name);
}

err work_append(struct scope *s, const struct work *w, int64_t ms,
                err (*decide)(struct scope *s, struct append_txn *t, void *arg), void *arg)
{
    struct scope own;
    struct append_op op = { .scope = &own, .decide = decide, .arg = arg };
    err e;

    scope_init(&own, ms);
    e = append_run(w->append, &op);
    if (e != ERR_OK)
        s->why = own.why;
    scope_free(&own);
    return e;
}

err work_log(struct scope *s, const struct work *w, struct log_row *log, char issuer[DID_KEY_SIZE])
{
    struct note_key key;

    TRY(log_load(s, w->db, log));
    if (!note_key_parse(log->issuer_key, &key))
        return fail(s, ERR_CORRUPT, "the log's issuer key cannot be read");
    did_key(&key.key, issuer);
    return ERR_OK;
}

void work_sign(struct scope *s, const struct work *w, const struct hash *document, uint64_t index)
{
    struct bytes whole;

    err e = append_document_signed(s, w->append, w->db, document, index, &whole);

    if (e == ERR_OK)
        return;
    log_why(e == ERR_INVALID ? LOG_ERROR : LOG_INFO, "a document is not signed yet", s);
    scope_forgive(s);
}
