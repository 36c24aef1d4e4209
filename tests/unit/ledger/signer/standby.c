/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder and its copies: what marks them, that no damage of one slot takes a mark away, that a copy made beside a
 * signer whose issuer's key changes at any moment has that key, and what a takeover believes, once and only now.
 */
#include "ledger/signer/standby.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ledger/entry/entry.h"
#include "ledger/entry/receipt.h"
#include "ledger/note/policy.h"
#include "ledger/note/signing.h"
#include "ledger/signer/answer.h"
#include "ledger/signer/folder.h"
#include "ledger/signer/issuers.h"
#include "schema/base/clock.h"
#include "tests/unit/tap.h"

#define ORIGIN "ledger.example/market"
enum { N = 9 };

static char folder[] = P_tmpdir "/counterfoil-standby-XXXXXX";
static struct hash root[N + 1];

static void fill(void)
{
    struct frontier f = FRONTIER_EMPTY;

    root[0] = empty_root();
    for (uint8_t i = 0; i < N; i++) {
        frontier_append(&f, leaf_hash(&i, 1));
        root[i + 1] = frontier_root(&f);
    }
}

static char *place(struct scope *s, const char *name)
{
    return scope_printf(s, "%s/%s", folder, name);
}

static void must(struct scope *s, err e)
{
    if (e != ERR_OK) {
        printf("# %s\n", s->why.detail);
        abort();
    }
}

static void put(const char *at, const char *text)
{
    FILE *f = fopen(at, "w");

    if (!f || fputs(text, f) < 0 || fclose(f) != 0)
        abort();
}

/* A log's folder that has signed up to `size`; gives the checkpoint as a file. */
static char *made_of(struct scope *s, const char *dir, uint64_t size, const struct hash *of)
{
    const struct vault_shown nothing = { 0 };
    char *file = scope_printf(s, "%s.checkpoint", dir);
    struct vault v;

    must(s, vault_init(s, dir, ORIGIN));
    must(s, vault_open(s, dir, &nothing, &v));
    must(s, vault_advance(s, &v, size, of));
    put(file, vault_note(s, &v));
    vault_close(&v);
    return file;
}

static char *made(struct scope *s, const char *dir, uint64_t size)
{
    return made_of(s, dir, size, &root[size]);
}

/* ---- marks: what a folder won't sign any more is said in both slots */

static err mark_retired(struct scope *s, const char *dir)
{
    char *note;

    return standby_retire(s, dir, "00000000000001", &note);
}

/* Asked about a larger tree that its own key has signed. */
static err mark_behind(struct scope *s, const char *dir)
{
    const struct vault_shown nothing = { 0 };
    struct checkpoint beyond = { .size = N, .root = root[N] };
    struct question q = { .verb = ASK_NEWEST };
    struct tally t = { 0 };
    struct vault v;
    char *question, *answer, *note;
    bool last;
    err e;

    TRY(vault_open(s, dir, &nothing, &v));
    memcpy(beyond.origin, v.log.name, sizeof beyond.origin);
    note = note_sign(s, checkpoint_text(s, &beyond), &v.log, v.log_secret);
    q.newest = (struct bytes){ (const uint8_t *)note, strlen(note) };
    question = question_text(s, &q);
    e = signer_answer_make(s, &v, &t, question, strlen(question), &answer, &last);
    if (e == ERR_OK && !v.last.standby)
        e = fail(s, ERR_INTERNAL, "it is not marked: %s", answer);
    vault_close(&v);
    return e;
}

static err mark_frozen(struct scope *s, const char *dir)
{
    const struct vault_shown nothing = { 0 };
    struct vault v;
    err e;

    TRY(vault_open(s, dir, &nothing, &v));
    e = vault_freeze(s, &v);
    vault_close(&v);
    return e;
}

static void slot_break(struct scope *s, const char *dir, unsigned slot)
{
    int fd = open(scope_printf(s, "%s/state", dir), O_WRONLY);

    if (fd < 0 || pwrite(fd, "torn", 4, slot * SLOT_STRIDE + 20) != 4)
        abort();
    close(fd);
}

/* With one slot broken and the newest checkpoint shown: what it would go on signing from. */
static err shown_again(struct scope *s, const char *dir, const char *checkpoint, struct signer_state *out)
{
    const struct vault_shown shown = { .checkpoint_path = checkpoint };
    struct vault v;

    TRY(vault_open(s, dir, &shown, &v));
    *out = v.last;
    vault_close(&v);
    return ERR_OK;
}

static void test_marks(struct scope *s)
{
    static const struct { const char *name; err (*mark)(struct scope *s, const char *dir); }
    rows[] = { { "retired", mark_retired }, { "behind", mark_behind }, { "frozen", mark_frozen } };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (unsigned slot = 0; slot < 2; slot++) {
            char *dir = place(s, scope_printf(s, "%s-%u", rows[i].name, slot)), *checkpoint = made(s, dir, 5);
            struct signer_state now = { 0 };

            must(s, rows[i].mark(s, dir));
            slot_break(s, dir, slot);
            ok(shown_again(s, dir, checkpoint, &now) == ERR_CONFLICT || now.frozen,
               "%s: with slot %u broken it is so still", rows[i].name, slot);
            scope_forgive(s);
        }
}

/* ---- a copy beside a change of the issuer's key */

#define READY "issuer-next.key"
#define CHANGED "issuer-7.key"

/* The change as a running signer makes it, at the k-th system call of a copy. */
struct race { const char *from, *to; int at; };
/* Where in the copy's system calls the change and the last listing of a folder were; -1: not reached. */
struct raced { int changed, listed, code; };

static bool there(struct scope *s, const char *dir, const char *name)
{
    return access(scope_printf(s, "%s/%s", dir, name), F_OK) == 0;
}

static void change(struct scope *s, const char *dir, const char *from, const char *to)
{
    if (rename(scope_printf(s, "%s/%s", dir, from), scope_printf(s, "%s/%s", dir, to)) != 0)
        abort();
}

static pid_t copy_traced(struct scope *s, const struct race *r)
{
    uint64_t id;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0 || raise(SIGSTOP) != 0)
            _exit(99);
        _exit(standby_copy(s, r->from, r->to, &id) == ERR_OK ? 0 : 1);
    }
    if (waitpid(pid, NULL, 0) != pid || ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD) != 0)
        abort();
    return pid;
}

static struct raced race_run(struct scope *s, const struct race *r)
{
    struct raced out = { -1, -1, -1 };
    pid_t pid = copy_traced(s, r);
    int calls = 0, status, listed = -1;

    while (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) == 0 && waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
        struct __ptrace_syscall_info call;

        if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof call, &call) <= 0 || call.op != PTRACE_SYSCALL_INFO_ENTRY)
            continue;
        if (calls == r->at) {
            change(s, r->from, READY, CHANGED);
            out.changed = calls;
        }
        if (call.entry.nr == SYS_getdents64) {      /* two calls a listing: all names, then none */
            out.listed = listed;
            listed = calls;
        }
        calls++;
    }
    out.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return out;
}

static void test_race(struct scope *s)
{
    int copies[2] = { 0 }, refused = 0, lost = 0, late = 0, failed = 0;
    char *from = place(s, "from");
    struct note_key next;

    made(s, from, 5);
    must(s, issuers_make_next(s, from, &next));
    for (int at = 0, more = 1; more; at++) {
        char *to = place(s, scope_printf(s, "to-%d", at));
        struct race r = { from, to, at };
        struct raced raced = race_run(s, &r);

        more = raced.changed >= 0;
        if (more)
            change(s, from, CHANGED, READY);
        failed += raced.code != 0 && raced.code != 1;
        refused += raced.code == 1;
        if (raced.code == 0 && more) {
            bool old = there(s, to, READY), new = there(s, to, CHANGED);
            copies[new]++;
            lost += !old && !new;
            late += !new && raced.changed <= raced.listed;
        }
    }
    ok(copies[0] > 0 && copies[1] > 0 && refused > 0 && !failed,
       "a key changes at each of %d moments of a copy: %d are of before, %d of after, %d are refused",
       copies[0] + copies[1] + refused, copies[0], copies[1], refused);
    is_int(lost, 0, "none is without the newest key");
    is_int(late, 0, "none is of before that looked again after the change");
}

/* ---- one word, one standby */

static const char *copied(struct scope *s, const char *from, const char *to)
{
    uint64_t id = 0;

    must(s, standby_copy(s, from, to, &id));
    return standby_id_text(s, id);
}

static err takes(struct scope *s, const char *dir, struct takeover_shown shown)
{
    struct signer_state now;
    err e = standby_takeover(s, dir, &shown, &now);

    if (e != ERR_OK)
        printf("# %s\n", s->why.detail);
    scope_forgive(s);
    return e;
}

/* The old signer's word as a file; NULL: it gives none, for the reason in *e. */
static char *retires(struct scope *s, const char *dir, const char *id, const char *name, err *e)
{
    char *note, *file = place(s, name);

    *e = standby_retire(s, dir, id, &note);
    if (*e != ERR_OK)
        printf("# %s\n", s->why.detail);
    scope_forgive(s);
    if (*e != ERR_OK)
        return NULL;
    put(file, note);
    return file;
}

static void test_word(struct scope *s)
{
    char *a = place(s, "a"), *x = place(s, "x"), *y = place(s, "y"), *z = place(s, "z"), *word, *later;
    const char *id_x, *id_y, *id_z;
    err e;

    made(s, a, 5);
    id_x = copied(s, a, x);
    id_y = copied(s, a, y);
    ok(strlen(id_x) == STANDBY_ID_SIZE - 1 && strcmp(id_x, id_y) != 0, "each copy has an id of its own");
    ok(!retires(s, a, "1234", "none", &e) && e == ERR_CONFIG, "a signer retires for an id only");
    ok(!retires(s, a, "00000000000000", "none", &e) && e == ERR_CONFIG, "which is not 0");
    ok(!retires(s, x, id_y, "none", &e) && e == ERR_CONFLICT, "a standby has nothing to give");
    word = retires(s, a, id_x, "word", &e);
    ok(word && retires(s, a, id_x, "again", &e), "it gives its word, and again");
    ok(!retires(s, a, id_y, "none", &e) && e == ERR_CONFLICT, "to no other one");
    is_int(takes(s, y, (struct takeover_shown){ .retired = word }), ERR_INVALID, "another standby can't use it");
    is_int(takes(s, a, (struct takeover_shown){ .retired = word }), ERR_INVALID, "nor can who gave it");
    is_int(takes(s, x, (struct takeover_shown){ .retired = word }), ERR_OK, "its standby takes over");
    is_int(takes(s, x, (struct takeover_shown){ .retired = word }), ERR_CONFLICT, "once");
    id_z = copied(s, x, z);
    is_int(takes(s, z, (struct takeover_shown){ .retired = word }), ERR_INVALID, "it is of no use to a new standby");
    later = retires(s, x, id_z, "later", &e);
    is_int(takes(s, x, (struct takeover_shown){ .retired = word }), ERR_INVALID, "nor to the one that used it once");
    is_int(takes(s, y, (struct takeover_shown){ .retired = later }), ERR_INVALID, "the next word is for the next one");
    is_int(takes(s, z, (struct takeover_shown){ .retired = later }), ERR_OK, "which takes over");
}

/* ---- cosignatures: of now, or who shows them knows that nobody else signs */

static struct secret_key *secrets[2];
static struct cosigner witnesses[2];

/* A folder whose log has one entry; gives checkpoint and receipt as files. */
static char *one_entry(struct scope *s, const char *dir, char **receipt)
{
    static const uint8_t salts[ENTRY_FIELDS_MAX][SALT_SIZE];
    const struct named_value ended[] = { { "license", EV_TEXT("lic_01jdc5x9k2h3v8m4q7t0w6y1zr") },
                                         { "reason", EV_TEXT("expired") } };
    const struct proof alone = { .n = 0 };
    struct encoded_entry entry;
    struct bytes note, text;
    struct hash leaf;
    const char *document, *proof;
    char *checkpoint;

    must(s, entry_encode(s, ENTRY_LICENSE_ENDED, 1795428930123, 2, ended, ARRAY_LEN(ended), salts, &entry));
    leaf = leaf_hash(entry.bytes.p, entry.bytes.len);
    checkpoint = made_of(s, dir, 1, &leaf);
    must(s, dir_file_read(s, AT_FDCWD, checkpoint, NOTE_BYTES_MAX, &note));
    proof = tlog_proof_text(s, 0, &alone, scope_strndup(s, (const char *)note.p, note.len));
    document = scope_printf(s, "{\"entry\":%.*s}", (int)entry.bytes.len, (const char *)entry.bytes.p);
    must(s, receipt_parts_text(s, (struct bytes){ (const uint8_t *)document, strlen(document) },
                               (struct bytes){ (const uint8_t *)proof, strlen(proof) }, &text));
    *receipt = scope_printf(s, "%s.receipt", dir);
    put(*receipt, scope_strndup(s, (const char *)text.p, text.len));
    return checkpoint;
}

static char *cosigned(struct scope *s, const char *checkpoint, int64_t first, int64_t second)
{
    const int64_t at[] = { first, second };
    char *file = scope_printf(s, "%s.cosigned", checkpoint);
    struct bytes note, text, lines;
    struct buf b = BUF(s);

    must(s, dir_file_read(s, AT_FDCWD, checkpoint, NOTE_BYTES_MAX, &note));
    must(s, note_split(s, (const char *)note.p, note.len, &text, &lines));
    buf_add(&b, note.p, note.len);
    for (size_t i = 0; i < ARRAY_LEN(at); i++)
        if (at[i])
            buf_str(&b, cosignature_make(s, scope_strndup(s, (const char *)text.p, text.len), &witnesses[i],
                                         secrets[i], at[i]));
    put(file, b.p);
    return file;
}

static void test_cosigned(struct scope *s)
{
    static const char *const both = "group both all w0 w1\nquorum both\n", *any = "group any any w0 w1\nquorum any\n";
    const int64_t now = clock_wall_ms() / 1000, old = now - COSIGNATURE_FRESH_S - 30, new = now - 60;
    const struct { const char *name, *quorum; int64_t at[2]; bool fenced; err want; } rows[] = {
        { "two of a minute ago, two wanted", both, { new, new }, false, ERR_OK },
        { "one of them is older", both, { old, new }, false, ERR_INVALID },
        { "the other one is", both, { new, old }, false, ERR_INVALID },
        { "both are, but the old signer is gone for sure", both, { old, 1 }, true, ERR_OK },
        { "one of a minute ago, either wanted", any, { old, new }, false, ERR_OK },
        { "an old one, either wanted", any, { old, 0 }, false, ERR_INVALID },
        { "one of times to come", any, { now + COSIGNATURE_FRESH_S + 30, 0 }, false, ERR_INVALID },
        { "one missing, whoever is gone", both, { new, 0 }, true, ERR_INVALID },
        { "nobody wanted, nobody asked", "quorum none\n", { new, new }, false, ERR_INVALID },
        { "nobody wanted, and the old signer is gone for sure", "quorum none\n", { 0, 0 }, true, ERR_OK },
    };
    char *from = place(s, "cosigned"), *receipt, *checkpoint = one_entry(s, from, &receipt);

    for (int i = 0; i < 2; i++) {
        struct public_key public;
        secrets[i] = secret_key_new();
        public = secret_key_public(secrets[i]);
        cosigner_make(i ? "w1.example" : "w0.example", &public, &witnesses[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *dir = place(s, scope_printf(s, "cosigned-%zu", i)), *policy = scope_printf(s, "%s.policy", dir);

        copied(s, from, dir);
        put(policy, scope_printf(s, "witness w0 %s\nwitness w1 %s\n%s", cosigner_text(s, &witnesses[0]),
                                 cosigner_text(s, &witnesses[1]), rows[i].quorum));
        is_int(takes(s, dir, (struct takeover_shown){ .checkpoint = cosigned(s, checkpoint, rows[i].at[0],
                                                                             rows[i].at[1]),
                                                      .policy = policy, .last = receipt, .issuer_lost = true,
                                                      .fenced = rows[i].fenced }), rows[i].want,
               rows[i].name);
    }
    for (int i = 0; i < 2; i++)
        secret_key_free(secrets[i]);
}

static int path_remove(const char *at, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(at);
}

int main(void)
{
    struct scope s;

    keys_init();
    scope_init(&s, 0);
    fill();
    if (!mkdtemp(folder))
        return 1;
    test_marks(&s);
    test_race(&s);
    test_word(&s);
    test_cosigned(&s);
    if (tap_failed)
        printf("# kept %s\n", folder);
    else if (nftw(folder, path_remove, 16, FTW_DEPTH | FTW_PHYS) != 0)
        return 1;
    scope_free(&s);
    return done_testing();
}
