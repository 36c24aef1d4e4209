/* SPDX-License-Identifier: Apache-2.0 */
/* verify_content: the contents of a version, or one content. reverify_content: what was verified too long ago. */
#include <jansson.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/json/canon.h"
#include "schema/store/content.h"
#include "worker/jobs/verify.h"

/*
 * Page by page of its items; what another job, or a page before, has verified within the window is passed over, and
 * what is known to be broken is looked at once.
 */
static err verify_pages(struct scope *s, struct verifier *v, const struct version_span *span)
{
    int64_t now = clock_wall_ms(), fresh = now - v->work->settings->fresh_ms;

    for (int64_t from = 0; from < span->items; from += VERIFY_BATCH) {
        struct content *contents;
        struct scope page;
        size_t n;
        err e;
        scope_init(&page, 0);
        page.deadline_ms = s->deadline_ms;
        e = work_left(&page, v->work);
        if (e == ERR_OK)
            e = content_of_version(&page, v->work->db, span->version, from, from + VERIFY_BATCH, fresh, now, &contents,
                                   &n);
        if (e == ERR_OK && n > 0)
            e = verify_more(&page, v, contents, n);
        if (e != ERR_OK)
            s->why = page.why;
        scope_free(&page);
        TRY(e);
    }
    return ERR_OK;
}

/* What is on the way into the log is waited for, whatever happened. */
static err ended(struct scope *s, struct verifier *v, err e)
{
    struct scope last;
    err recorded;

    if (e == ERR_OK)
        return verify_end(s, v);
    scope_init(&last, 0);
    recorded = verify_end(&last, v);
    if (recorded != ERR_OK)
        log_why(LOG_WARNING, "a batch was not recorded", &last);
    scope_free(&last);
    return e;
}

static err verify_version(struct scope *s, struct work *w, const char *version)
{
    struct verifier v = { .work = w };
    struct version_span span;

    TRY(content_span(s, w->db, version, &span));
    return ended(s, &v, verify_pages(s, &v, &span));
}

static err verify_one_content(struct scope *s, struct work *w, const char *hex)
{
    struct verifier v = { .work = w };
    struct content content;
    struct hash sha256;

    if (!hash_parse(hex, &sha256))
        return fail(s, ERR_INTERNAL, "a job names no hash: %s", hex);
    TRY(content_get(s, w->db, &sha256, &content));
    return ended(s, &v, verify_more(s, &v, &content, 1));
}

err verify_content_run(struct scope *s, struct work *w)
{
    const char *version, *sha256;
    json_t *args = NULL;
    err e;

    TRY(json_read(s, w->job->args, strlen(w->job->args), &args));
    version = json_string_value(json_object_get(args, "version"));
    sha256 = json_string_value(json_object_get(args, "sha256"));
    if (version)
        e = verify_version(s, w, version);
    else if (sha256)
        e = verify_one_content(s, w, sha256);
    else
        e = fail(s, ERR_INTERNAL, "a job names neither a version nor a content");
    json_decref(args);
    return e;
}

err reverify_content_run(struct scope *s, struct work *w)
{
    struct verifier v = { .work = w };
    size_t n = VERIFY_BATCH;

    while (n == VERIFY_BATCH) {
        struct content *contents;
        struct scope page;
        err e;
        scope_init(&page, 0);
        page.deadline_ms = s->deadline_ms;
        e = content_stale(&page, w->db, clock_wall_ms() - w->settings->reverify_ms, VERIFY_BATCH, &contents, &n);
        if (e == ERR_OK && n > 0)      /* the next page is what is stale once this one is recorded */
            e = ended(&page, &v, verify_more(&page, &v, contents, n));
        if (e != ERR_OK)
            s->why = page.why;
        scope_free(&page);
        TRY(e);
    }
    return ERR_OK;
}
