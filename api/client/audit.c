/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/client/audit_draw.h"
#include "api/client/audit_mirror.h"
#include "api/client/audit_source.h"
#include "api/client/audit_state.h"
#include "api/client/audit_tell.h"
#include "api/client/folder.h"
#include "api/client/receipt.h"
#include "api/client/say.h"
#include "api/client/verb.h"
#include "schema/base/clock.h"
#include "schema/base/random.h"

#define URL_THREADS_LEAST 4            /* A reader over HTTP waits for round trips, too, whatever cores there are. */

struct options {
    const char *key, *state, *predecessor, *mirror, *policy, *commit, *nonce, *draw;
    bool json, forget, dir;
};

static const struct flag flags[] = {
    { "key", "VKEY", false, offsetof(struct options, key),
      "the log's verifier key; else the one first seen at this URL is believed, and said" },
    { "state", "FILE", false, offsetof(struct options, state), "where key and last checkpoint are remembered" },
    { "from-start", NULL, false, offsetof(struct options, forget), "then read the whole log once more" },
    { "dir", NULL, false, offsetof(struct options, dir),
      "a folder with checkpoint and tile/ instead of a URL; needs --key" },
    { "policy", "FILE", false, offsetof(struct options, policy),
      "whose cosignatures the checkpoint must have (C2SP tlog-policy)" },
    { "mirror", "DIR", false, offsetof(struct options, mirror),
      "keep a copy of the log there: files that any web server can serve and --dir audits" },
    { "nonce-commit", "FILE", false, offsetof(struct options, commit),
      "make a nonce for a draw, and print what to give the operator before the log goes on" },
    { "draw", "N", false, offsetof(struct options, draw),
      "check N accesses, drawn by a later checkpoint and the nonce, with all that stands behind them" },
    { "nonce", "FILE", false, offsetof(struct options, nonce), "the nonce of the draw, as --nonce-commit made it" },
    { "predecessor", "FILE", false, offsetof(struct options, predecessor),
      "where the audit of the log before remembers it: whether this one goes on with it" },
    { "json", NULL, false, offsetof(struct options, json), "the report as JSON" },
};

struct job {
    const struct options *o;
    struct market market;
    struct url_source *url;
    struct dir_source dir;
    struct mirror mirror;
    struct audit_source source;
    unsigned threads;                 /* that read it ahead, */
    struct ahead *ahead;              /* in the run that is going on */
    const char *vkey, *named;         /* the key audited by; the one given, or named by the market */
    const char *url_pinned;           /* the URL whose key is remembered, or NULL */
    struct policy *policy;            /* NULL: none was given */
    struct bytes seen;                /* the copy's or the nonce's checkpoint; or empty */
    struct draw draw;
    struct draw_result drawn;
    bool whole;                       /* all that is private is shown to the reader's key */
    bool mirrored;                    /* the copy is as far as the log */
    bool trusted_now;                 /* no key was given and none was pinned: this run believes the market */
    struct audit *before;             /* the predecessor's, NULL: none was given */
    struct audit_state state;
    struct progress progress;
};

static void tick(void *arg, uint64_t done, uint64_t size)
{
    struct job *j = arg;

    if (j->progress.things == 0)
        j->progress.first = done;
    j->progress.things = size;
    j->progress.things_done = done;
    progress_add(&j->progress, 0, 0);
}

static unsigned at_most(unsigned threads)
{
    return threads < AHEAD_THREADS_MAX ? threads : AHEAD_THREADS_MAX;
}

static err open_source(struct scope *s, struct job *j, const char *where)
{
    if (j->o->dir) {
        if (!j->o->key)
            return fail(s, ERR_INVALID, "a folder is audited with --key VKEY");
        TRY(folder_open(s, where, false, &j->dir.folder));
        j->source = dir_source_of(&j->dir);
        j->threads = at_most(parallel_cores() - 1);
        return ERR_OK;
    }
    TRY(market_open(s, &j->market, false));
    if (strcmp(j->market.url, where) != 0) {      /* a key of one market is not shown to another */
        market_close(&j->market);
        TRY(market_open_url(s, &j->market, where));
    }
    j->threads = at_most(parallel_cores() > URL_THREADS_LEAST ? parallel_cores() : URL_THREADS_LEAST);
    TRY(url_source_open(s, &j->market, j->threads, &j->url));
    j->source = url_source_of(j->url);
    return ERR_OK;
}

/* What the audit reads goes through the copy. One that is behind the state lacks what the state was made from. */
static err open_mirror(struct scope *s, struct job *j)
{
    if (!j->o->mirror)
        return ERR_OK;
    TRY(mirror_open(s, j->o->mirror, &j->mirror));
    j->mirror.source = j->source;
    j->source = mirror_source(&j->mirror);
    return ERR_OK;
}

static void close_source(struct job *j)
{
    mirror_close(&j->mirror);
    url_source_close(j->url);
    market_close(&j->market);
    if (j->dir.folder >= 0)
        close(j->dir.folder);
}

/*
 * Which log is meant: the key given, else the one first seen at this URL, else the one that the market names. What the
 * state file was begun with outdoes them all: whatever is said today and differs from it is a finding, not a change of
 * mind.
 */
static err choose_key(struct scope *s, struct job *j, const char *where)
{
    struct note_key key;
    const char *pin = NULL;

    j->url_pinned = !j->o->dir && !j->o->state ? where : NULL;
    j->named = j->o->key;
    if (!j->named)
        TRY(log_key_fetch(s, &j->market, &key, &j->named));
    if (!j->o->key && j->url_pinned)
        TRY(audit_pin_read(s, j->url_pinned, &pin));
    j->vkey = pin ? pin : j->named;
    if (!note_key_parse(j->vkey, &key))
        return fail(s, ERR_INVALID, "not a verifier key of a log: %s", j->vkey);
    TRY(audit_state_open(s, j->o->state, key.name, &j->state));
    j->trusted_now = !j->o->key && !pin && j->state.text.len == 0;
    return ERR_OK;
}

/* Whether all that is private is shown to the reader: then what is missing was erased, or is hidden. */
static err shown_whole(struct scope *s, struct job *j)
{
    json_t *me = NULL;

    if (!j->market.authorization)
        return ERR_OK;
    TRY(market_get(s, &j->market, "/v1/me", &me));
    j->whole = json_is_true(json_object_get(me, "granted"));
    json_decref(me);
    return ERR_OK;
}

static err predecessor_load(struct scope *s, const char *path, struct audit **out)
{
    struct audit_config any = { .vkey = NULL };
    struct bytes text;
    err e;

    TRY(file_read(s, path, AUDIT_STATE_BYTES_MAX, &text));
    random_bytes(&any.seed, sizeof any.seed);
    e = audit_load(s, &any, text.p, text.len, out);
    return e == ERR_INVALID ? fail(s, ERR_CONFIG, "%s: %s", path, s->why.detail) : e;
}

static err make_audit(struct scope *s, struct job *j, struct audit **out)
{
    struct audit_config config = { .vkey = j->vkey, .named = j->named, .policy = j->policy, .seen = j->seen,
                                   .whole = j->whole, .predecessor = j->before, .now_ms = clock_wall_ms(),
                                   .bundle = ahead_bundle, .bundle_arg = j->ahead, .progress = tick,
                                   .progress_arg = j };
    err e;

    random_bytes(&config.seed, sizeof config.seed);
    if (j->state.text.len == 0)
        return audit_new(s, &config, out);
    config.vkey = NULL;
    e = audit_load(s, &config, j->state.text.p, j->state.text.len, out);
    if (e == ERR_INVALID)
        return fail(s, ERR_CONFIG, "%s cannot be gone on from: %s", j->state.path, s->why.detail);
    TRY(e);
    j->vkey = scope_strdup(s, audit_vkey(*out));
    return ERR_OK;
}

/* Files of the copy that don't fit are the copy's own fault, until the log has shown the same. */
static bool doubtful(struct job *j, const struct audit_report *r)
{
    bool again = j->o->mirror && r->tree_findings > 0 && j->mirror.kept_files > 0 && !j->mirror.anew;

    j->mirror.anew |= again;
    return again;
}

static err replay(struct scope *s, struct job *j, struct audit *a, const struct audit_source *source,
                  struct audit_report *r)
{
    err e;

    progress_start(&j->progress, "entries", 0, 0);
    e = audit_run(s, a, source, r);
    progress_end(&j->progress);
    return e;
}

static err read_log(struct scope *s, struct job *j, struct audit_report *r, struct audit **out)
{
    err e;

    do {
        audit_free(*out);
        *out = NULL;
        TRY(ahead_open(s, &j->source, j->threads, &j->ahead));
        e = make_audit(s, j, out);
        if (e == ERR_OK)
            e = replay(s, j, *out, &j->source, r);
        ahead_close(j->ahead);
    } while (e == ERR_OK && doubtful(j, r));
    return e;
}

static err run_audit(struct scope *s, struct job *j, struct audit_report *r)
{
    struct audit *a = NULL;
    struct buf text = BUF(s);
    err e = read_log(s, j, r, &a);

    if (e == ERR_OK && r->advanced) {
        audit_save(a, &text);
        e = audit_state_save(s, &j->state, text.p, text.len);
        if (e == ERR_OK && j->url_pinned)
            e = audit_pin_write(s, j->url_pinned, j->vkey);
    }
    if (e == ERR_OK && r->evidence)
        e = audit_state_evidence(s, &j->state, r->evidence);
    audit_free(a);
    return e;
}

/* What the state was made from and the copy lacks is read once more; the report is of the first reading. */
static err copy_whole(struct scope *s, struct job *j, struct audit_report *r)
{
    struct audit *a = NULL;
    err e;

    j->state.text.len = 0;
    e = read_log(s, j, r, &a);
    audit_free(a);
    return e;
}

static err mirror(struct scope *s, struct job *j, const struct audit_report *audited, uint64_t copied)
{
    struct audit_report r = *audited;

    if (copied < r.from)
        TRY(copy_whole(s, j, &r));
    if (!r.advanced || r.tree_findings)
        return ERR_OK;
    j->mirrored = true;
    return mirror_finish(s, &j->mirror, r.to);
}

static err audit_where(struct scope *s, struct job *j, const char *where, struct audit_report *r)
{
    uint64_t copied = 0;

    if (j->o->policy)
        TRY(policy_file_read(s, j->o->policy, &j->policy));
    TRY(open_source(s, j, where));
    TRY(open_mirror(s, j));
    TRY(choose_key(s, j, where));
    TRY(shown_whole(s, j));
    if (j->o->mirror)
        TRY(mirror_seen(s, &j->mirror, &j->seen, &copied));
    if (j->o->predecessor)
        TRY(predecessor_load(s, j->o->predecessor, &j->before));
    TRY(run_audit(s, j, r));
    if (j->o->forget && r->from > 0 && r->findings == 0 && r->earlier_findings == 0) {
        j->state.text.len = 0;        /* it extends what was seen: now all of it once more */
        TRY(run_audit(s, j, r));
    }
    return j->o->mirror && r->has_checkpoint && !r->tree_findings ? mirror(s, j, r, copied) : ERR_OK;
}

/* ---- a draw */

/* The checkpoint of a note, signed by the log that is audited. */
static err note_of_log(struct scope *s, const struct job *j, struct bytes note, struct checkpoint *out)
{
    struct note_key key;

    if (!note_key_parse(j->vkey, &key))
        return fail(s, ERR_INVALID, "not a verifier key of a log: %s", j->vkey);
    return checkpoint_open(s, (const char *)note.p, note.len, &key, out);
}

static err commit_nonce(struct scope *s, struct job *j, const char *where)
{
    struct checkpoint c;
    struct bytes note = { 0 };
    struct nonce n;

    TRY(open_source(s, j, where));
    TRY(choose_key(s, j, where));
    TRY(j->source.checkpoint(s, j->source.arg, &note));
    TRY(note_of_log(s, j, note, &c));
    TRY(nonce_make(s, j->o->commit, note, &n));
    say("commitment %s", hash_hex(s, &n.commitment));
    say("           to be given to the operator now; the draw is by a checkpoint beyond %llu entries",
        (unsigned long long)c.size);
    return ERR_OK;
}

/* The whole log, by itself: a draw neither goes on from the state nor changes it. */
static err read_for_draw(struct scope *s, struct job *j, struct draw_source *d, struct draw *draw,
                         struct audit_report *r)
{
    struct audit_config config = { .vkey = j->vkey, .named = j->named, .policy = j->policy, .seen = j->seen,
                                   .draw = draw, .bundle = ahead_bundle, .progress = tick, .progress_arg = j };
    struct audit_source source = draw_source_of(d);
    struct audit *a = NULL;
    err e;

    random_bytes(&config.seed, sizeof config.seed);
    TRY(ahead_open(s, &source, j->threads, &j->ahead));
    config.bundle_arg = j->ahead;
    e = audit_new(s, &config, &a);
    if (e == ERR_OK)
        e = replay(s, j, a, &source, r);
    ahead_close(j->ahead);
    audit_free(a);
    return e;
}

static err draw_nonce(struct scope *s, struct job *j)
{
    uint64_t n;

    if (!j->o->nonce)
        return fail(s, ERR_INVALID, "a draw needs --nonce FILE, made by --nonce-commit before the log went on");
    if (!decimal_read(j->o->draw, strlen(j->o->draw), DRAW_MAX, &n) || n == 0)
        return fail(s, ERR_INVALID, "--draw takes 1 to %d accesses", DRAW_MAX);
    TRY(nonce_read(s, j->o->nonce, &j->drawn.nonce));
    memcpy(j->draw.nonce, j->drawn.nonce.secret, HASH_SIZE);
    j->draw.n = n;
    j->seen = j->drawn.nonce.committed;
    return ERR_OK;
}

static err draw_accesses(struct scope *s, struct job *j, const char *where, struct audit_report *r)
{
    struct draw_source d = { .kept = s };
    struct checkpoint committed;

    TRY(draw_nonce(s, j));
    TRY(open_source(s, j, where));
    TRY(choose_key(s, j, where));
    TRY(note_of_log(s, j, j->seen, &committed));
    d.source = j->source;
    d.note = j->drawn.nonce.drawn;
    TRY(read_for_draw(s, j, &d, &j->draw, r));
    if (!r->advanced)
        return ERR_OK;                /* found: there is no log to draw from */
    if (r->checkpoint.size <= committed.size)
        return fail(s, ERR_STALE, "the nonce is committed at %llu entries, and the log has not gone on since: a "
                    "draw is by a checkpoint that came after", (unsigned long long)committed.size);
    if (j->drawn.nonce.drawn.len == 0)
        TRY(nonce_drawn(s, j->o->nonce, &j->drawn.nonce, d.note));
    d.draw = &j->draw;
    TRY(read_for_draw(s, j, &d, NULL, r));
    j->drawn.draw = &j->draw;
    draw_judge(&d, r, &j->drawn);
    return ERR_OK;
}

static err run(struct scope *s, struct call *c)
{
    struct job j = { .o = c->options, .dir.folder = -1, .state.folder = -1, .mirror.folder = -1 };
    struct audit_report r = { 0 };
    const char *where = c->args.v[0];
    size_t len = strlen(where);
    err e;

    while (len > 1 && where[len - 1] == '/')
        len--;
    where = scope_strndup(s, where, len);
    if (j.o->commit) {
        e = commit_nonce(s, &j, where);
        c->exit_code = e == ERR_OK ? EXIT_SOUND : EXIT_UNKNOWN;
        goto done;
    }
    e = j.o->draw ? draw_accesses(s, &j, where, &r) : audit_where(s, &j, where, &r);
    struct audit_told told = { .vkey = j.vkey, .trusted_now = j.trusted_now, .state = &j.state,
                               .mirror = j.o->mirror ? &j.mirror : NULL, .mirrored = j.mirrored,
                               .drawn = j.drawn.draw ? &j.drawn : NULL };
    if (e == ERR_OK && j.o->json)
        audit_tell_json(s, &r, &told);
    else if (e == ERR_OK)
        audit_tell(s, &r, &told);
    c->exit_code = e != ERR_OK ? EXIT_UNKNOWN : r.findings || r.earlier_findings ? EXIT_FINDINGS : EXIT_SOUND;
done:
    draw_free(&j.draw);
    audit_state_close(&j.state);
    audit_free(j.before);
    close_source(&j);
    return e;
}

const struct verb verb_audit = {
    .name = "audit", .args = "URL|DIR", .args_min = 1, .args_max = 1,
    .line = "check a market's log from outside: tree, signatures, rules",
    .more = "Needs no account: every entry against the tree, the checkpoint's signature, consistency with what was\n"
            "seen before, and the rules of the entries. With an auditor's API key (and COUNTERFOIL_URL being that\n"
            "URL) what is disclosed to it is checked as well. The next run goes on where this one ended.\n"
            "Exit code 0: sound, 1: findings, 2: it could not be checked.",
    .flags = FLAGS(flags), .options_size = sizeof(struct options), .run = run,
};
