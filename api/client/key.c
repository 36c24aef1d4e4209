/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "api/client/market.h"
#include "api/client/say.h"
#include "api/client/signing_key.h"
#include "api/client/verb.h"
#include "ledger/cert/possession.h"
#include "ledger/note/cosignature.h"
#include "schema/base/clock.h"
#include "schema/base/config.h"
#include "schema/base/random.h"

#define PASSPHRASE_MAX 1024
#define PASSPHRASE_MIN 8

struct options { const char *passphrase_file, *witness; bool plain; };

static const struct flag flags[] = {
    { "passphrase-file", "FILE", false, offsetof(struct options, passphrase_file),
      "take the passphrase from FILE's first line" },
    { "witness", "NAME", false, offsetof(struct options, witness),
      "print the verifier key that this key has as witness NAME, too" },
    { "plain", NULL, false, offsetof(struct options, plain), "no passphrase: whoever reads the file has the key" },
};

/* Asks at the terminal itself, whatever standard input is, without echo. */
static err ask(struct scope *s, const char *question, char **out)
{
    char text[PASSPHRASE_MAX];
    struct termios was, quiet;
    ssize_t n;
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

    if (fd < 0)
        return fail(s, ERR_CONFIG, "no terminal to ask for a passphrase: use --passphrase-file or --plain");
    if (tcgetattr(fd, &was) != 0) {
        close(fd);
        return fail(s, ERR_CONFIG, "the terminal cannot be asked: %s", strerror(errno));
    }
    quiet = was;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(fd, TCSAFLUSH, &quiet);
    dprintf(fd, "%s", question);
    n = read(fd, text, sizeof text - 1);
    tcsetattr(fd, TCSAFLUSH, &was);
    dprintf(fd, "\n");
    close(fd);
    if (n <= 0)
        return fail(s, ERR_INVALID, "no passphrase given");
    text[n] = '\0';
    text[strcspn(text, "\n")] = '\0';
    *out = scope_strdup(s, text);
    explicit_bzero(text, sizeof text);
    return ERR_OK;
}

static err passphrase(struct scope *s, const struct options *o, bool twice, char **out)
{
    char *again;

    if (o->passphrase_file) {
        TRY(config_secret(s, o->passphrase_file, out));
    } else {
        TRY(ask(s, "Passphrase: ", out));
        if (twice) {
            TRY(ask(s, "Again: ", &again));
            if (strcmp(*out, again) != 0)
                return fail(s, ERR_INVALID, "the two passphrases differ");
        }
    }
    if (twice && strlen(*out) < PASSPHRASE_MIN)
        return fail(s, ERR_INVALID, "a passphrase has at least %d characters", PASSPHRASE_MIN);
    return ERR_OK;
}

static err show_public(struct scope *s, const struct options *o, const struct secret_key *k)
{
    struct public_key p = secret_key_public(k);
    char text[BASE64_SIZE(ED25519_PUBLIC)];
    struct cosigner c;

    base64_write(p.b, sizeof p.b, text);
    say("ed25519 %s", text);
    if (!o->witness)
        return ERR_OK;
    if (!cosigner_make(o->witness, &p, &c))
        return fail(s, ERR_INVALID, "not a name of a witness (no spaces, no '+'): %s", o->witness);
    say("witness %s", cosigner_text(s, &c));
    return ERR_OK;
}

static err save(struct scope *s, const struct options *o, const char *path, const struct secret_key *k)
{
    char *words;
    err e;

    if (o->plain)
        return key_file_save(s, path, k);
    TRY(passphrase(s, o, true, &words));
    e = key_file_save_sealed(s, path, k, words);
    explicit_bzero(words, strlen(words));
    return e;
}

static err key_new(struct scope *s, const struct options *o, const char *path)
{
    struct secret_key *k;
    err e;

    if (access(path, F_OK) == 0)
        return fail(s, ERR_CONFLICT, "%s is there already: a key file is never overwritten", path);
    k = secret_key_new();
    e = save(s, o, path, k);
    if (e == ERR_OK)
        e = show_public(s, o, k);
    secret_key_free(k);
    return e;
}

static err load(struct scope *s, const struct options *o, const char *path, struct secret_key **k)
{
    char head[32] = { 0 };
    char *words;
    FILE *f = fopen(path, "re");
    bool sealed;
    err e;

    if (!f)
        return fail(s, ERR_CONFIG, "%s: %s", path, strerror(errno));
    sealed = fgets(head, sizeof head, f) && strncmp(head, "counterfoil-sealed-key", 22) == 0;
    fclose(f);
    if (!sealed)
        return key_file_load(s, path, k);
    TRY(passphrase(s, o, false, &words));
    e = key_file_load_sealed(s, path, words, k);
    explicit_bzero(words, strlen(words));
    return e;
}

err signing_key_load(struct scope *s, const char *passphrase_file, const char *path, struct secret_key **k)
{
    struct options o = { .passphrase_file = passphrase_file };

    return load(s, &o, path, k);
}

/* ---- registering at a market */

/* That the key is the caller's own, signed by it, for this market's log. */
static err statement_make(struct scope *s, struct market *m, const struct secret_key *k, json_t **out)
{
    struct possession wish = { .c = { .valid_from = clock_wall_ms() } };
    json_t *me = NULL, *log = NULL;
    enum refusal why;
    uint8_t noise[16];
    err e;

    random_bytes(noise, sizeof noise);
    random_bytes(wish.salt, sizeof wish.salt);
    wish.c.id = credential_uuid(s, noise);
    TRY(market_get(s, m, "/v1/me", &me));
    e = market_get(s, m, "/v1/log/key", &log);
    if (e == ERR_OK)
        e = json_text(s, json_object_get(me, "party"), "id", &wish.party);
    if (e == ERR_OK)
        e = json_text(s, log, "origin", &wish.log);
    if (e == ERR_OK)
        e = possession_sign(s, &wish, k, clock_wall_ms(), out, &why);
    json_decref(me);
    json_decref(log);
    return e;
}

static err key_register(struct scope *s, const struct options *o, const char *path)
{
    json_t *statement = NULL, *body, *answer = NULL;
    struct secret_key *k = NULL;
    struct market m;
    err e;

    TRY(load(s, o, path, &k));
    e = market_open(s, &m, true);
    if (e == ERR_OK) {
        e = statement_make(s, &m, k, &statement);
        if (e == ERR_OK) {
            body = json_pack("{s:o}", "statement", statement);
            e = market_post(s, &m, "/v1/me/public-keys", body, market_new_key(s), &answer);
            json_decref(body);
        }
        market_close(&m);
    }
    secret_key_free(k);
    TRY(e);
    say("key        %s", json_text_or(answer, "public_key", "?"));
    say("entry      %lld", (long long)json_integer_value(json_object_get(json_object_get(answer, "entry"), "index")));
    json_decref(answer);
    return ERR_OK;
}

static err key_show(struct scope *s, const struct options *o, const char *path)
{
    struct secret_key *k = NULL;

    err e;

    TRY(load(s, o, path, &k));
    e = show_public(s, o, k);
    secret_key_free(k);
    return e;
}

static err run(struct scope *s, struct call *c)
{
    const struct options *o = c->options;

    if (o->plain && o->passphrase_file)
        return fail(s, ERR_INVALID, "--plain and --passphrase-file exclude each other");
    if (strcmp(c->args.v[0], "new") == 0)
        return key_new(s, o, c->args.v[1]);
    if (strcmp(c->args.v[0], "show") == 0)
        return key_show(s, o, c->args.v[1]);
    if (strcmp(c->args.v[0], "register") == 0)
        return key_register(s, o, c->args.v[1]);
    return fail(s, ERR_INVALID, "counterfoil key new FILE, key show FILE, or key register FILE");
}

const struct verb verb_key = {
    .name = "key", .args = "new|show|register FILE", .args_min = 2, .args_max = 2,
    .line = "make a signing key, show its public part, or register it",
    .more = "A new Ed25519 key goes into FILE (mode 0600, never overwritten), sealed by a passphrase\n"
            "(Argon2id) unless --plain. The key never leaves this machine; its public part is printed.\n"
            "`register` tells the market that certificates signed by it are yours.",
    .flags = FLAGS(flags), .options_size = sizeof(struct options), .run = run,
};
