/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ledger/append/genesis.h"
#include "ledger/append/life.h"
#include "schema/base/clock.h"
#include "schema/base/config.h"
#include "schema/base/log.h"
#include "schema/base/random.h"
#include "schema/store/migrate.h"

/*
 * counterfoil-schema: the database as explicit acts. It alone holds the role
 * of the owner; api and worker run with roles that can't change the schema.
 */
struct settings {
    const char *owner, *api, *worker;
    const char *signer_socket, *pepper, *handle, *name, *contact, *key_file;      /* open */
};

static const struct config_row owner_rows[] = {
    { "COUNTERFOIL_DB_OWNER", CONFIG_TEXT, offsetof(struct settings, owner), NULL, 0, 0,
      "libpq connection string of the database's owner" },
    CONFIG_END,
};
static const struct config_row role_rows[] = {
    { "COUNTERFOIL_DB_API", CONFIG_TEXT, offsetof(struct settings, api), NULL, 0, 0,
      "libpq connection string of counterfoil-api's role; check only" },
    { "COUNTERFOIL_DB_WORKER", CONFIG_TEXT, offsetof(struct settings, worker), NULL, 0, 0,
      "libpq connection string of counterfoil-worker's role; check only" },
    CONFIG_END,
};
static const struct config_row signer_rows[] = {
    { "COUNTERFOIL_SIGNER", CONFIG_TEXT, offsetof(struct settings, signer_socket), NULL, 0, 0,
      "the signer's Unix socket; open, issuer and freeze only" },
    CONFIG_END,
};
static const struct config_row open_rows[] = {
    { "COUNTERFOIL_PEPPER_FILE", CONFIG_SECRET_FILE, offsetof(struct settings, pepper), NULL, 0, 0,
      "file of the API keys' pepper, 64 hex digits; open makes it if it is absent" },
    { "COUNTERFOIL_OPERATOR_HANDLE", CONFIG_TEXT, offsetof(struct settings, handle), "operator", 0, 0,
      "the operator's short public name; open only" },
    { "COUNTERFOIL_OPERATOR_NAME", CONFIG_TEXT, offsetof(struct settings, name), "Operator", 0, 0,
      "the operator's name; open only" },
    { "COUNTERFOIL_OPERATOR_CONTACT", CONFIG_TEXT, offsetof(struct settings, contact), "", 0, 0,
      "how to reach the operator; open only" },
    { "COUNTERFOIL_OPERATOR_KEY_FILE", CONFIG_TEXT, offsetof(struct settings, key_file), "", 0, 0,
      "file that open writes the operator's first API key to, mode 0600; empty: standard output" },
    CONFIG_END,
};

struct connections {
    const struct settings *settings;
    char **argv;               /* behind the verb, ended by NULL */
    struct db *owner, *api, *worker;
};

static void say_applied(const struct migration *m)
{
    printf("applied %04d %s\n", m->version, m->name);
}

static err apply(struct scope *s, struct connections *c)
{
    struct append_config config = { .dsn = c->settings->owner, .application = "counterfoil-schema" };
    bool changed;

    TRY(migrate_apply(s, c->owner, migrations, say_applied));
    TRY(genesis_rules(s, &config, &changed));
    if (changed)
        printf("the log goes on under rules version %d\n", RULES_VERSION);
    puts("the schema is up to date");
    return ERR_OK;
}

static err status(struct scope *s, struct connections *c)
{
    struct migration_row *rows;
    char at[TIME_TEXT_SIZE];
    size_t n;

    TRY(migrate_rows(s, c->owner, &rows, &n));
    for (size_t i = 0; i < n; i++) {
        time_format(rows[i].applied_at, at);
        printf("%04d %-24s %s %.16s\n", rows[i].version, rows[i].name, at, hash_hex(s, &rows[i].sha256));
    }
    return migrate_verify(s, c->owner, migrations);
}

static err statements(struct scope *s, struct connections *c)
{
    struct buf out = BUF(s);

    for (const struct sql_table *table = sql_tables; table->noun; table++)
        for (size_t i = 0; i < table->n; i++)
            TRY(db_describe(s, c->owner, &table->statements[i], &out));
    fwrite(out.p, 1, out.len, stdout);
    return ERR_OK;
}

struct tally { int statements, api, worker, findings; };

static void finding(struct tally *t, const char *what, const char *about)
{
    printf("FAULT %s: %s\n", what, about);
    t->findings++;
}

/* True: this role may run the statement. A statement that can't be prepared is a finding. */
static bool may_run(struct scope *s, struct db *db, const struct sql *q, struct tally *t)
{
    err e = db_check(s, db, q);

    if (e != ERR_OK && e != ERR_FORBIDDEN)
        finding(t, q->name, s->why.detail);
    scope_forgive(s);
    return e == ERR_OK;
}

static void check_statements(struct scope *s, struct connections *c, struct tally *t)
{
    for (const struct sql_table *table = sql_tables; table->noun; table++)
        for (size_t i = 0; i < table->n; i++) {
            const struct sql *q = &table->statements[i];
            int before = t->findings;
            bool owner = may_run(s, c->owner, q, t);
            bool api = owner && may_run(s, c->api, q, t), worker = owner && may_run(s, c->worker, q, t);

            t->statements++;
            t->api += api;
            t->worker += worker;
            if (owner && !api && !worker && t->findings == before)
                printf("owner only: %s\n", q->name);
        }
}

static err check_refusals(struct scope *s, struct db *db, const char *role, const char **tables, size_t n,
                          struct tally *t)
{
    for (size_t i = 0; i < n; i++) {
        const char *verb;

        TRY(migrate_try_change(s, db, tables[i], &verb));
        if (verb)
            finding(t, tables[i], scope_printf(s, "is append-only, but %s may %s", role, verb));
    }
    return ERR_OK;
}

static err check(struct scope *s, struct connections *c)
{
    const char **bare, **tables;
    struct tally t = { 0 };
    size_t n_bare, n_tables;

    TRY(migrate_verify(s, c->owner, migrations));
    check_statements(s, c, &t);
    TRY(migrate_uncommented(s, c->owner, &bare, &n_bare));
    for (size_t i = 0; i < n_bare; i++)
        finding(&t, bare[i], "has no comment");
    TRY(migrate_append_only(s, c->owner, &tables, &n_tables));
    TRY(check_refusals(s, c->api, "api", tables, n_tables, &t));
    TRY(check_refusals(s, c->worker, "worker", tables, n_tables, &t));
    printf("%d statements prepared (api may run %d, worker %d), %zu append-only tables tried, %d faults\n",
           t.statements, t.api, t.worker, n_tables, t.findings);
    return t.findings ? fail(s, ERR_CONFIG, "the database is not what the programs need") : ERR_OK;
}

/* A secret into a new file that only its owner can read, durable before anything rests on it. */
static err secret_save(struct scope *s, const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    const char *line = scope_printf(s, "%s\n", text);
    bool good = fd >= 0 && write(fd, line, strlen(line)) == (ssize_t)strlen(line) && fsync(fd) == 0;

    if (!good)
        (void)fail(s, ERR_IO, "%s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return good ? ERR_OK : ERR_IO;
}

static err pepper_load(struct scope *s, const char *path, uint8_t pepper[GENESIS_PEPPER])
{
    char text[HEX_SIZE(GENESIS_PEPPER)], *hex;

    if (access(path, F_OK) != 0 && errno == ENOENT) {
        random_bytes(pepper, GENESIS_PEPPER);
        hex_write(pepper, GENESIS_PEPPER, text);
        return secret_save(s, path, text);
    }
    TRY(config_secret(s, path, &hex));
    if (strlen(hex) != sizeof text - 1 || !hex_read(hex, sizeof text - 1, pepper, GENESIS_PEPPER))
        return fail(s, ERR_CONFIG, "%s holds no pepper of %d hex digits", path, GENESIS_PEPPER * 2);
    return ERR_OK;
}

/*
 * The key is handed over before it counts: a crash after that leaves a key that the next `open` takes up from
 * its file, or prints anew, never a log whose operator has no key.
 */
static err key_hand_over(struct scope *s, const char *path, const uint8_t pepper[GENESIS_PEPPER], struct genesis *g)
{
    char text[GENESIS_KEY_SIZE], *kept;

    if (*path && access(path, F_OK) == 0) {
        TRY(config_secret(s, path, &kept));
        return genesis_key_again(g, pepper, kept) ? ERR_OK : fail(s, ERR_CONFIG, "%s holds no API key", path);
    }
    genesis_key(g, pepper, text);
    if (*path)
        return secret_save(s, path, text);
    puts(text);
    return fflush(stdout) == 0 ? ERR_OK : fail(s, ERR_IO, "standard output: %s", strerror(errno));
}

/* What `open --predecessor VKEY FILE` says, verified. */
static err predecessor_read(struct scope *s, char **argv, struct genesis *g)
{
    struct note_key key;
    struct buf text = BUF(s);
    char piece[4096];
    FILE *f;
    size_t n;

    if (!argv[0])
        return ERR_OK;
    if (!note_key_parse(argv[1], &key))
        return fail(s, ERR_INVALID, "not a verifier key of a log: %s", argv[1]);
    f = fopen(argv[2], "rbe");
    if (!f)
        return fail(s, ERR_CONFIG, "%s: %s", argv[2], strerror(errno));
    while ((n = fread(piece, 1, sizeof piece, f)) > 0 && text.len <= NOTE_BYTES_MAX)
        buf_add(&text, piece, n);
    fclose(f);
    keys_init();
    TRY(checkpoint_open(s, text.p ? text.p : "", text.len, &key, &g->predecessor_last));
    g->predecessor = argv[1];
    return ERR_OK;
}

static err open_log(struct scope *s, struct connections *c)
{
    const struct settings *o = c->settings;
    uint8_t pepper[GENESIS_PEPPER];
    struct genesis g = {
        .dsn = o->owner, .application = "counterfoil-schema", .signer_socket = o->signer_socket,
        .handle = o->handle, .name = o->name, .contact = *o->contact ? o->contact : NULL,
    };

    TRY(predecessor_read(s, c->argv, &g));
    TRY(migrate_verify(s, c->owner, migrations));
    TRY(genesis_begin(s, &g));
    TRY(pepper_load(s, o->pepper, pepper));
    TRY(key_hand_over(s, o->key_file, pepper, &g));
    TRY(genesis_finish(s, &g));
    log_line(LOG_INFO, "log opened operator=%s key=%s", g.party.text, g.key.text);
    return ERR_OK;
}

static struct append_config life_config(const struct connections *c)
{
    return (struct append_config){ c->settings->owner, "counterfoil-schema", c->settings->signer_socket };
}

static err issuer(struct scope *s, struct connections *c)
{
    struct append_config config = life_config(c);
    struct life life;

    TRY(migrate_verify(s, c->owner, migrations));
    TRY(life_issuer(s, &config, &life));
    printf("entry %llu: the issuer's key is %s\n", (unsigned long long)life.index, life.key);
    return ERR_OK;
}

static err freeze(struct scope *s, struct connections *c)
{
    struct append_config config = life_config(c);
    struct life life;

    TRY(migrate_verify(s, c->owner, migrations));
    TRY(life_freeze(s, &config, c->argv[0], &life));
    printf("entry %llu is the log's last: %s goes on\n", (unsigned long long)life.index, life.key);
    return ERR_OK;
}

static const struct verb {
    const char *name, *arguments, *help;
    bool roles;                /* wants the connections of api and worker too */
    bool opens;                /* wants the rows of open */
    bool signer;               /* wants the signer's socket */
    int words;                 /* behind it: so many */
    err (*run)(struct scope *s, struct connections *c);
} verbs[] = {
    { .name = "apply", .run = apply, .help = "make the roles and apply what is missing of the schema" },
    { .name = "status", .run = status, .help = "print what is applied; fails unless that is everything" },
    { .name = "check", .run = check, .roles = true,
      .help = "prepare every statement, look for comments, try to change what must not change" },
    { .name = "statements", .run = statements,
      .help = "print each statement's parameters and columns, by the numbers of their types" },
    { .name = "open", .run = open_log, .opens = true,
      .help = "open the log, once: its keys from the signer, its first entries, the operator's first key" },
    { .name = "open", .arguments = " --predecessor VKEY FILE", .run = open_log, .opens = true, .words = 3,
      .help = "the same for a log that continues another: its verifier key, its last checkpoint" },
    { .name = "issuer", .run = issuer, .signer = true,
      .help = "change the issuer's key to the one that lies ready with the signer" },
    { .name = "freeze", .arguments = " VKEY", .run = freeze, .signer = true, .words = 1,
      .help = "end the log: its last entry names the successor, whose verifier key this is" },
};

static int usage(FILE *to)
{
    fputs("usage: counterfoil-schema VERB\n\n", to);
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        fprintf(to, "  %-28s %s\n", verbs[i].name, verbs[i].help);
    if (to == stdout) {
        puts("\nenvironment:");
        config_print(owner_rows);
        config_print(role_rows);
        config_print(signer_rows);
        config_print(open_rows);
    }
    return to == stdout ? 0 : 2;
}

static err run(struct scope *s, const struct verb *v, struct connections *c)
{
    struct settings settings = { 0 };

    c->settings = &settings;
    TRY(config_load(s, owner_rows, &settings));
    if (v->roles)
        TRY(config_load(s, role_rows, &settings));
    if (v->opens)
        TRY(config_load(s, open_rows, &settings));
    if (v->opens || v->signer)
        TRY(config_load(s, signer_rows, &settings));
    TRY(db_open(s, settings.owner, "counterfoil-schema", &c->owner));
    if (v->roles) {
        TRY(db_open(s, settings.api, "counterfoil-schema", &c->api));
        TRY(db_open(s, settings.worker, "counterfoil-schema", &c->worker));
    }
    return v->run(s, c);
}

int main(int argc, char **argv)
{
    struct connections c = { .argv = argv + (argc < 2 ? argc : 2) };
    const struct verb *v = NULL;
    struct scope s;
    err e;

    log_open("counterfoil-schema", LOG_INFO);
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout);
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        if (argc == 2 + verbs[i].words && strcmp(argv[1], verbs[i].name) == 0 &&
            (verbs[i].words != 3 || strcmp(argv[2], "--predecessor") == 0))
            v = &verbs[i];
    if (!v)
        return usage(stderr);
    scope_init(&s, 0);
    e = run(&s, v, &c);
    if (e != ERR_OK)
        log_why(LOG_ERROR, v->name, &s);
    db_close(c.owner);
    db_close(c.api);
    db_close(c.worker);
    scope_free(&s);
    return e == ERR_OK ? 0 : 1;
}
