/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/append/ask.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "ledger/note/signing.h"
#include "schema/base/clock.h"

void signer_init(struct signer *g, const char *socket_path)
{
    *g = (struct signer){ .fd = -1 };
    if (strlen(socket_path) < sizeof g->path)      /* else it stays empty, and every question says so */
        memcpy(g->path, socket_path, strlen(socket_path));
}

void signer_close(struct signer *g)
{
    if (g->fd >= 0)
        close(g->fd);
    g->fd = -1;
}

static err late(struct scope *s, const struct signer *g)
{
    return fail(s, ERR_UNREACHABLE, "the signer at %s does not answer in time", g->path);
}

static err signer_connect(struct scope *s, struct signer *g, int64_t deadline_ms)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int64_t left = deadline_ms - clock_monotonic_ms();
    struct timeval limit = { .tv_sec = left / 1000, .tv_usec = left % 1000 * 1000 };

    _Static_assert(sizeof at.sun_path == sizeof g->path, "a path fits");
    if (!*g->path)
        return fail(s, ERR_CONFIG, "the path of the signer's socket must have 1 to %zu bytes", sizeof g->path - 1);
    if (left <= 0)
        return late(s, g);
    memcpy(at.sun_path, g->path, sizeof at.sun_path);
    g->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* The send timeout bounds a connect() that waits for room in the signer's queue. */
    if (g->fd < 0 || setsockopt(g->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0 ||
        connect(g->fd, (struct sockaddr *)&at, sizeof at) != 0) {
        err e = fail(s, ERR_UNREACHABLE, "cannot reach the signer at %s: %s", g->path, strerror(errno));
        signer_close(g);
        return e;
    }
    return ERR_OK;
}

/* Waits for `events`; false when the deadline has passed. */
static bool ready(int fd, short events, int64_t deadline_ms)
{
    for (;;) {
        struct pollfd p = { .fd = fd, .events = events };
        int64_t left = deadline_ms - clock_monotonic_ms();
        int n = left > 0 ? poll(&p, 1, (int)left) : 0;
        if (n > 0)
            return true;
        if (n == 0 || errno != EINTR)
            return false;
    }
}

enum moved { MOVED, MOVED_LATE, MOVED_CLOSED };

static enum moved send_all(int fd, const uint8_t *p, size_t len, int64_t deadline_ms)
{
    while (len > 0) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            return MOVED_CLOSED;
        if (n < 0) {
            if (!ready(fd, POLLOUT, deadline_ms))
                return MOVED_LATE;
            continue;
        }
        p += n;
        len -= (size_t)n;
    }
    return MOVED;
}

static enum moved recv_all(int fd, uint8_t *p, size_t len, int64_t deadline_ms)
{
    while (len > 0) {
        ssize_t n = recv(fd, p, len, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0 || (n < 0 && errno != EAGAIN))
            return MOVED_CLOSED;
        if (n < 0) {
            if (!ready(fd, POLLIN, deadline_ms))
                return MOVED_LATE;
            continue;
        }
        p += n;
        len -= (size_t)n;
    }
    return MOVED;
}

/* Sends a frame and receives the length of its answer. */
static enum moved ask_once(int fd, const uint8_t *frame, size_t len, uint8_t header[FRAME_HEADER], int64_t deadline_ms)
{
    enum moved m = send_all(fd, frame, len, deadline_ms);

    return m == MOVED ? recv_all(fd, header, FRAME_HEADER, deadline_ms) : m;
}

static err exchange(struct scope *s, struct signer *g, const uint8_t *frame, size_t len, int64_t deadline_ms,
                    struct answer *out)
{
    bool kept = g->fd >= 0;
    uint8_t header[FRAME_HEADER], *body;
    enum moved m;
    uint32_t n;

    if (!kept)
        TRY(signer_connect(s, g, deadline_ms));
    m = ask_once(g->fd, frame, len, header, deadline_ms);
    if (m == MOVED_CLOSED && kept) {      /* it was restarted, or made room for others */
        signer_close(g);
        TRY(signer_connect(s, g, deadline_ms));
        m = ask_once(g->fd, frame, len, header, deadline_ms);
    }
    if (m == MOVED_LATE)
        return late(s, g);
    if (m == MOVED_CLOSED)
        return fail(s, ERR_UNREACHABLE, "the signer at %s closed the connection", g->path);
    n = be32_read(header);
    if (n == 0 || n > SIGNER_FRAME_MAX)
        return fail(s, ERR_CORRUPT, "the signer at %s answers a frame of %u bytes", g->path, n);
    body = scope_alloc(s, n, 1);
    m = recv_all(g->fd, body, n, deadline_ms);
    if (m != MOVED)
        return m == MOVED_LATE ? late(s, g)
                               : fail(s, ERR_UNREACHABLE, "the signer at %s closed the connection", g->path);
    if (!answer_parse(s, (const char *)body, n, out))
        return fail(s, ERR_CORRUPT, "the signer at %s gives no answer of its protocol", g->path);
    return ERR_OK;
}

static err ask(struct scope *s, struct signer *g, const struct question *q, struct answer *out)
{
    int64_t left = scope_left_ms(s);
    int64_t deadline_ms = clock_monotonic_ms() + (left < SIGNER_TIMEOUT_MS ? left : SIGNER_TIMEOUT_MS);
    const char *text = question_text(s, q);
    size_t len = strlen(text);
    uint8_t *frame = scope_alloc(s, FRAME_HEADER + len, 1);
    err e;

    assert(len <= SIGNER_FRAME_MAX);
    be32_write(frame, (uint32_t)len);
    memcpy(frame + FRAME_HEADER, text, len);
    e = exchange(s, g, frame, FRAME_HEADER + len, deadline_ms, out);
    if (e == ERR_OK && out->word == SAID_MALFORMED)
        e = fail(s, ERR_CORRUPT, "the signer at %s does not understand us: %s", g->path, out->rest);
    if (e != ERR_OK)
        signer_close(g);      /* what may still come on it answers another question */
    return e;
}

static err other_word(struct scope *s, struct signer *g)
{
    signer_close(g);
    return fail(s, ERR_CORRUPT, "the signer at %s answers another question", g->path);
}

/* A signer that may not sign is none: others may have one that does. */
static err standby(struct scope *s, struct signer *g)
{
    signer_close(g);
    return fail(s, ERR_UNREACHABLE, "the signer at %s is a standby: another one signs", g->path);
}

err signer_last(struct scope *s, struct signer *g, char **note)
{
    struct answer a;

    TRY(ask(s, g, &(struct question){ .verb = ASK_LAST }, &a));
    if (a.word == SAID_STANDBY)
        return standby(s, g);
    if (a.word != SAID_LAST)
        return other_word(s, g);
    *note = scope_strdup(s, a.rest);
    return ERR_OK;
}

err signer_sign(struct scope *s, struct signer *g, uint64_t old_size, uint64_t new_size, const struct hash *new_root,
                const struct proof *consistency, struct signer_answer *out)
{
    static const struct { enum answer_word word; enum signer_verdict verdict; } rows[] = {
        { SAID_SIGNED, SIGNER_SIGNED }, { SAID_LATE, SIGNER_LATE }, { SAID_OTHER_SIZE, SIGNER_OTHER_SIZE },
        { SAID_ALARM, SIGNER_ALARM }, { SAID_FROZEN, SIGNER_FROZEN },
    };
    struct question q = { .verb = ASK_SIGN };
    struct answer a;

    assert(old_size <= TREE_SIZE_MAX && new_size <= TREE_SIZE_MAX && consistency->n <= PROOF_HASHES_MAX);
    q.sign = (struct sign_request){ .old_size = old_size, .new_size = new_size, .new_root = *new_root,
                                    .proof = *consistency };
    TRY(ask(s, g, &q, &a));
    if (a.word == SAID_STANDBY)
        return standby(s, g);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].word == a.word) {
            out->verdict = rows[i].verdict;
            out->note = scope_strdup(s, a.rest);
            return ERR_OK;
        }
    return other_word(s, g);
}

/* ERR_INVALID with the reason, if that is the answer. */
static err refused(struct scope *s, struct signer *g, const struct answer *a, const char *what)
{
    if (a->word != SAID_REFUSED)
        return ERR_OK;
    return fail(s, ERR_INVALID, "the signer at %s %s: %.*s", g->path, what, (int)strcspn(a->rest, "\n"), a->rest);
}

static err act(struct scope *s, struct signer *g, enum question_verb verb, enum answer_word done, struct bytes entry,
               const char *tlog_proof)
{
    struct question q = { .verb = verb };
    struct answer a;

    q.document = (struct document_request){ .entry = entry,
                                            .proof = { (const uint8_t *)tlog_proof, strlen(tlog_proof) } };
    TRY(ask(s, g, &q, &a));
    TRY(refused(s, g, &a, "does no such thing"));
    return a.word == done ? ERR_OK : other_word(s, g);
}

err signer_freeze(struct scope *s, struct signer *g, struct bytes entry, const char *tlog_proof)
{
    return act(s, g, ASK_FREEZE, SAID_FROZEN, entry, tlog_proof);
}

err signer_issuer(struct scope *s, struct signer *g, struct bytes entry, const char *tlog_proof)
{
    return act(s, g, ASK_ISSUER, SAID_KEYS, entry, tlog_proof);
}

err signer_newest(struct scope *s, struct signer *g, const char *note)
{
    struct question q = { .verb = ASK_NEWEST, .newest = { (const uint8_t *)note, strlen(note) } };
    struct answer a;

    TRY(ask(s, g, &q, &a));
    TRY(refused(s, g, &a, "knows no such checkpoint"));
    if (a.word == SAID_STANDBY)
        return standby(s, g);
    if (a.word == SAID_ALARM)
        return fail(s, ERR_HALTED, "the signer at %s has signed another root at the size of the newest checkpoint",
                    g->path);
    return a.word == SAID_LAST ? ERR_OK : other_word(s, g);
}

err signer_document(struct scope *s, struct signer *g, struct bytes document, struct bytes entry,
                    const char *tlog_proof, struct bytes *out)
{
    struct question q = { .verb = ASK_DOCUMENT };
    struct answer a;
    size_t len;

    if (document.len > SIGNER_DOCUMENT_MAX)
        return fail(s, ERR_TOO_LARGE, "a document of %zu bytes is too long to be signed", document.len);
    q.document = (struct document_request){ document, entry, { (const uint8_t *)tlog_proof, strlen(tlog_proof) } };
    TRY(ask(s, g, &q, &a));
    TRY(refused(s, g, &a, "signs no such document"));
    len = strlen(a.rest);
    if (a.word != SAID_DOCUMENT || len == 0 || a.rest[len - 1] != '\n')
        return other_word(s, g);
    *out = (struct bytes){ (const uint8_t *)a.rest, len - 1 };
    return ERR_OK;
}

/* Its lines, of which there are two or three. */
static err keys(struct scope *s, struct signer *g, char *line[3])
{
    struct answer a;
    const char *p;

    TRY(ask(s, g, &(struct question){ .verb = ASK_KEYS }, &a));
    p = a.rest;
    for (size_t i = 0; i < 3; i++) {
        size_t len = strcspn(p, "\n");

        line[i] = p[len] ? scope_strndup(s, p, len) : NULL;
        p += line[i] ? len + 1 : 0;
    }
    return a.word != SAID_KEYS || !line[1] || *p ? other_word(s, g) : ERR_OK;
}

err signer_keys(struct scope *s, struct signer *g, char **log_vkey, char **issuer_vkey)
{
    char *line[3];

    TRY(keys(s, g, line));
    *log_vkey = line[0];
    *issuer_vkey = line[1];
    return ERR_OK;
}

err signer_next_issuer(struct scope *s, struct signer *g, char **vkey)
{
    char *line[3];

    TRY(keys(s, g, line));
    *vkey = line[2];
    return ERR_OK;
}

err signer_status(struct scope *s, struct signer *g, char **lines)
{
    struct answer a;

    TRY(ask(s, g, &(struct question){ .verb = ASK_STATUS }, &a));
    if (a.word != SAID_STATUS)
        return other_word(s, g);
    *lines = scope_strdup(s, a.rest);
    return ERR_OK;
}
