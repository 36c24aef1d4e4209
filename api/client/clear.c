/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/clear.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "api/client/folder.h"
#include "api/client/instant.h"
#include "api/client/issuer.h"
#include "api/client/market.h"
#include "api/client/receipt.h"
#include "api/client/say.h"
#include "api/client/verb.h"
#include "schema/base/clock.h"
#include "schema/json/canon.h"

#define ASK_EVERY_US 200000

struct options { const char *territory, *model, *project, *until, *out; bool json; };

#define AT(member) offsetof(struct options, member)
static const struct flag flags[] = {
    { "territory", "WHERE", false, AT(territory), "where the items are used; the license's territory if not said" },
    { "model", "CLASS", false, AT(model), "in which models: discriminative, embedding, generative (if not said)" },
    { "project", "NAME", false, AT(project), "what you call it; private" },
    { "until", "WHEN", false, AT(until), "for less than a day" },
    { "out", "FILE", false, AT(out), "keep the signed clearance here, and its receipt in FILE.receipt" },
    { "json", NULL, false, AT(json), "the answer as JSON" },
};

/* ---- telling */

static void tell(struct scope *s, const json_t *c)
{
    const json_t *excluded = json_object_get(c, "excluded"), *row;
    const json_t *failure = json_object_get(c, "failure");
    int64_t withdrawn = json_integer_value(json_object_get(c, "withdrawn_since"));
    size_t i;

    say("clearance  %s, %s", json_text_or(c, "id", "?"), json_text_or(c, "state", "?"));
    say("for        %s in %s, %s models", json_text_or(c, "purpose", "?"), json_text_or(c, "territory", "?"),
        json_text_or(c, "model_class", "?"));
    if (json_is_object(failure))
        say("failed     %s, %s; %s (%s)", json_text_or(failure, "reason", "?"), json_text_or(failure, "sentence", "?"),
            json_text_or(failure, "remedy", "?"), json_text_or(failure, "job", "?"));
    say("cleared    %lld of %s", (long long)json_integer_value(json_object_get(c, "cleared")),
        count_text(s, (uint64_t)json_integer_value(json_object_get(c, "item_count")), "item", "items"));
    json_array_foreach(excluded, i, row)
        say("excluded   %lld: %s, %s; %s", (long long)json_integer_value(json_object_get(row, "item_count")),
            json_text_or(row, "reason", "?"), json_text_or(row, "sentence", "?"), json_text_or(row, "remedy", "?"));
    if (withdrawn)
        say("withdrawn  %lld since", (long long)withdrawn);
    say("until      %s", json_text_or(c, "until", "?"));
    if (json_is_object(json_object_get(c, "entry")))
        say("entry      %lld", (long long)json_integer_value(json_object_get(json_object_get(c, "entry"), "index")));
}

static err keep(struct scope *s, const char *path, const json_t *value)
{
    struct bytes text;
    ssize_t n;
    int fd;

    TRY(canon(s, value, &text));
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return fail(s, ERR_IO, "%s: %s", printable(s, path), strerror(errno));
    n = write(fd, text.p, text.len);
    if (close(fd) != 0 || n != (ssize_t)text.len)
        return fail(s, ERR_IO, "%s could not be written", printable(s, path));
    return ERR_OK;
}

static const char *receipt_path(struct scope *s, const char *path)
{
    return scope_printf(s, "%s.receipt", path);
}

/* The credential as any verifier takes it; that the log has it, beside it. */
static err keep_both(struct scope *s, struct market *m, const char *path, const json_t *answer)
{
    struct bytes document, proof;
    json_t *entry = NULL, *receipt;
    int64_t index;
    err e;

    TRY(keep(s, path, json_object_get(answer, "credential")));
    TRY(json_count(s, json_object_get(answer, "entry"), "index", &index));
    TRY(receipt_fetch(s, m, (uint64_t)index, &document, &proof));
    TRY(json_read_as(s, (const char *)document.p, document.len, (struct json_rules){ .any_number = true }, &entry));
    receipt = json_pack("{s:o,s:s%}", "document", entry, "proof", (const char *)proof.p, proof.len);
    e = receipt ? keep(s, receipt_path(s, path), receipt) : fail(s, ERR_CORRUPT, "the proof is no text");
    json_decref(receipt);
    return e;
}

/* ---- asking */

static err ask(struct scope *s, struct market *m, const struct options *o, const char *license, const char **id)
{
    const char *at = scope_printf(s, "/v1/licenses/%s", fetch_escape(s, license)), *made;
    json_t *row = NULL, *body, *answer = NULL;
    const char *until = NULL;
    err e;

    if (o->until)
        TRY(instant_read(s, o->until, &until));
    if (!o->territory)
        TRY(market_get(s, m, at, &row));
    body = json_pack("{s:s,s:s,s:s*,s:s*}", "territory", o->territory ? o->territory : json_text_or(row, "territory",
                     "WORLD"), "model_class", o->model ? o->model : "generative", "project", o->project, "until",
                     until);
    e = body ? market_post(s, m, scope_printf(s, "%s/clearances", at), body, market_new_key(s), &answer)
             : fail(s, ERR_INVALID, "not UTF-8");
    if (e == ERR_OK)
        e = json_text(s, answer, "id", &made);
    if (e == ERR_OK)
        *id = scope_strdup(s, made);
    json_decref(answer);
    json_decref(body);
    json_decref(row);
    return e;
}

static bool settled(const json_t *c)
{
    const char *state = json_text_or(c, "state", "");

    return strcmp(state, "failed") == 0 ||
           (strcmp(state, "pending") != 0 && json_is_object(json_object_get(c, "credential")));
}

/* A worker decides, then the market's issuer signs: for ten million items that takes its time. */
static err wait_for(struct scope *s, struct market *m, const char *id, json_t **out)
{
    for (;; usleep(ASK_EVERY_US)) {
        TRY(market_get(s, m, scope_printf(s, "/v1/clearances/%s", fetch_escape(s, id)), out));
        if (settled(*out))
            return ERR_OK;
        json_decref(*out);
        *out = NULL;
    }
}

static err run(struct scope *s, struct call *c)
{
    const struct options *o = c->options;
    json_t *answer = NULL;
    const char *id = NULL;
    struct market m;
    err e;

    TRY(market_id(s, c->args.v[0], "lic_", HINT_LICENSE));
    TRY(market_open(s, &m, true));
    e = ask(s, &m, o, c->args.v[0], &id);
    if (e == ERR_OK)
        e = wait_for(s, &m, id, &answer);
    if (e == ERR_OK && o->out && json_is_object(json_object_get(answer, "credential")))
        e = keep_both(s, &m, o->out, answer);
    if (e == ERR_OK && o->json)
        say_json(answer);
    else if (e == ERR_OK)
        tell(s, answer);
    if (e == ERR_OK && (strcmp(json_text_or(answer, "state", ""), "refused") == 0 ||
                        strcmp(json_text_or(answer, "state", ""), "failed") == 0))
        c->exit_code = EXIT_FINDINGS;
    json_decref(answer);
    market_close(&m);
    return e;
}

const struct verb verb_clear = {
    .name = "clear", .args = "LICENSE", .args_min = 1, .args_max = 1,
    .line = "have a license's items cleared for use now",
    .more = "Every item's bytes and the consent of everybody who made it are checked. Items are delivered under the\n"
            "newest clearance of their license, for a day at most. Exit code 0: some items are cleared, 1: none.",
    .flags = FLAGS(flags), .options_size = sizeof(struct options), .run = run,
};

/* ---- verifying */

bool clear_is(const json_t *document)
{
    const json_t *types = json_object_get(document, "type"), *type;
    size_t i;

    json_array_foreach(types, i, type)
        if (json_is_string(type) && strcmp(json_string_value(type), CLEARANCE_TYPE) == 0)
            return true;
    return false;
}

/* Its entry in the log, by the receipt beside it. */
static err entry_check(struct scope *s, const char *path, const json_t *document, const struct clearance *c,
                       const struct clear_options *o)
{
    struct bytes text, entry;
    json_t *kept = NULL;
    const char *proof;
    struct receipt r;
    err e = file_read(s, receipt_path(s, path), 2 * RECEIPT_BYTES_MAX, &text);

    if (e != ERR_OK) {
        scope_forgive(s);
        return fail(s, e, "%s can't be read: its entry is proved by this receipt, which `counterfoil clear --out` "
                    "keeps beside it", printable(s, receipt_path(s, path)));
    }
    TRY(json_read_as(s, (const char *)text.p, text.len, (struct json_rules){ .any_number = true }, &kept));
    e = json_text(s, kept, "proof", &proof);
    if (e == ERR_OK)
        e = canon(s, json_object_get(kept, "document"), &entry);
    if (e == ERR_OK)
        e = receipt_check(s, o->key, entry, (struct bytes){ (const uint8_t *)proof, strlen(proof) }, &r);
    if (e == ERR_OK)
        e = receipt_of_clearance(s, &r, c->clearance, document);
    if (e == ERR_OK && o->policy)
        e = receipt_meets(s, o->policy, o->key, (struct bytes){ (const uint8_t *)proof, strlen(proof) });
    if (e == ERR_OK && o->issuers->n > 0)
        e = issuer_check(s, o->issuers, o->key, o->policy, r.index, c->c.issuer);
    if (e == ERR_OK)
        say("entry      %llu of %s, in the tree of %llu entries", (unsigned long long)r.index, r.checkpoint.origin,
            (unsigned long long)r.checkpoint.size);
    json_decref(kept);
    return e;
}

static void verified_tell(struct scope *s, const char *path, const struct clearance *c, const char *issuer)
{
    char until[TIME_TEXT_SIZE];

    time_format(c->c.valid_until, until);
    say("%s: clearance %s of %s, %s", printable(s, path), c->clearance, c->license,
        clearance_verdict_codes.code[c->verdict]);
    say("issuer     %s%s", c->c.issuer, issuer ? "" : " (--issuer DID compares it)");
    say("for        %s in %s, %s models", purpose_codes.code[c->purpose], printable(s, c->territory),
        model_codes.code[c->model]);
    say("cleared    %llu of %llu items of %s, root %s", (unsigned long long)c->cleared,
        (unsigned long long)c->item_count, printable(s, c->dataset), hash_hex(s, &c->cleared_root));
    for (size_t i = 0; i < exclusion_codes.n; i++)
        if (c->excluded[i])
            say("excluded   %llu: %s", (unsigned long long)c->excluded[i], exclusion_codes.code[i]);
    say("as of      entry %llu of %s; withdrawals since then are not in it", (unsigned long long)c->as_of,
        printable(s, c->log));
    say("until      %s", until);
}

err clear_verify(struct scope *s, const char *path, const json_t *document, const struct clear_options *o)
{
    struct clearance *c = NEW(s, struct clearance);
    enum refusal why = REFUSAL_NONE;

    TRY(clearance_read(s, document, c, &why));
    if (o->issuer && strcmp(o->issuer, c->c.issuer) != 0)
        return fail(s, ERR_INVALID, "signed by %s, not by %s", c->c.issuer, o->issuer);
    verified_tell(s, path, c, o->issuer);
    if (o->key)
        TRY(entry_check(s, path, document, c, o));
    else
        say("log        not looked at: --key VKEY lays it against the log");
    why = credential_when(&c->c, clock_wall_ms(), clock_wall_ms() + 1);
    if (why != REFUSAL_NONE)
        return fail(s, ERR_INVALID, "its proof holds, but it is %s", why == REFUSAL_EXPIRED ? "over" : "not valid yet");
    say("sound");
    return ERR_OK;
}
