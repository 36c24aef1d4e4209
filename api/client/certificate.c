/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/certificate.h"

#include <string.h>

#include "api/client/folder.h"
#include "api/client/instant.h"
#include "api/client/say.h"
#include "api/client/withdraw.h"

#define HINT_CERTIFICATE "`counterfoil certificate list` shows them"

#define AT(member) offsetof(struct certificate_options, member)
static const struct flag flags[] = {
    { "key", "FILE", false, AT(key), "your key file: it signs, and never leaves this machine" },
    { "passphrase-file", "FILE", false, AT(passphrase_file), "take the passphrase from FILE's first line" },
    { "dataset", "OWNER/NAME", false, AT(dataset), "which dataset" },
    { "version", "N", false, AT(version), "which of its versions" },
    { "scheme", "NAME", false, AT(scheme), "your rules and their edition" },
    { "criterion", "CRITERION=FILE", true, AT(criteria), "is met, as the file shows, whose digest is signed" },
    { "from", "WHEN", false, AT(from), "valid from; now if not said" },
    { "until", "WHEN", false, AT(until), "valid before; a year if not said" },
    { "at", "WHEN", false, AT(at), "what stood at this instant; now if not said" },
    { "out", "FILE", false, AT(out), "where the signed certificate goes" },
    { "json", NULL, false, AT(json), "the answer as JSON" },
};

static void entry_tell(const char *label, const json_t *entry)
{
    if (json_is_object(entry))
        say("%-12s %lld", label, (long long)json_integer_value(json_object_get(entry, "index")));
}

static void tell(struct scope *s, const json_t *c)
{
    const char *reason = json_text_or(c, "reason", ""), *sentence = json_text_or(c, "sentence", "");
    const char *remedy = json_text_or(c, "remedy", "");

    say("certificate  %s, %s%s%s%s%s", json_text_or(c, "id", "?"), json_text_or(c, "state", "?"), *reason ? ": " : "",
        printable(s, reason), *sentence ? ", " : "", printable(s, sentence));
    if (*remedy)
        say("to do        %s", printable(s, remedy));
    say("of           %s version %lld", printable(s, json_text_or(c, "dataset", "?")),
        (long long)json_integer_value(json_object_get(c, "version")));
    say("by           %s, %s", printable(s, json_text_or(c, "certifier_handle", "?")),
        printable(s, json_text_or(c, "scheme", "?")));
    say("criteria     %s", words_text(s, json_object_get(c, "criteria")));
    say("until        %s", json_text_or(c, "valid_until", "?"));
    entry_tell("entry", json_object_get(c, "entry"));
    if (strcmp(json_text_or(c, "state", ""), "received") == 0)
        say("to come      a worker looks at it: counterfoil certificate show %s", json_text_or(c, "id", "?"));
}

static void answer_tell(struct scope *s, const struct certificate_options *o, json_t *answer)
{
    if (o->json)
        say_json(answer);
    else
        tell(s, answer);
    json_decref(answer);
}

/* --at, ready for a query: "" if not said, or `first` and the instant. */
static err at_query(struct scope *s, const struct certificate_options *o, const char *first, const char **out)
{
    const char *form;

    *out = "";
    if (!o->at)
        return ERR_OK;
    TRY(instant_read(s, o->at, &form));
    *out = scope_printf(s, "%sat=%s", first, fetch_escape(s, form));
    return ERR_OK;
}

/* ---- post, list, show, revoke */

static err post(struct scope *s, const struct certificate_options *o, struct market *m, const struct texts *args)
{
    struct bytes text;
    json_t *document = NULL, *body, *answer = NULL;
    enum refusal why;
    err e;

    TRY(file_read(s, args->v[1], CERTIFICATE_BYTES_MAX, &text));
    TRY(document_read(s, (const char *)text.p, text.len, &document, &why));
    body = json_pack("{s:o}", "certificate", document);
    e = market_post(s, m, "/v1/certificates", body, market_new_key(s), &answer);   /* the same again changes nothing */
    json_decref(body);
    if (e == ERR_OK)
        answer_tell(s, o, answer);
    return e;
}

static err row_tell(struct scope *s, void *arg, json_t *row)
{
    const struct certificate_options *o = arg;

    if (o->json)
        say_json(row);
    else
        say("%s  %-9s %s version %lld  by %s until %s  %s", json_text_or(row, "id", "?"),
            json_text_or(row, "state", "?"), printable(s, json_text_or(row, "dataset", "?")),
            (long long)json_integer_value(json_object_get(row, "version")),
            printable(s, json_text_or(row, "certifier_handle", "?")), json_text_or(row, "valid_until", "?"),
            words_text(s, json_object_get(row, "criteria")));
    return ERR_OK;
}

static err list(struct scope *s, const struct certificate_options *o, struct market *m, const struct texts *args)
{
    struct certificate_options copy = *o;
    const char *at;

    (void)args;
    TRY(at_query(s, o, "&", &at));
    return market_each(s, m, scope_printf(s, "/v1/certificates?limit=200%s%s%s%s%s", o->dataset ? "&dataset=" : "",
                                          o->dataset ? fetch_escape(s, o->dataset) : "", o->version ? "&version=" : "",
                                          o->version ? fetch_escape(s, o->version) : "", at), row_tell, &copy);
}

static err show(struct scope *s, const struct certificate_options *o, struct market *m, const struct texts *args)
{
    json_t *answer = NULL;

    TRY(market_id(s, args->v[1], "crt_", HINT_CERTIFICATE));
    TRY(market_get(s, m, scope_printf(s, "/v1/certificates/%s", fetch_escape(s, args->v[1])), &answer));
    answer_tell(s, o, answer);
    return ERR_OK;
}

static err revoke(struct scope *s, const struct certificate_options *o, struct market *m, const struct texts *args)
{
    const char *path = scope_printf(s, "/v1/certificates/%s", fetch_escape(s, args->v[1]));
    json_t *answer = NULL;

    TRY(market_id(s, args->v[1], "crt_", HINT_CERTIFICATE));
    TRY(withdraw(s, m, path, o->key, o->passphrase_file, sourcing_withdrawal_sign, &answer));
    answer_tell(s, o, answer);
    return ERR_OK;
}

/* ---- the operator's register */

static err trust_say(struct scope *s, const struct certificate_options *o, struct market *m, json_t *body)
{
    json_t *answer = NULL;
    err e = body ? market_post(s, m, "/v1/certifiers", body, market_new_key(s), &answer)
                 : fail(s, ERR_INVALID, "not UTF-8");

    json_decref(body);
    TRY(e);
    if (o->json) {
        say_json(answer);
    } else {
        say("certifier    %s, %s", json_text_or(answer, "handle", "?"), json_text_or(answer, "public_key",
            "trusted no more"));
        entry_tell("entry", json_object_get(answer, "entry"));
    }
    json_decref(answer);
    return ERR_OK;
}

static err trust(struct scope *s, const struct certificate_options *o, struct market *m, const struct texts *args)
{
    return trust_say(s, o, m, json_pack("{s:s,s:s,s:b}", "party", args->v[1], "public_key", args->v[2], "trusted", 1));
}

static err distrust(struct scope *s, const struct certificate_options *o, struct market *m, const struct texts *args)
{
    return trust_say(s, o, m, json_pack("{s:s,s:b}", "party", args->v[1], "trusted", 0));
}

static err certifier_tell(struct scope *s, void *arg, json_t *row)
{
    const struct certificate_options *o = arg;

    if (o->json)
        say_json(row);
    else
        say("%s  %s  since %s", printable(s, json_text_or(row, "handle", "?")), json_text_or(row, "public_key", "?"),
            json_text_or(row, "trusted_at", "?"));
    return ERR_OK;
}

static err certifiers(struct scope *s, const struct certificate_options *o, struct market *m, const struct texts *args)
{
    struct certificate_options copy = *o;

    (void)args;
    return market_each(s, m, "/v1/certifiers?limit=200", certifier_tell, &copy);
}

/* ---- what stood behind an item */

static void contributor_tell(struct scope *s, const json_t *c)
{
    const json_t *consent;
    size_t i;

    say("%-12s %s, %s", json_text_or(c, "role", "?"), json_text_or(c, "party", "(not told)"),
        json_is_object(json_object_get(c, "publication")) ? "published it herself"
        : json_is_true(json_object_get(c, "consented")) ? "had consented" : "had NOT consented");
    json_array_foreach(json_object_get(c, "consents"), i, consent) {
        say("  consent    %s, %s, %s until %s", json_text_or(consent, "id", "?"), json_text_or(consent, "state", "?"),
            words_text(s, json_object_get(consent, "purposes")), json_text_or(consent, "valid_until", "?"));
        entry_tell("  entry", json_object_get(consent, "entry"));
        entry_tell("  withdrawn", json_object_get(consent, "withdrawal_entry"));
    }
}

static void behind_tell(struct scope *s, const json_t *b)
{
    const json_t *row;
    size_t i;

    say("item         %s of %s version %lld", printable(s, json_text_or(b, "path", "?")),
        printable(s, json_text_or(b, "dataset", "?")), (long long)json_integer_value(json_object_get(b, "version")));
    say("sha256       %s", json_text_or(b, "sha256", "?"));
    say("at           %s", json_text_or(b, "at", "?"));
    json_array_foreach(json_object_get(b, "contributors"), i, row)
        contributor_tell(s, row);
    json_array_foreach(json_object_get(b, "certificates"), i, row) {
        say("certificate  %s, %s, by %s until %s: %s", json_text_or(row, "id", "?"), json_text_or(row, "state", "?"),
            printable(s, json_text_or(row, "certifier_handle", "?")), json_text_or(row, "valid_until", "?"),
            words_text(s, json_object_get(row, "criteria")));
        entry_tell("  entry", json_object_get(row, "entry"));
        entry_tell("  revoked", json_object_get(row, "revocation_entry"));
    }
}

static err behind(struct scope *s, const struct certificate_options *o, struct market *m, const struct texts *args)
{
    json_t *answer = NULL;
    const char *at;

    TRY(at_query(s, o, "?", &at));
    TRY(market_get(s, m, scope_printf(s, "/v1/datasets/%s/versions/%s/behind/%s%s",
                                      fetch_escape_path(s, args->v[1]), fetch_escape(s, args->v[2]),
                                      fetch_escape_path(s, args->v[3]), at), &answer));
    if (o->json)
        say_json(answer);
    else
        behind_tell(s, answer);
    json_decref(answer);
    return ERR_OK;
}

/* ---- the verb */

static const struct {
    const char *name;
    size_t args;                           /* after its name */
    bool key;                              /* needs an API key */
    err (*run)(struct scope *s, const struct certificate_options *o, struct market *m, const struct texts *args);
} steps[] = {
    { "post", 1, true, post }, { "list", 0, false, list }, { "show", 1, false, show }, { "revoke", 1, true, revoke },
    { "behind", 3, true, behind }, { "trust", 2, true, trust }, { "distrust", 1, true, distrust },
    { "certifiers", 0, false, certifiers },
};

static err run(struct scope *s, struct call *c)
{
    const struct certificate_options *o = c->options;
    struct market m;
    err e;

    if (strcmp(c->args.v[0], "sign") == 0 && c->args.n == 1)
        return certificate_sign_run(s, o);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        if (strcmp(c->args.v[0], steps[i].name) != 0 || c->args.n != 1 + steps[i].args)
            continue;
        TRY(market_open(s, &m, steps[i].key));
        e = steps[i].run(s, o, &m, &c->args);
        market_close(&m);
        return e;
    }
    return fail(s, ERR_INVALID, "usage: counterfoil certificate sign, post FILE, list, show ID, revoke ID, "
                                "behind DATASET VERSION PATH, trust PARTY KEY, distrust PARTY, or certifiers");
}

const struct verb verb_certificate = {
    .name = "certificate", .args = "sign|post FILE|list|show ID|revoke ID|...", .args_min = 1, .args_max = 4,
    .line = "certify the sourcing of a version; what stood behind an item",
    .more = "sign        certifies a version by your own key, into --out; post hands it to the market\n"
            "revoke      takes it back by a request that your key signs\n"
            "behind      DATASET VERSION PATH: which consents and certificates stood behind this item, with --at then\n"
            "trust       PARTY KEY: the operator trusts a certifier with the key that it registered; distrust PARTY\n"
            "            takes that back and revokes what it signed; certifiers lists the register",
    .flags = FLAGS(flags), .options_size = sizeof(struct certificate_options), .run = run,
};
