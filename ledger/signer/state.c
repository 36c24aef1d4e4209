/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/signer/state.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "ledger/keys/sha256.h"

/* Bytes of a slot; the rest is zero. Integers are big-endian; the seven bytes behind the flags are the id. */
enum { AT_MAGIC = 0, AT_SEQUENCE = 8, AT_SIZE = 16, AT_ROOT = 24, AT_LOG = 56, AT_FLAGS = 88, AT_SUM = 96,
       USED = 128 };
enum { FLAG_FROZEN = 1, FLAG_STANDBY = 2, FLAG_RETIRED = 4 };
static const uint8_t magic[8] = "CFSIGNR1";

void slot_pack(const struct signer_state *state, const struct hash *log, uint8_t out[SLOT_SIZE])
{
    uint64_t flags = (state->frozen ? FLAG_FROZEN : 0) | (state->standby ? FLAG_STANDBY : 0) |
                     (state->retired ? FLAG_RETIRED : 0);
    struct hash sum;

    memset(out, 0, SLOT_SIZE);
    memcpy(out + AT_MAGIC, magic, sizeof magic);
    be64_write(out + AT_SEQUENCE, state->sequence);
    be64_write(out + AT_SIZE, state->size);
    memcpy(out + AT_ROOT, state->root.b, HASH_SIZE);
    memcpy(out + AT_LOG, log->b, HASH_SIZE);
    be64_write(out + AT_FLAGS, flags << 56 | (state->id & STANDBY_ID_MAX));
    sum = sha256_of(out, AT_SUM);
    memcpy(out + AT_SUM, sum.b, HASH_SIZE);
}

bool slot_unpack(const uint8_t in[SLOT_SIZE], unsigned place, const struct hash *log, struct signer_state *out)
{
    struct signer_state st = { .sequence = be64_read(in + AT_SEQUENCE), .size = be64_read(in + AT_SIZE) };
    struct hash empty = empty_root();
    uint8_t again[SLOT_SIZE];

    memcpy(st.root.b, in + AT_ROOT, HASH_SIZE);
    st.frozen = in[AT_FLAGS] & FLAG_FROZEN;
    st.standby = in[AT_FLAGS] & FLAG_STANDBY;
    st.retired = in[AT_FLAGS] & FLAG_RETIRED;
    st.id = be64_read(in + AT_FLAGS) & STANDBY_ID_MAX;
    slot_pack(&st, log, again);
    if (memcmp(again, in, USED) != 0 || st.sequence % 2 != place || st.size > TREE_SIZE_MAX)
        return false;
    if (st.size == 0 && !hash_equal(&st.root, &empty))
        return false;
    if (!st.standby && (st.retired || st.id))
        return false;
    *out = st;
    return true;
}

static err two_good(struct scope *s, const struct slots *slots, const struct signer_state **newest)
{
    bool second = slots->slot[1].sequence > slots->slot[0].sequence;
    const struct signer_state *new = &slots->slot[second], *old = &slots->slot[!second];

    if (new->sequence - old->sequence != 1 || new->size < old->size || (old->frozen && !new->frozen) ||
        (old->frozen && new->size != old->size) || (new->size == old->size && !hash_equal(&new->root, &old->root)))
        return fail(s, ERR_CORRUPT, "the two slots of the state do not follow one another (sizes %" PRIu64
                    " and %" PRIu64 "): restore the folder, and show the newest checkpoint", old->size, new->size);
    *newest = new;
    return ERR_OK;
}

static err shown_extends(struct scope *s, const struct signer_state *base, const struct shown *shown)
{
    const struct checkpoint *c = &shown->checkpoint;

    if (c->size < base->size)
        return fail(s, ERR_CORRUPT, "the checkpoint shown is at size %" PRIu64 ", older than the state at %" PRIu64
                    ": show the newest", c->size, base->size);
    if (base->frozen && c->size > base->size)
        return fail(s, ERR_CORRUPT, "the log is frozen at size %" PRIu64 ", the checkpoint shown is at %" PRIu64,
                    base->size, c->size);
    if (c->size == base->size && !hash_equal(&c->root, &base->root))
        return fail(s, ERR_CORRUPT, "the checkpoint shown has another root at size %" PRIu64 " than the state: the log "
                    "has forked, or the folder is another's; compare with the witnesses", c->size);
    /* A retired signer's word is its state: whoever has it could have copied the folder. */
    if (shown->retired)
        return ERR_OK;
    if (!proof_check_consistency(base->size, &base->root, c->size, &c->root, &shown->proof))
        return fail(s, ERR_CORRUPT, "the checkpoint shown, at size %" PRIu64 ", is not shown to extend the state at %"
                    PRIu64 ": give the consistency proof between these sizes", c->size, base->size);
    return ERR_OK;
}

/* What the slots say alone; with one of them bad only as good as what is shown. */
static err slots_base(struct scope *s, const struct slots *slots, bool shown, const struct signer_state **base)
{
    *base = &slots->slot[slots->good[1] ? 1 : 0];
    if (!slots->good[0] && !slots->good[1])
        return fail(s, ERR_CORRUPT, "both slots of the state are bad: take over with a standby's folder");
    if (slots->good[0] && slots->good[1])
        return two_good(s, slots, base);
    if (!shown)
        return fail(s, ERR_CORRUPT, "slot %d of the state is bad, the other is at size %" PRIu64
                    ": show the newest checkpoint", slots->good[0], (*base)->size);
    return ERR_OK;
}

err state_settle(struct scope *s, const struct slots *slots, const struct shown *shown, struct signer_state *out)
{
    const struct signer_state *base;

    TRY(slots_base(s, slots, shown, &base));
    *out = *base;
    if (shown) {
        TRY(shown_extends(s, base, shown));
        out->size = shown->checkpoint.size;
        out->root = shown->checkpoint.root;
    }
    return ERR_OK;
}

err slots_read(struct scope *s, int fd, const struct hash *log, struct slots *out)
{
    uint8_t bytes[SLOT_SIZE];

    memset(out, 0, sizeof *out);
    for (unsigned i = 0; i < 2; i++) {
        ssize_t n;
        do
            n = pread(fd, bytes, sizeof bytes, (off_t)i * SLOT_STRIDE);
        while (n < 0 && errno == EINTR);
        if (n < 0 && errno != EIO)      /* a sector that cannot be read is a bad slot */
            return fail(s, ERR_IO, "cannot read the state: %s", strerror(errno));
        out->good[i] = n == (ssize_t)sizeof bytes && slot_unpack(bytes, i, log, &out->slot[i]);
    }
    return ERR_OK;
}

err state_store(struct scope *s, int fd, const struct hash *log, struct signer_state *now, struct signer_state next)
{
    uint8_t bytes[SLOT_SIZE];
    ssize_t n;

    next.sequence = now->sequence + 1;
    slot_pack(&next, log, bytes);
    do
        n = pwrite(fd, bytes, sizeof bytes, (off_t)(next.sequence % 2) * SLOT_STRIDE);
    while (n < 0 && errno == EINTR);
    /* If we die here, the slot may be torn or lost: no signature has left, the other slot is what was signed last. */
    if (n != (ssize_t)sizeof bytes)
        return fail(s, ERR_IO, "cannot write the state: %s", n < 0 ? strerror(errno) : "short write");
    if (fdatasync(fd) != 0)
        return fail(s, ERR_IO, "cannot sync the state: %s", strerror(errno));
    /* If we die here, the state is ahead of the signatures: asked again, the same one is made. */
    *now = next;
    return ERR_OK;
}

err state_mark(struct scope *s, int fd, const struct hash *log, struct signer_state *now, struct signer_state next)
{
    TRY(state_store(s, fd, log, now, next));
    return state_store(s, fd, log, now, next);
}
