/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole program: signer_program() in a process of its own, asked over its
 * socket by ask.c and by clients that don't keep to the protocol.
 */
#include "ledger/signer/program.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ledger/append/ask.h"
#include "ledger/note/signing.h"
#include "ledger/signer/state.h"
#include "schema/base/clock.h"
#include "tests/unit/tap.h"

#define ORIGIN "ledger.example/market"
enum { N = 40 };

static char folder[] = P_tmpdir "/counterfoil-signer-XXXXXX";
static char dir[64], path[64], log_path[64];
static struct hash leaves[N], root[N + 1];
static struct frontier front[N + 1];

static void fill(void)
{
    struct frontier f = FRONTIER_EMPTY;

    front[0] = f;
    root[0] = empty_root();
    for (uint8_t i = 0; i < N; i++) {
        leaves[i] = leaf_hash(&i, 1);
        frontier_append(&f, leaves[i]);
        front[i + 1] = f;
        root[i + 1] = frontier_root(&f);
    }
}

static struct proof proof_of(uint64_t from, uint64_t to)
{
    struct proof p = { .n = 0 };

    if (from > 0 && from < to)
        proof_extension(&front[from], leaves + from, to - from, &p);
    return p;
}

/* ---- the program ---- */

/* Its exit code; -1 if a signal ended it. Its log lines go to a file. */
static pid_t program_start(int argc, char **argv)
{
    pid_t pid = fork();

    if (pid == 0) {
        int fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0600), null = open("/dev/null", O_WRONLY);
        dup2(fd, STDERR_FILENO);
        dup2(null, STDOUT_FILENO);
        exit(signer_program(argc, argv));
    }
    return pid;
}

static int program_end(pid_t pid)
{
    int status;

    if (waitpid(pid, &status, 0) != pid)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define RUN(...) program_run((char *[]){ (char *)"counterfoil-signer", __VA_ARGS__, NULL })
#define START(...) program_args((char *[]){ (char *)"counterfoil-signer", __VA_ARGS__, NULL })

static pid_t program_args(char **argv)
{
    int argc = 0;

    while (argv[argc])
        argc++;
    fflush(stdout);
    return program_start(argc, argv);
}

static int program_run(char **argv)
{
    return program_end(program_args(argv));
}

static int dial(void)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(at.sun_path, path, strlen(path));
    if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Starts serving; waits for its socket. Extra options end with NULL. */
static pid_t serve(char *option, char *value, char *option2, char *value2)
{
    char *argv[] = { (char *)"counterfoil-signer", (char *)"serve", (char *)"--dir", dir, (char *)"--socket", path,
                     option, value, option2, value2, NULL };
    pid_t pid = program_args(argv);
    int fd;

    for (int i = 0; i < 1000; i++) {
        if ((fd = dial()) >= 0) {
            close(fd);
            return pid;
        }
        poll(NULL, 0, 10);
        if (waitpid(pid, NULL, WNOHANG) == pid)
            return -1;
    }
    return -1;
}

static int stop(pid_t pid)
{
    kill(pid, SIGTERM);
    return program_end(pid);
}

/* ---- asking ---- */

static struct note_key vkey;

static bool note_is(struct scope *s, const char *note, uint64_t size)
{
    struct checkpoint c;
    bool good = checkpoint_open(s, note, strlen(note), &vkey, &c) == ERR_OK && c.size == size &&
                hash_equal(&c.root, &root[size]);

    scope_forgive(s);
    return good;
}

static bool sign_is(struct scope *s, struct signer *g, uint64_t from, uint64_t to, const struct hash *to_root,
                    enum signer_verdict want, uint64_t last)
{
    struct proof p = proof_of(from, to);
    struct signer_answer a;

    if (signer_sign(s, g, from, to, to_root, &p, &a) != ERR_OK) {
        printf("# %s\n", s->why.detail);
        return false;
    }
    return a.verdict == want && note_is(s, a.note, last);
}

static int64_t counter(struct scope *s, struct signer *g, const char *name)
{
    char *lines, *at;

    if (signer_status(s, g, &lines) != ERR_OK)
        return -1;
    at = strstr(lines, scope_printf(s, "\n%s ", name));
    return at ? strtoll(at + strlen(name) + 2, NULL, 10) : -1;
}

/* ---- tests ---- */

static void test_init(struct scope *s)
{
    char *other = scope_printf(s, "%s/half", folder);
    struct stat st;

    is_int(RUN((char *)"init"), 2, "init wants its options");
    is_int(RUN((char *)"init", (char *)"--origin", (char *)"a b", (char *)"--dir", dir), 1, "an origin has no spaces");
    ok(stat(dir, &st) != 0, "nothing is made for it");
    is_int(RUN((char *)"init", (char *)"--origin", (char *)ORIGIN, (char *)"--dir", dir), 0, "init makes a log");
    ok(stat(dir, &st) == 0 && (st.st_mode & 0777) == 0700, "in a folder of its own");
    is_int(RUN((char *)"init", (char *)"--origin", (char *)ORIGIN, (char *)"--dir", dir), 1, "once");
    is_int(RUN((char *)"status", (char *)"--dir", dir), 0, "status finds it sound");
    is_int(RUN((char *)"init", (char *)"--origin", (char *)ORIGIN, (char *)"--dir", other), 0, "another log");
    unlink(scope_printf(s, "%s/log", other));
    is_int(RUN((char *)"init", (char *)"--origin", (char *)ORIGIN, (char *)"--dir", other), 1,
           "a half-done init is not completed");
    is_int(RUN((char *)"serve", (char *)"--dir", other, (char *)"--socket", path), 1, "nor served");
    ok(access(scope_printf(s, "%s/log", other), F_OK) != 0, "serving creates nothing");
    is_int(RUN((char *)"serve", (char *)"--dir", scope_printf(s, "%s/none", folder), (char *)"--socket", path), 1,
           "no folder, no signer");
    is_int(RUN((char *)"serve", (char *)"--dir", dir, (char *)"--socket", path, (char *)"--proof", path), 2,
           "a proof alone shows nothing");
    chmod(scope_printf(s, "%s/log.key", dir), 0644);
    is_int(RUN((char *)"serve", (char *)"--dir", dir, (char *)"--socket", path), 1,
           "a key that others can read is refused");
    chmod(scope_printf(s, "%s/log.key", dir), 0600);
    rename(scope_printf(s, "%s/log.key", dir), scope_printf(s, "%s/kept", dir));
    rename(scope_printf(s, "%s/issuer.key", dir), scope_printf(s, "%s/log.key", dir));
    is_int(RUN((char *)"serve", (char *)"--dir", dir, (char *)"--socket", path), 1, "another key is refused");
    rename(scope_printf(s, "%s/log.key", dir), scope_printf(s, "%s/issuer.key", dir));
    rename(scope_printf(s, "%s/kept", dir), scope_printf(s, "%s/log.key", dir));
}

static void test_serve(struct scope *s)
{
    pid_t pid = serve(NULL, NULL, NULL, NULL);
    char *log_vkey = NULL, *issuer_vkey = NULL, *note = NULL, *again = NULL;
    struct note_key issuer;
    struct signer g;
    struct stat st;

    ok(pid > 0, "the signer serves");
    ok(stat(path, &st) == 0 && S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0660, "for its group only");
    signer_init(&g, path);
    is_int(signer_keys(s, &g, &log_vkey, &issuer_vkey), ERR_OK, "it says its keys");
    ok(note_key_parse(log_vkey, &vkey) && strcmp(vkey.name, ORIGIN) == 0 && note_key_parse(issuer_vkey, &issuer) &&
       strcmp(issuer.name, ORIGIN "/issuer") == 0 && memcmp(issuer.key.b, vkey.key.b, sizeof vkey.key.b) != 0,
       "two of them");
    ok(signer_last(s, &g, &note) == ERR_OK && note_is(s, note, 0), "its last checkpoint is the empty log's");
    ok(sign_is(s, &g, 0, 5, &root[5], SIGNER_SIGNED, 5), "the first five are signed");
    ok(sign_is(s, &g, 5, 8, &root[8], SIGNER_SIGNED, 8), "and what extends them");
    ok(sign_is(s, &g, 5, 8, &root[8], SIGNER_SIGNED, 8), "asked again, the same");
    ok(sign_is(s, &g, 3, 4, &root[4], SIGNER_LATE, 8), "a late caller gets the last");
    ok(sign_is(s, &g, 5, 9, &root[9], SIGNER_OTHER_SIZE, 8), "a caller from another size too");
    ok(sign_is(s, &g, 5, 8, &root[7], SIGNER_ALARM, 8), "another root at its size is an alarm");
    ok(sign_is(s, &g, 8, 9, &root[7], SIGNER_ALARM, 8), "a proof that fails is an alarm");
    ok(sign_is(s, &g, 8, 9, &root[9], SIGNER_SIGNED, 9), "and stops nobody else");
    is_int(counter(s, &g, "alarms"), 2, "alarms are counted");
    is_int(counter(s, &g, "syncs"), 3, "a sync for each new signature");
    is_int(counter(s, &g, "signatures"), 3, "and none else");
    is_int(RUN((char *)"serve", (char *)"--dir", dir, (char *)"--socket", scope_printf(s, "%s/s2", folder)), 1,
           "one signer a folder");
    is_int(signer_last(s, &g, &note), ERR_OK, "the first goes on");
    is_int(stop(pid), 0, "SIGTERM stops it cleanly");
    ok(access(path, F_OK) != 0, "its socket goes with it");
    scope_forgive(s);
    is_int(signer_last(s, &g, &again), ERR_UNREACHABLE, "then it is unreachable");
    scope_forgive(s);
    pid = serve(NULL, NULL, NULL, NULL);
    ok(signer_last(s, &g, &again) == ERR_OK && strcmp(note, again) == 0, "restarted, it knows its last, to the byte");
    kill(pid, SIGKILL);
    program_end(pid);
    ok(access(path, F_OK) == 0, "killed, it leaves its socket");
    pid = serve(NULL, NULL, NULL, NULL);
    ok(signer_last(s, &g, &again) == ERR_OK && strcmp(note, again) == 0,
       "which is replaced; a kept connection is reopened");
    is_int(stop(pid), 0, "stopped");
    signer_close(&g);
}

static void test_socket_in_use(struct scope *s)
{
    char *other = scope_printf(s, "%s/log2", folder), *plain = scope_printf(s, "%s/plain", folder);
    pid_t pid = serve(NULL, NULL, NULL, NULL);
    struct signer g;
    char *note;
    int fd = open(plain, O_WRONLY | O_CREAT, 0600);

    close(fd);
    is_int(RUN((char *)"init", (char *)"--origin", (char *)"b.example/x", (char *)"--dir", other), 0, "another log");
    is_int(RUN((char *)"serve", (char *)"--dir", other, (char *)"--socket", path), 1,
           "takes no socket that is answered at");
    is_int(RUN((char *)"serve", (char *)"--dir", other, (char *)"--socket", plain), 1, "and removes no file");
    ok(access(plain, F_OK) == 0, "which is still there");
    signer_init(&g, path);
    ok(signer_last(s, &g, &note) == ERR_OK && note_is(s, note, 9), "the first one goes on");
    signer_close(&g);
    is_int(stop(pid), 0, "stopped");
}

static bool dropped(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    char bytes[512];
    ssize_t n;

    while (poll(&p, 1, 2 * SIGNER_TIMEOUT_MS) == 1) {
        n = read(fd, bytes, sizeof bytes);
        if (n <= 0)
            return true;
    }
    return false;
}

/* A fixed seed: what fails here fails again. */
static uint8_t noise(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return (uint8_t)(*seed >> 32);
}

static void test_garbage(struct scope *s)
{
    static const struct { const char *bytes; size_t len; const char *name; } rows[] = {
        { "\0\0\0\0", 4, "an empty frame" },
        { "\xff\xff\xff\xff", 4, "a frame of 4 GiB" },
        { "\0\4\0\1", 4, "a frame of one byte more than the limit" },
        { "GET / HTTP/1.1\r\n\r\n", 18, "another protocol" },
        { "\0\0\0\3abc", 7, "a word that is none" },
        { "\0\0\0\x1b" "counterfoil-signer/v1 last\n\n\0\0\0\1", 36, "a question with a line too many" },
        { "\0\0\0\x1a" "counterfoil-signer/v1 las\0\n", 30, "a question with a NUL" },
    };
    pid_t pid = serve(NULL, NULL, NULL, NULL);
    struct signer g;
    uint64_t seed = 88172645463325252;
    int64_t began;

    signer_init(&g, path);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int fd = dial();
        ok(write(fd, rows[i].bytes, rows[i].len) == (ssize_t)rows[i].len && dropped(fd), "%s is dropped", rows[i].name);
        close(fd);
    }
    ok(counter(s, &g, "malformed") >= (int64_t)ARRAY_LEN(rows) - 1, "and counted");
    began = clock_monotonic_ms();
    for (int i = 0; i < 200; i++) {
        uint8_t bytes[64];
        int fd = dial();
        for (size_t k = 0; k < sizeof bytes; k++)
            bytes[k] = noise(&seed);
        memset(bytes, 0, 3);
        send(fd, bytes, 1 + noise(&seed) % sizeof bytes, MSG_NOSIGNAL);
        close(fd);
    }
    ok(sign_is(s, &g, 9, 10, &root[10], SIGNER_SIGNED, 10), "two hundred clients of noise, and it signs");
    ok(clock_monotonic_ms() - began < 5 * SIGNER_TIMEOUT_MS, "in time");
    is_int(stop(pid), 0, "stopped");
    signer_close(&g);
}

/* More slow clients than it keeps: some in the middle of a frame, some silent, some that never read. */
static void test_slow(struct scope *s)
{
    pid_t pid = serve(NULL, NULL, NULL, NULL);
    int fds[3 * SIGNER_CLIENTS_MAX];
    int64_t began = clock_monotonic_ms(), worst = 0;
    struct signer g;
    bool good = true;

    signer_init(&g, path);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        int64_t at = clock_monotonic_us(), took;
        fds[i] = dial();
        if (i % 3 == 0)
            good = good && send(fds[i], "\0\0\0\x1a" "counterfoil", 15, MSG_NOSIGNAL) == 15;
        if (i % 3 == 1)
            for (int k = 0; k < 20; k++)
                send(fds[i], "\0\0\0\x1b" "counterfoil-signer/v1 last\n", 31, MSG_NOSIGNAL);
        good = good && sign_is(s, &g, 10, 11, &root[11], SIGNER_SIGNED, 11);
        took = clock_monotonic_us() - at;
        worst = took > worst ? took : worst;
        scope_clear(s);
    }
    ok(good, "%zu slow clients, and each question is answered", ARRAY_LEN(fds));
    ok(worst < SIGNER_TIMEOUT_MS * INT64_C(900), "the slowest within %d ms", (int)(worst / 1000));
    ok(dropped(fds[ARRAY_LEN(fds) - 3]), "a frame begun and not ended is dropped");
    ok(clock_monotonic_ms() - began >= SIGNER_TIMEOUT_MS, "after its time");
    ok(sign_is(s, &g, 11, 12, &root[12], SIGNER_SIGNED, 12), "and others go on");
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        close(fds[i]);
    is_int(stop(pid), 0, "stopped");
    signer_close(&g);
}

/* A question that arrives byte by byte, and the next one right behind it, are two questions. */
static void test_pieces(struct scope *s)
{
    static const char frame[] = "\0\0\0\x1b" "counterfoil-signer/v1 last\n";
    pid_t pid = serve(NULL, NULL, NULL, NULL);
    int fd = dial(), answers = 0;
    char *note = NULL;
    bool sent = true;
    struct signer g;

    for (size_t i = 0; i + 1 < sizeof frame; i++)
        sent = sent && send(fd, frame + i, 1, MSG_NOSIGNAL) == 1;
    sent = sent && send(fd, frame, sizeof frame - 1, MSG_NOSIGNAL) == sizeof frame - 1;
    ok(sent, "a question in pieces, another behind it");
    for (int i = 0; i < 2; i++) {
        uint8_t header[FRAME_HEADER], body[4096];
        struct answer a;
        if (recv(fd, header, sizeof header, MSG_WAITALL) == sizeof header && be32_read(header) < sizeof body &&
            recv(fd, body, be32_read(header), MSG_WAITALL) == (ssize_t)be32_read(header) &&
            answer_parse(s, (char *)body, be32_read(header), &a) && a.word == SAID_LAST && note_is(s, a.rest, 12))
            answers++;
    }
    is_int(answers, 2, "two answers");
    close(fd);
    signer_init(&g, path);
    kill(pid, SIGSTOP);
    s->deadline_ms = clock_monotonic_ms() + 100;
    is_int(signer_last(s, &g, &note), ERR_UNREACHABLE, "a signer that hangs is given up at the caller's deadline");
    ok(clock_monotonic_ms() - s->deadline_ms < SIGNER_TIMEOUT_MS - 200, "not much later");
    s->deadline_ms = 0;
    scope_forgive(s);
    kill(pid, SIGCONT);
    ok(signer_last(s, &g, &note) == ERR_OK && note_is(s, note, 12), "and asked again when it is back");
    signer_close(&g);
    is_int(stop(pid), 0, "stopped");
}

static void write_file(const char *at, const char *text)
{
    FILE *f = fopen(at, "w");

    if (!f || fputs(text, f) < 0 || fclose(f) != 0)
        abort();
}

static char *proof_lines(struct scope *s, const struct proof *p)
{
    struct buf b = BUF(s);
    char coded[BASE64_SIZE(HASH_SIZE)];

    buf_str(&b, "");
    for (size_t i = 0; i < p->n; i++) {
        base64_write(p->hash[i].b, HASH_SIZE, coded);
        buf_printf(&b, "%s\n", coded);
    }
    return b.p;
}

static void state_copy(const char *from, const char *to)
{
    char bytes[STATE_FILE_SIZE];
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT, 0600);

    if (read(in, bytes, sizeof bytes) != sizeof bytes || write(out, bytes, sizeof bytes) != sizeof bytes)
        abort();
    close(in);
    close(out);
}

static void slot_break(struct scope *s, unsigned place)
{
    int fd = open(scope_printf(s, "%s/state", dir), O_WRONLY);

    if (pwrite(fd, "torn", 4, place * SLOT_STRIDE + 20) != 4)
        abort();
    close(fd);
}

/* The drills of docs/signer.md. */
static void test_drills(struct scope *s)
{
    char *checkpoint = scope_printf(s, "%s/checkpoint", folder), *proof = scope_printf(s, "%s/proof", folder);
    char *old = scope_printf(s, "%s/old-state", folder), *state = scope_printf(s, "%s/state", dir);
    char *note12 = NULL, *note15 = NULL, *note = NULL;
    struct signer g;
    struct proof p;
    pid_t pid = serve(NULL, NULL, NULL, NULL);

    signer_init(&g, path);
    ok(signer_last(s, &g, &note12) == ERR_OK, "a checkpoint at 12");
    is_int(stop(pid), 0, "stopped");
    state_copy(state, old);
    pid = serve(NULL, NULL, NULL, NULL);
    ok(sign_is(s, &g, 12, 15, &root[15], SIGNER_SIGNED, 15) && signer_last(s, &g, &note15) == ERR_OK,
       "a checkpoint at 15");
    is_int(stop(pid), 0, "stopped");
    slot_break(s, 0);
    is_int(RUN((char *)"status", (char *)"--dir", dir), 1, "one bad slot: status says so");
    is_int(RUN((char *)"serve", (char *)"--dir", dir, (char *)"--socket", path), 1, "and it does not start");
    write_file(checkpoint, scope_printf(s, "%s.", note15));
    is_int(RUN((char *)"serve", (char *)"--dir", dir, (char *)"--socket", path, (char *)"--checkpoint", checkpoint), 1,
           "nor with a damaged checkpoint");
    write_file(checkpoint, note12);
    is_int(RUN((char *)"serve", (char *)"--dir", dir, (char *)"--socket", path, (char *)"--checkpoint", checkpoint), 1,
           "nor with an older one");
    write_file(checkpoint, note15);
    pid = serve((char *)"--checkpoint", checkpoint, NULL, NULL);
    ok(pid > 0 && signer_last(s, &g, &note) == ERR_OK && strcmp(note, note15) == 0, "but with the newest");
    is_int(stop(pid), 0, "stopped");
    is_int(RUN((char *)"status", (char *)"--dir", dir), 0, "and both slots are good again");
    state_copy(old, state);
    is_int(RUN((char *)"serve", (char *)"--dir", dir, (char *)"--socket", path, (char *)"--checkpoint", checkpoint), 1,
           "a newer checkpoint needs its proof");
    p = proof_of(11, 15);
    write_file(proof, proof_lines(s, &p));
    is_int(RUN((char *)"serve", (char *)"--dir", dir, (char *)"--socket", path, (char *)"--checkpoint", checkpoint,
               (char *)"--proof", proof), 1, "not another one");
    p = proof_of(12, 15);
    write_file(proof, proof_lines(s, &p));
    pid = serve((char *)"--checkpoint", checkpoint, (char *)"--proof", proof);
    ok(pid > 0 && signer_last(s, &g, &note) == ERR_OK && strcmp(note, note15) == 0, "its own moves the state forward");
    ok(sign_is(s, &g, 12, 16, &root[16], SIGNER_OTHER_SIZE, 15), "which goes on from there");
    is_int(stop(pid), 0, "stopped");
    slot_break(s, 0);
    slot_break(s, 1);
    is_int(RUN((char *)"serve", (char *)"--dir", dir, (char *)"--socket", path, (char *)"--checkpoint", checkpoint), 1,
           "both slots bad: it never starts");
    signer_close(&g);
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
    snprintf(dir, sizeof dir, "%s/log", folder);
    snprintf(path, sizeof path, "%s/socket", folder);
    snprintf(log_path, sizeof log_path, "%s/lines", folder);
    test_init(&s);
    test_serve(&s);
    test_socket_in_use(&s);
    test_garbage(&s);
    test_slow(&s);
    test_pieces(&s);
    test_drills(&s);
    scope_clear(&s);
    if (tap_failed)
        printf("# kept %s\n", folder);
    else if (nftw(folder, path_remove, 16, FTW_DEPTH | FTW_PHYS) != 0)
        return 1;
    scope_free(&s);
    return done_testing();
}
