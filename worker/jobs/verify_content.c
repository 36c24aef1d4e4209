/* SPDX-License-Identifier: Apache-2.0 */
/* verify_content: the contents of a version, or one content. reverify_content: what was verified too long ago. */
#include <jansson.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/json/canon.h"
#include "schema/store/content.h"
#include "worker/jobs/verify.h"

/* Page by page in the order of the hashes; what another job verified meanwhile within the window is passed over. */
static err verify_version(struct scope *s, struct work *w, const char *version)
{
    int64_t fresh = clock_wall_ms() - w->settings->fresh_ms;
    struct hash after;
    size_t n = VERIFY_BATCH;

    for (bool first = true; n == VERIFY_BATCH; first = false) {
        struct content *contents;
        struct scope page;
        err e;
        scope_init(&page, 0);
        page.deadline_ms = s->deadline_ms;
        e = content_of_version(&page, w->db, version, first ? NULL : &after, fresh, VERIFY_BATCH, &contents, &n);
        if (e == ERR_OK && n > 0) {
            after = contents[n - 1].sha256;
            e = verify_batch(&page, w, contents, n);
        }
        if (e != ERR_OK)
            s->why = page.why;
        scope_free(&page);
        TRY(e);
    }
    return ERR_OK;
}

static err verify_one_content(struct scope *s, struct work *w, const char *hex)
{
    struct content content;
    struct hash sha256;

    if (!hash_parse(hex, &sha256))
        return fail(s, ERR_INTERNAL, "a job names no hash: %s", hex);
    TRY(content_get(s, w->db, &sha256, &content));
    return verify_batch(s, w, &content, 1);
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
    size_t n = VERIFY_BATCH;

    while (n == VERIFY_BATCH) {
        struct content *contents;
        struct scope page;
        err e;
        scope_init(&page, 0);
        page.deadline_ms = s->deadline_ms;
        e = content_stale(&page, w->db, clock_wall_ms() - w->settings->reverify_ms, VERIFY_BATCH, &contents, &n);
        if (e == ERR_OK && n > 0)
            e = verify_batch(&page, w, contents, n);
        if (e != ERR_OK)
            s->why = page.why;
        scope_free(&page);
        TRY(e);
    }
    return ERR_OK;
}
