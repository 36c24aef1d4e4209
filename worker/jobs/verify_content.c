/* SPDX-License-Identifier: Apache-2.0 */
/* verify_content: the contents of a version, or one content. reverify_content: what was verified too long ago. */
#include <jansson.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/json/canon.h"
#include "schema/store/content.h"
#include "schema/store/verification.h"
#include "worker/jobs/verify.h"

struct walk {
    struct verifier v;
    struct version_span span;
    struct version_page page;
    int64_t passed;               /* items before are recorded and counted */
    int64_t on_the_way;           /* first item of the page whose batch is being recorded */
    struct verification seen;     /* of the items before `passed` */
};

/* What the verifier has recorded by now is the version's: up to the batch on the way, or up to the page's end. */
static err pass(struct scope *s, struct walk *k, int64_t end)
{
    struct version_page p = k->page;

    p.from = k->passed;
    p.to = k->v.recording ? k->on_the_way : end;
    if (p.to <= p.from)
        return ERR_OK;
    TRY(verification_pass(s, k->v.work->db, &k->span, &p, &k->seen));
    k->passed = p.to;
    return ERR_OK;
}

static err verify_page(struct scope *s, struct walk *k)
{
    const struct batch *before = k->v.recording;      /* lives until the next one is made: none has its address */
    struct content *contents;
    size_t n;

    TRY(work_left(s, k->v.work));
    TRY(verification_due(s, k->v.work->db, &k->span, &k->page, &contents, &n));
    if (n > 0)
        TRY(verify_more(s, &k->v, contents, n));
    if (k->v.recording != before)
        k->on_the_way = k->page.from;
    return pass(s, k, k->page.to);
}

/*
 * Page by page of its items; what was verified for this publisher within the window is passed over, and what is known
 * to be broken is looked at once.
 */
static err verify_pages(struct scope *s, struct walk *k)
{
    int64_t now = clock_wall_ms();

    for (int64_t from = 0; from < k->span.items; from += VERIFY_BATCH) {
        int64_t to = from + VERIFY_BATCH < k->span.items ? from + VERIFY_BATCH : k->span.items;
        struct scope page = scope_within(s);

        k->page = (struct version_page){ from, to, now - k->v.work->settings->fresh_ms, now };
        TRY(scope_end(s, &page, verify_page(&page, k)));
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

/* At last all is counted once more: what was passed first may have changed meanwhile. */
static err verify_version(struct scope *s, struct work *w, const char *version)
{
    struct walk k = { .v.work = w };

    TRY(verification_span(s, w->db, version, &k.span));
    TRY(ended(s, &k.v, verify_pages(s, &k)));
    TRY(pass(s, &k, k.span.items));
    return verification_recount(s, w->db, k.span.version);
}

static err verify_one_content(struct scope *s, struct work *w, const char *hex)
{
    struct verifier v = { .work = w, .alone = true };
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
        struct scope page = scope_within(s);
        err e;

        e = content_stale(&page, w->db, clock_wall_ms() - w->settings->reverify_ms, VERIFY_BATCH, &contents, &n);
        if (e == ERR_OK && n > 0)      /* the next page is what is stale once this one is recorded */
            e = ended(&page, &v, verify_more(&page, &v, contents, n));
        TRY(scope_end(s, &page, e));
    }
    return ERR_OK;
}
