/* SPDX-License-Identifier: Apache-2.0 */
/* A folder and its copies: what marks them, and that no damage of one slot takes a mark away. */
#include "ledger/signer/standby.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/note/signing.h"
#include "ledger/signer/answer.h"
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
static char *made(struct scope *s, const char *dir, uint64_t size)
{
    const struct vault_shown nothing = { 0 };
    char *file = scope_printf(s, "%s.checkpoint", dir);
    struct vault v;

    must(s, vault_init(s, dir, ORIGIN));
    must(s, vault_open(s, dir, &nothing, &v));
    must(s, vault_advance(s, &v, size, &root[size]));
    put(file, vault_note(s, &v));
    vault_close(&v);
    return file;
}

/* ---- marks: what a folder won't sign any more is said in both slots */

static err mark_retired(struct scope *s, const char *dir)
{
    char *note;

    return standby_retire(s, dir, &note);
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
    if (tap_failed)
        printf("# kept %s\n", folder);
    else if (nftw(folder, path_remove, 16, FTW_DEPTH | FTW_PHYS) != 0)
        return 1;
    scope_free(&s);
    return done_testing();
}
