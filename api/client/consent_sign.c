/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/client/consent.h"
#include "api/client/folder.h"
#include "api/client/instant.h"
#include "api/client/say.h"
#include "api/client/signing_key.h"
#include "ledger/cert/consent.h"
#include "ledger/cert/coverage.h"
#include "ledger/keys/sha256.h"
#include "schema/base/clock.h"
#include "schema/base/random.h"
#include "schema/json/canon.h"

#define TEXT_BYTES_MAX (16 << 20)
#define NOTICE_DEFAULT 30
#define LISTS_ASKED_MAX 100
#define LISTS_PAUSE_US 200000
#define YEARS_DEFAULT_MS (2 * 365 * INT64_C(86400000))

err consent_code(struct scope *s, const struct code_list *list, const char *what, const char *code, int *out)
{
    struct buf known = BUF(s);

    *out = code_find(list, code, strlen(code));
    if (*out >= 0)
        return ERR_OK;
    for (size_t i = 0; i < list->n; i++)
        buf_printf(&known, "%s%s", i ? ", " : "", list->code[i]);
    return fail(s, ERR_INVALID, "'%s' is no %s; it is one of %s", code, what, known.p);
}

static err codes_of(struct scope *s, const struct code_list *list, const char *what, const struct texts *codes,
                    uint32_t *mask)
{
    int one;

    for (size_t i = 0; i < codes->n; i++) {
        TRY(consent_code(s, list, what, codes->v[i], &one));
        *mask |= 1u << one;
    }
    return ERR_OK;
}

/* ---- the parts of a certificate */

static err grants_make(struct scope *s, const struct consent_options *o, struct consent *w)
{
    uint32_t models = 0;

    if (!o->purposes.n || !o->territories.n)
        return fail(s, ERR_INVALID, "a consent needs --purpose and --territory: what is not said is not granted");
    TRY(codes_of(s, &model_codes, "class of models", &o->models, &models));
    if (!models)
        models = (1u << model_codes.n) - 1;
    for (size_t i = 0; i < o->purposes.n; i++) {
        struct consent_grant *g = &w->grant[w->n_grants];
        if (w->n_grants == CONSENT_GRANTS_MAX)
            return fail(s, ERR_INVALID, "a consent has at most %d purposes", CONSENT_GRANTS_MAX);
        TRY(consent_code(s, &purpose_codes, "purpose", o->purposes.v[i], &g->purpose));
        g->models = models;
        g->territories = (const char **)o->territories.v;
        g->n_territories = o->territories.n;
        w->n_grants++;
    }
    return codes_of(s, &prohibition_codes, "prohibition", &o->prohibitions, &w->prohibitions);
}

static err text_make(struct scope *s, const struct consent_options *o, struct consent *w)
{
    struct bytes text;

    if (!o->text)
        return fail(s, ERR_INVALID, "--text names the file that you have read and agree to");
    TRY(file_read(s, o->text, TEXT_BYTES_MAX, &text));
    w->text_sha256 = sha256_of(text.p, text.len);
    w->text_lang = o->lang ? o->lang : "en";
    return ERR_OK;
}

static err coverage_make(struct scope *s, const struct covered *c, struct consent *w)
{
    w->coverage.single = c->n == 1;
    w->coverage.item = c->item[0];
    w->coverage.items = c->n;
    return coverage_root(s, c->item, c->n, &w->coverage.root);
}

/* The newest pair of lists, and a place of our own drawing: it tells nothing of when or whose. */
static err place_draw(struct scope *s, const json_t *lists, struct consent *w)
{
    int64_t newest = 0, pair, places = 0;
    const char *url, *purpose;
    const json_t *row;
    uint32_t draw;
    size_t i;

    random_bytes(&draw, sizeof draw);
    json_array_foreach(lists, i, row) {
        TRY(json_count(s, row, "pair", &pair));
        newest = i == 0 ? pair : newest;
        if (pair != newest || w->c.n_status == STATUS_PURPOSES)
            continue;
        TRY(json_text(s, row, "url", &url));
        TRY(json_text(s, row, "purpose", &purpose));
        TRY(json_count(s, row, "places", &places));
        if (places < 1 || places > STATUS_BITS_MAX)
            return fail(s, ERR_CORRUPT, "the market has a status list of %lld places", (long long)places);
        w->c.status[w->c.n_status++] = (struct status_entry){
            .list = scope_strdup(s, url), .index = draw % (uint64_t)places,
            .purpose = strcmp(purpose, "suspension") == 0 ? STATUS_SUSPENSION : STATUS_REVOCATION };
    }
    return w->c.n_status == STATUS_PURPOSES ? ERR_OK
                                            : fail(s, ERR_NOT_FOUND, "the market has no status lists yet: try again");
}

static err status_make(struct scope *s, struct consent *w)
{
    json_t *lists = NULL;
    struct market m;
    err e;

    TRY(market_open(s, &m, false));
    for (int i = 0;; i++) {
        e = market_get(s, &m, "/v1/status-lists", &lists);
        if (e == ERR_OK)
            e = place_draw(s, json_object_get(lists, "data"), w);
        json_decref(lists);
        if (e != ERR_NOT_FOUND || i == LISTS_ASKED_MAX)
            break;
        scope_forgive(s);              /* a market that has just opened publishes its first lists in a moment */
        w->c.n_status = 0;
        usleep(LISTS_PAUSE_US);
    }
    market_close(&m);
    return e;
}

static err consent_make(struct scope *s, const struct consent_options *o, const struct covered *c, struct consent *w)
{
    int64_t now = clock_wall_ms();
    uint64_t days = NOTICE_DEFAULT;
    uint8_t noise[16];

    if (!o->role)
        return fail(s, ERR_INVALID, "--role says as what you consent: author, performer, …");
    TRY(consent_code(s, &contributor_codes, "role", o->role, &w->role));
    if (o->notice_days && !decimal_read(o->notice_days, strlen(o->notice_days), NOTICE_DAYS_MAX, &days))
        return fail(s, ERR_INVALID, "--notice-days is a number of at most %d", NOTICE_DAYS_MAX);
    random_bytes(noise, sizeof noise);
    random_bytes(w->salt, sizeof w->salt);
    w->c.id = credential_uuid(s, noise);
    w->assurance = ASSURANCE_L3;
    w->effects = 1u << EFFECT_NO_NEW_ACCESS;
    w->notice_days = (unsigned)days;
    TRY(instant_or(s, o->from, now, &w->c.valid_from));
    TRY(instant_or(s, o->until, now + YEARS_DEFAULT_MS, &w->c.valid_until));
    TRY(grants_make(s, o, w));
    TRY(text_make(s, o, w));
    TRY(coverage_make(s, c, w));
    return status_make(s, w);
}

/* ---- the file */

static bool lines_write(FILE *f, struct bytes certificate, const struct covered *c)
{
    char hex[HEX_SIZE(HASH_SIZE)];
    bool good = fwrite(certificate.p, 1, certificate.len, f) == certificate.len && fputc('\n', f) != EOF;

    for (size_t i = 0; good && i < c->n; i++) {
        hex_write(c->item[i].b, HASH_SIZE, hex);
        good = fprintf(f, "{\"sha256\":\"%s\"}\n", hex) > 0;
    }
    return fflush(f) == 0 && good;
}

static err out_write(struct scope *s, const char *path, struct bytes certificate, const struct covered *c)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    bool good;

    if (!f) {
        err e = fail(s, ERR_CONFIG, "%s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return e;
    }
    good = lines_write(f, certificate, c) && fsync(fd) == 0;
    fclose(f);
    return good ? ERR_OK : fail(s, ERR_IO, "%s cannot be written", path);
}

static err sign(struct scope *s, const struct consent_options *o, const struct consent *w, const struct covered *c)
{
    struct secret_key *key = NULL;
    struct bytes text;
    enum refusal why = REFUSAL_NONE;
    json_t *document = NULL;
    err e;

    TRY(signing_key_load(s, o->passphrase_file, o->key, &key));
    e = consent_sign(s, w, key, clock_wall_ms(), &document, &why);
    secret_key_free(key);
    TRY(e);
    e = canon(s, document, &text);
    json_decref(document);
    TRY(e);
    TRY(out_write(s, o->out, text, c));
    say("consent    %s", o->out);
    say("covers     %s, root %s", count_text(s, c->n, "item", "items"), hash_hex(s, &w->coverage.root));
    return ERR_OK;
}

err consent_sign_run(struct scope *s, const struct consent_options *o)
{
    struct consent *w = NEW(s, struct consent);
    struct covered c;
    err e;

    if (!o->key || !o->out)
        return fail(s, ERR_INVALID, "signing needs --key and --out");
    TRY(covered_gather(s, o, &c));
    e = consent_make(s, o, &c, w);
    if (e == ERR_OK)
        e = sign(s, o, w, &c);
    covered_free(&c);
    return e;
}
