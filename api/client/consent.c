/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/consent.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/client/say.h"
#include "api/client/withdraw.h"

#define ASK_EVERY_US 200000

#define HINT_CONSENT "`counterfoil consent list` shows yours"

#define AT(member) offsetof(struct consent_options, member)
static const struct flag flags[] = {
    { "key", "FILE", false, AT(key), "your key file: it signs, and never leaves this machine" },
    { "passphrase-file", "FILE", false, AT(passphrase_file), "take the passphrase from FILE's first line" },
    { "purpose", "PURPOSE", true, AT(purposes), "what you consent to; nothing implies anything else" },
    { "model", "CLASS", true, AT(models), "in which models: discriminative, embedding, generative; all if not said" },
    { "territory", "WHERE", true, AT(territories), "ISO 3166 country, EU or WORLD" },
    { "prohibit", "WHAT", true, AT(prohibitions), "what you rule out, whoever else consents" },
    { "role", "ROLE", false, AT(role),
      "as what: annotator, author, composer, depicted, editor, guardian, performer, photographer, producer, publisher "
      "or translator" },
    { "from", "WHEN", false, AT(from), "valid from; now if not said" },
    { "until", "WHEN", false, AT(until), "valid before; two years if not said" },
    { "notice-days", "N", false, AT(notice_days), "for deletion after a withdrawal; access ends at once" },
    { "text", "FILE", false, AT(text), "the words that you agree to: their digest is signed" },
    { "lang", "TAG", false, AT(lang), "their language; en if not said" },
    { "list", "FILE", false, AT(list), "covers these SHA-256 hashes, one a line, bare or in a JSON object" },
    { "folder", "DIR", false, AT(folder), "covers the files of a folder" },
    { "dataset", "OWNER/NAME", false, AT(dataset), "covers items of a version that you may list" },
    { "version", "N", false, AT(version), "of this version" },
    { "path", "PREFIX", false, AT(path), "whose paths begin so" },
    { "out", "FILE", false, AT(out), "where the signed consent goes" },
    { "wait", NULL, false, AT(wait), "of post: until a worker has verified it; exit code 1 if it is rejected" },
    { "json", NULL, false, AT(json), "the answer as JSON" },
};

/* "expired, it is no longer valid, …": the code, and what it means where it is one that is known here. */
static const char *reason_text(struct scope *s, const char *code)
{
    enum refusal why;

    return refusal_parse(code, &why) ? scope_printf(s, "%s, %s", code, refusal_sentence(why)) : printable(s, code);
}

static void tell(struct scope *s, const json_t *c)
{
    const char *reason = json_text_or(c, "reason", NULL);

    say("consent    %s, %s%s%s", json_text_or(c, "id", "?"), json_text_or(c, "state", "?"), reason ? ": " : "",
        reason ? reason_text(s, reason) : "");
    if (json_is_string(json_object_get(c, "remedy")))
        say("to do      %s", printable(s, json_text_or(c, "remedy", "")));
    say("covers     %lld items, root %s", (long long)json_integer_value(json_object_get(c, "item_count")),
        json_text_or(c, "coverage_root", "?"));
    say("for        %s, as %s", words_text(s, json_object_get(c, "purposes")), json_text_or(c, "role", "?"));
    say("until      %s", json_text_or(c, "valid_until", "?"));
    if (json_is_object(json_object_get(c, "entry")))
        say("entry      %lld", (long long)json_integer_value(json_object_get(json_object_get(c, "entry"), "index")));
}

static void answer_tell(struct scope *s, const struct consent_options *o, json_t *answer)
{
    if (o->json)
        say_json(answer);
    else
        tell(s, answer);
    json_decref(answer);
}

/* ---- post */

static err file_post(struct scope *s, struct market *m, int fd, json_t **out)
{
    const char *headers[] = { "Content-Type: application/jsonl" };
    struct fetch_request rq = { .method = FETCH_POST, .headers = headers, .n_headers = 1, .from_file = true,
                                .file_fd = fd, .answer_max = JSON_BODY_MAX };
    struct fetch_answer a = { 0 };
    struct stat st;
    json_error_t why;

    if (fstat(fd, &st) != 0)
        return fail(s, ERR_IO, "the file cannot be read: %s", strerror(errno));
    rq.file_length = st.st_size;
    TRY(market_run(s, m, "/v1/consents", &rq, true, &a));     /* the same consent again changes nothing */
    *out = json_loadb((const char *)a.body.p, a.body.len, JSON_REJECT_DUPLICATES, &why);
    return *out ? ERR_OK : fail(s, ERR_CORRUPT, "the market's answer is no JSON: %s", why.text);
}

/* Until a worker has looked at it and its entry is signed: a minute for most, more for millions of items. */
static err verdict_wait(struct scope *s, struct market *m, json_t **answer)
{
    const char *path = scope_printf(s, "/v1/consents/%s", json_text_or(*answer, "id", ""));

    while (strcmp(json_text_or(*answer, "state", ""), "received") == 0 ||
           (strcmp(json_text_or(*answer, "state", ""), "granted") == 0 &&
            !json_is_object(json_object_get(*answer, "entry")))) {
        usleep(ASK_EVERY_US);
        json_decref(*answer);
        *answer = NULL;
        TRY(market_get(s, m, path, answer));
    }
    return ERR_OK;
}

static err consent_post(struct scope *s, const struct consent_options *o, struct market *m, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    json_t *answer = NULL;
    bool rejected;
    err e;

    if (fd < 0)
        return fail(s, ERR_CONFIG, "%s: %s", path, strerror(errno));
    e = file_post(s, m, fd, &answer);
    close(fd);
    if (e == ERR_OK && o->wait)
        e = verdict_wait(s, m, &answer);
    TRY(e);
    rejected = strcmp(json_text_or(answer, "state", ""), "rejected") == 0;
    answer_tell(s, o, answer);
    return rejected ? fail(s, ERR_INVALID, "the consent was rejected: mend what it says, and sign it anew") : ERR_OK;
}

/* ---- list, show */

static err row_tell(struct scope *s, void *arg, json_t *row)
{
    const struct consent_options *o = arg;
    const char *reason = json_text_or(row, "reason", "");

    if (o->json)
        say_json(row);
    else
        say("%s  %-9s %8lld items  until %s%s%s", json_text_or(row, "id", "?"), json_text_or(row, "state", "?"),
            (long long)json_integer_value(json_object_get(row, "item_count")), json_text_or(row, "valid_until", "?"),
            *reason ? "  " : "", printable(s, reason));
    return ERR_OK;
}

static err consent_list(struct scope *s, const struct consent_options *o, struct market *m, const char *unused)
{
    struct consent_options copy = *o;

    (void)unused;
    return market_each(s, m, "/v1/consents", row_tell, &copy);
}

static err consent_show(struct scope *s, const struct consent_options *o, struct market *m, const char *id)
{
    json_t *answer = NULL;

    TRY(market_id(s, id, "cns_", HINT_CONSENT));
    TRY(market_get(s, m, scope_printf(s, "/v1/consents/%s", fetch_escape(s, id)), &answer));
    answer_tell(s, o, answer);
    return ERR_OK;
}

/* ---- revoke */

static err consent_revoke(struct scope *s, const struct consent_options *o, struct market *m, const char *id)
{
    const char *path = scope_printf(s, "/v1/consents/%s", fetch_escape(s, id));
    json_t *answer = NULL;

    TRY(market_id(s, id, "cns_", HINT_CONSENT));
    TRY(withdraw(s, m, path, o->key, o->passphrase_file, withdrawal_sign, &answer));
    answer_tell(s, o, answer);
    return ERR_OK;
}

/* ---- the verb */

static const struct {
    const char *name;
    bool one;                              /* takes one more argument */
    err (*run)(struct scope *s, const struct consent_options *o, struct market *m, const char *arg);
} steps[] = {
    { "post", true, consent_post }, { "list", false, consent_list }, { "needed", false, consent_needed },
    { "show", true, consent_show }, { "revoke", true, consent_revoke },
};

static err run(struct scope *s, struct call *c)
{
    const struct consent_options *o = c->options;
    struct market m;
    err e;

    if (strcmp(c->args.v[0], "sign") == 0 && c->args.n == 1)
        return consent_sign_run(s, o);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        if (strcmp(c->args.v[0], steps[i].name) != 0 || c->args.n != 1u + steps[i].one)
            continue;
        TRY(market_open(s, &m, true));
        e = steps[i].run(s, o, &m, c->args.v[1]);
        market_close(&m);
        return e;
    }
    return fail(s, ERR_INVALID, "usage: counterfoil consent needed, sign, post FILE, list, show ID, or revoke ID");
}

const struct verb verb_consent = {
    .name = "consent", .args = "needed|sign|post FILE|list|show ID|revoke ID", .args_min = 1, .args_max = 2,
    .line = "say what your works may be used for, and take it back",
    .more = "needed  which items name you and rest on no consent of yours: with --role the list for sign --list\n"
            "sign    makes a certificate of what you allow for which items, signed by your own key, into --out\n"
            "post    hands it to the market, which verifies it; register your key first (counterfoil key register)\n"
            "revoke  takes it back by a request that your key signs: no new access from that moment on",
    .flags = FLAGS(flags), .options_size = sizeof(struct consent_options), .run = run,
};
