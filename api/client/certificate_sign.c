/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/client/certificate.h"
#include "api/client/folder.h"
#include "api/client/instant.h"
#include "api/client/say.h"
#include "api/client/signing_key.h"
#include "ledger/cert/sourcing.h"
#include "ledger/keys/sha256.h"
#include "schema/base/clock.h"
#include "schema/base/random.h"
#include "schema/json/canon.h"

#define EVIDENCE_BYTES_MAX (256 << 20)
#define VALID_DEFAULT_MS   (365 * INT64_C(86400000))

/* CRITERION=FILE: the file shows that it is met, and its digest is signed. */
static err criterion_add(struct scope *s, const char *text, struct sourcing *w)
{
    const char *file = strchr(text, '=');
    struct bytes evidence;
    int which = file ? code_find(&criterion_codes, text, (size_t)(file - text)) : -1;

    if (which < 0)
        return fail(s, ERR_INVALID, "'%s' is not CRITERION=FILE, of due_diligence, licensed_or_owned_or_free, "
                                    "synthetic_generators_cleared and training_records", text);
    TRY(file_read(s, file + 1, EVIDENCE_BYTES_MAX, &evidence));
    w->criteria |= 1u << which;
    w->evidence[which] = sha256_of(evidence.p, evidence.len);
    return ERR_OK;
}

/* The version as the market shows it: who certifies has looked at it there. */
static err version_of(struct scope *s, const struct certificate_options *o, struct market *m, struct sourcing *w)
{
    const char *id, *dataset;
    json_t *v = NULL;
    int64_t number, count;
    err e;

    TRY(market_get(s, m, scope_printf(s, "/v1/datasets/%s/versions/%s", fetch_escape_path(s, o->dataset),
                                      fetch_escape(s, o->version)), &v));
    e = json_text(s, v, "id", &id);
    if (e == ERR_OK)
        e = json_text(s, v, "dataset", &dataset);
    if (e == ERR_OK)
        e = json_count(s, v, "number", &number);
    if (e == ERR_OK)
        e = json_count(s, v, "item_count", &count);
    if (e == ERR_OK)
        e = json_hash(s, v, "root", &w->version_root);
    if (e == ERR_OK) {
        w->version_id = scope_strdup(s, id);
        w->dataset = scope_strdup(s, dataset);
        w->version = (uint64_t)number;
        w->item_count = (uint64_t)count;
    }
    json_decref(v);
    return e;
}

/* A place of our own drawing in the certificates' newest list: it tells nothing of when or whose. */
static err place_draw(struct scope *s, const json_t *lists, struct sourcing *w)
{
    const json_t *row;
    const char *url;
    int64_t places;
    uint32_t draw;
    size_t i;

    random_bytes(&draw, sizeof draw);
    json_array_foreach(lists, i, row) {
        if (strcmp(json_text_or(row, "of", ""), "certificate") != 0)
            continue;
        TRY(json_text(s, row, "url", &url));
        TRY(json_count(s, row, "places", &places));
        if (places < 1 || places > STATUS_BITS_MAX)
            return fail(s, ERR_CORRUPT, "the market has a status list of %lld places", (long long)places);
        w->c.status[0] = (struct status_entry){ .list = scope_strdup(s, url), .index = draw % (uint64_t)places,
                                                .purpose = STATUS_REVOCATION };
        w->c.n_status = 1;
        return ERR_OK;
    }
    return fail(s, ERR_UNREACHABLE, "the market has no status list for certificates yet: try again");
}

static err market_ask(struct scope *s, const struct certificate_options *o, struct sourcing *w)
{
    json_t *lists = NULL;
    struct market m;
    err e;

    TRY(market_open(s, &m, false));
    e = version_of(s, o, &m, w);
    if (e == ERR_OK)
        e = market_get(s, &m, "/v1/status-lists", &lists);
    market_close(&m);
    if (e == ERR_OK)
        e = place_draw(s, json_object_get(lists, "data"), w);
    json_decref(lists);
    return e;
}

static err sign(struct scope *s, const struct certificate_options *o, const struct sourcing *w)
{
    enum refusal why = REFUSAL_NONE;
    struct secret_key *key = NULL;
    json_t *document = NULL;
    struct bytes text;
    err e;

    TRY(signing_key_load(s, o->passphrase_file, o->key, &key));
    e = sourcing_sign(s, w, key, clock_wall_ms(), &document, &why);
    secret_key_free(key);
    TRY(e);
    e = canon(s, document, &text);
    json_decref(document);
    TRY(e);
    TRY(file_write(s, o->out, text.p, text.len));
    say("certificate  %s", o->out);
    say("of           %s version %llu, root %s", w->dataset, (unsigned long long)w->version,
        hash_hex(s, &w->version_root));
    return ERR_OK;
}

err certificate_sign_run(struct scope *s, const struct certificate_options *o)
{
    struct sourcing *w = NEW(s, struct sourcing);
    int64_t now = clock_wall_ms();
    uint8_t noise[16];

    if (!o->key || !o->dataset || !o->version || !o->scheme || !o->criteria.n || !o->out)
        return fail(s, ERR_INVALID, "certificate sign needs --key, --dataset, --version, --scheme, --criterion and "
                                    "--out");
    for (size_t i = 0; i < o->criteria.n; i++)
        TRY(criterion_add(s, o->criteria.v[i], w));
    random_bytes(noise, sizeof noise);
    random_bytes(w->salt, sizeof w->salt);
    w->c.id = credential_uuid(s, noise);
    w->scheme = o->scheme;
    TRY(instant_or(s, o->from, now, &w->c.valid_from));
    TRY(instant_or(s, o->until, now + VALID_DEFAULT_MS, &w->c.valid_until));
    TRY(market_ask(s, o, w));
    return sign(s, o, w);
}
