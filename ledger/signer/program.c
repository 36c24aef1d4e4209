/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/signer/program.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "ledger/signer/issuers.h"
#include "ledger/signer/serve.h"
#include "ledger/signer/standby.h"
#include "ledger/signer/vault.h"
#include "schema/base/log.h"

/* Options, of all verbs; a verb says which it needs and takes. */
struct options {
    const char *origin, *dir, *socket, *checkpoint, *proof, *to, *policy, *retired, *last, *issuer, *for_, *fenced;
};
enum { ORIGIN = 1, DIR_ = 2, SOCKET = 4, CHECKPOINT = 8, PROOF = 16, TO = 32, POLICY = 64, RETIRED = 128,
       LAST = 256, ISSUER = 512, FOR = 1024, FENCED = 2048 };

static const struct { const char *name; unsigned bit; size_t offset; } option_rows[] = {
    { "--origin",     ORIGIN,     offsetof(struct options, origin) },
    { "--dir",        DIR_,       offsetof(struct options, dir) },
    { "--socket",     SOCKET,     offsetof(struct options, socket) },
    { "--checkpoint", CHECKPOINT, offsetof(struct options, checkpoint) },
    { "--proof",      PROOF,      offsetof(struct options, proof) },
    { "--to",         TO,         offsetof(struct options, to) },
    { "--policy",     POLICY,     offsetof(struct options, policy) },
    { "--retired",    RETIRED,    offsetof(struct options, retired) },
    { "--last",       LAST,       offsetof(struct options, last) },
    { "--issuer",     ISSUER,     offsetof(struct options, issuer) },
    { "--for",        FOR,        offsetof(struct options, for_) },
    { "--fenced",     FENCED,     offsetof(struct options, fenced) },      /* alone without a value */
};

static void keys_print(struct scope *s, const struct note_key *log, const struct note_key *issuer)
{
    printf("origin %s\nlog %s\nissuer %s\n", log->name, note_key_text(s, log), note_key_text(s, issuer));
}

static err verb_init(struct scope *s, const struct options *o)
{
    struct note_key log, issuer;
    struct slots slots;

    TRY(vault_init(s, o->dir, o->origin));
    TRY(vault_look(s, o->dir, &log, &issuer, &slots));
    keys_print(s, &log, &issuer);
    return ERR_OK;
}

static err verb_serve(struct scope *s, const struct options *o)
{
    struct vault_shown shown = { .checkpoint_path = o->checkpoint, .proof_path = o->proof };
    struct rlimit none = { 0, 0 };
    struct vault v;
    err e;

    if (setrlimit(RLIMIT_CORE, &none) != 0)      /* a core file would hold the keys */
        return fail(s, ERR_IO, "cannot forbid core files");
    TRY(vault_open(s, o->dir, &shown, &v));
    e = signer_serve(s, &v, o->socket);
    vault_close(&v);
    return e;
}

static err verb_status(struct scope *s, const struct options *o)
{
    struct note_key log, issuer;
    struct signer_state now;
    struct slots slots;

    TRY(vault_look(s, o->dir, &log, &issuer, &slots));
    keys_print(s, &log, &issuer);
    for (unsigned i = 0; i < 2; i++) {
        const struct signer_state *st = &slots.slot[i];
        if (slots.good[i])
            printf("slot %u sequence=%" PRIu64 " size=%" PRIu64 " root=%s%s%s%s\n", i, st->sequence, st->size,
                   hash_hex(s, &st->root), st->frozen ? " frozen" : "", st->standby ? " standby" : "",
                   st->retired ? " retired" : "");
        else
            printf("slot %u bad\n", i);
    }
    TRY(state_settle(s, &slots, NULL, &now));
    printf("size %" PRIu64 "\nroot %s\nfrozen %s\nstandby %s\n", now.size, hash_hex(s, &now.root),
           now.frozen ? "yes" : "no", now.standby ? "yes" : "no");
    if (now.id)
        printf("%s %s\n", now.retired ? "retired for" : "id", standby_id_text(s, now.id));
    return now.standby ? fail(s, ERR_CONFLICT, "a standby's: it signs nothing until a takeover") : ERR_OK;
}

/* Without the rows: what the log has come to, by its signer alone. */
static err verb_last(struct scope *s, const struct options *o)
{
    struct slots slots;
    struct vault v;
    err e;

    TRY(vault_keys_open(s, o->dir, &v));
    e = vault_slots(s, &v, &slots);
    if (e == ERR_OK)
        e = state_settle(s, &slots, NULL, &v.last);
    if (e == ERR_OK && v.last.standby)
        e = fail(s, ERR_CONFLICT, "%s is a standby's: another signer knows what was signed last", o->dir);
    if (e == ERR_OK)
        fputs(vault_note(s, &v), stdout);
    vault_close(&v);
    return e;
}

static err verb_standby(struct scope *s, const struct options *o)
{
    uint64_t id;

    TRY(standby_copy(s, o->dir, o->to, &id));
    printf("id %s\n", standby_id_text(s, id));
    return ERR_OK;
}

static err verb_retire(struct scope *s, const struct options *o)
{
    char *note;

    TRY(standby_retire(s, o->dir, o->for_, &note));
    fputs(note, stdout);
    return ERR_OK;
}

static err verb_takeover(struct scope *s, const struct options *o)
{
    bool lost = o->issuer && strcmp(o->issuer, "lost") == 0;
    struct takeover_shown shown = { .checkpoint = o->checkpoint, .policy = o->policy, .retired = o->retired,
                                    .proof = o->proof, .last = o->last, .issuer = lost ? NULL : o->issuer,
                                    .issuer_lost = lost, .fenced = o->fenced != NULL };
    struct signer_state now;

    if (o->retired ? o->checkpoint || o->policy || o->proof || o->last || shown.issuer || shown.fenced
                   : !o->checkpoint || !o->policy || !o->last || !o->issuer)
        return fail(s, ERR_CONFIG, "show what the old signer said (--retired), or the newest checkpoint, the policy "
                    "that it meets, the receipt of its last entry and that of the entry that brought the issuer's key "
                    "in force (--checkpoint, --policy, --last, --issuer)");
    TRY(standby_takeover(s, o->dir, &shown, &now));
    printf("size %" PRIu64 "\nroot %s\n%s", now.size, hash_hex(s, &now.root), now.frozen ? "frozen\n" : "");
    return ERR_OK;
}

static err verb_next_issuer(struct scope *s, const struct options *o)
{
    struct note_key next;

    TRY(issuers_make_next(s, o->dir, &next));
    printf("next issuer %s\n", note_key_text(s, &next));
    return ERR_OK;
}

static const struct {
    const char *name;
    err (*run)(struct scope *s, const struct options *o);
    unsigned needs, takes;
    const char *usage;
} verb_rows[] = {
    { "init",   verb_init,   ORIGIN | DIR_, 0, "init --origin ORIGIN --dir DIR\n"
      "      make the keys and state of a new log, once; DIR must be absent or empty" },
    { "serve",  verb_serve,  DIR_ | SOCKET, CHECKPOINT | PROOF,
      "serve --dir DIR --socket PATH [--checkpoint FILE [--proof FILE]]\n"
      "      sign checkpoints over a Unix socket until SIGTERM; FILEs show the newest checkpoint and\n"
      "      the consistency proof to it, when a slot of the state is bad or the folder is a restored one" },
    { "status", verb_status, DIR_, 0,
      "status --dir DIR\n      what the folder holds; exit code 1 if it would not start as it is" },
    { "last", verb_last, DIR_, 0,
      "last --dir DIR\n      the checkpoint signed last, while its signer is stopped" },
    { "standby", verb_standby, DIR_ | TO, 0,
      "standby --dir DIR --to COPY\n"
      "      copy the folder, whose signer may be running; with the copy nothing is signed until a takeover;\n"
      "      prints the copy's id" },
    { "retire", verb_retire, DIR_ | FOR, 0,
      "retire --dir DIR --for ID\n"
      "      once its signer has stopped: make the folder a standby's, and print what it signed last, for the\n"
      "      standby of that id alone" },
    { "takeover", verb_takeover, DIR_, CHECKPOINT | POLICY | RETIRED | PROOF | LAST | ISSUER | FENCED,
      "takeover --dir DIR {--retired FILE |\n"
      "                     --checkpoint FILE --policy FILE [--proof FILE] --last FILE --issuer FILE [--fenced]}\n"
      "      make a standby's folder the one to serve; FILEs show what the old signer printed when it\n"
      "      retired, or the newest checkpoint, the witnesses that must have cosigned it just now, the proof to it,\n"
      "      the receipts of its last entry and of the one that brought the issuer's key (`counterfoil receipt`);\n"
      "      --issuer lost goes on without a key that no standby has: bring another by next-issuer then;\n"
      "      --fenced: the old signer is gone for sure, so that older cosignatures do" },
    { "next-issuer", verb_next_issuer, DIR_, 0,
      "next-issuer --dir DIR\n"
      "      make the key that the next issuer.key_changed brings; the signer may be running" },
};

static int usage(FILE *to, int code)
{
    fputs("counterfoil-signer holds a log's key and never signs a second history\n\n", to);
    for (size_t i = 0; i < ARRAY_LEN(verb_rows); i++)
        fprintf(to, "  counterfoil-signer %s\n", verb_rows[i].usage);
    return code;
}

/* Each option once, each but one with a value; gives their bits. */
static bool options_read(int n, char **words, struct options *o, unsigned *given)
{
    *given = 0;
    for (int i = 0; i < n; i++) {
        size_t row = 0;
        while (row < ARRAY_LEN(option_rows) && strcmp(words[i], option_rows[row].name) != 0)
            row++;
        if (row == ARRAY_LEN(option_rows) || (*given & option_rows[row].bit))
            return false;
        *given |= option_rows[row].bit;
        if (option_rows[row].bit != FENCED && ++i == n)
            return false;
        *(const char **)((char *)o + option_rows[row].offset) = words[i];
    }
    return true;
}

int signer_program(int argc, char **argv)
{
    struct options o = { 0 };
    struct scope s;
    unsigned given;
    size_t verb = 0;
    err e;

    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, 0);
    while (argc >= 2 && verb < ARRAY_LEN(verb_rows) && strcmp(argv[1], verb_rows[verb].name) != 0)
        verb++;
    if (argc < 2 || verb == ARRAY_LEN(verb_rows) || !options_read(argc - 2, argv + 2, &o, &given) ||
        (given & verb_rows[verb].needs) != verb_rows[verb].needs ||
        (given & ~(verb_rows[verb].needs | verb_rows[verb].takes)) || (given & (CHECKPOINT | PROOF)) == PROOF)
        return usage(stderr, 2);
    log_open("counterfoil-signer", LOG_INFO);
    keys_init();
    scope_init(&s, 0);
    e = verb_rows[verb].run(&s, &o);
    if (e != ERR_OK)
        log_why(LOG_ERROR, verb_rows[verb].name, &s);
    if (fflush(stdout) != 0)
        e = ERR_IO;
    scope_free(&s);
    return e == ERR_OK ? 0 : 1;
}
