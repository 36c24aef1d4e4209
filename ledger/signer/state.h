/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ledger/note/note.h"

/*
 * What the signer signed last: size and root, in two checksummed slots.
 *
 * A store writes the slot that does not hold the newest state and syncs it;
 * only then may a signature leave. So a crash at any step leaves one of:
 *   - nothing written: both slots good, the newer is what was signed last;
 *   - a torn slot: one slot bad, the other is what was signed last;
 *   - the slot written, no signature left: both good, and signing it is still right.
 * But a bad slot may also be a newer state whose signature did leave (a bit
 * that flipped). The two cannot be told apart from inside, so that a state is
 * settled from one slot only by being shown the newest checkpoint.
 *
 * Slot i lies at byte i * 4096 of the state file, SLOT_SIZE bytes (docs/signer.md).
 */
#define SLOT_SIZE 512
#define SLOT_STRIDE 4096
#define STATE_FILE_SIZE (2 * SLOT_STRIDE)

struct signer_state {
    uint64_t sequence;            /* of stores: slot sequence % 2 holds it */
    uint64_t size;
    struct hash root;
    bool frozen;                  /* no further size will ever be signed */
    bool standby;                 /* nothing is signed until a takeover */
    bool retired;                 /* a standby that has given its word to another one */
    uint64_t id;                  /* a standby's own; of a retired one, whom it gave its word to; 0: none */
};
#define STANDBY_ID_MAX (UINT64_MAX >> 8)

struct slots { struct signer_state slot[2]; bool good[2]; };

/* `log` binds a slot to its log: the SHA-256 of its vkey. */
void slot_pack(const struct signer_state *state, const struct hash *log, uint8_t out[SLOT_SIZE]);
/* False if the checksum, the log, or the slot's place is wrong. */
bool slot_unpack(const uint8_t in[SLOT_SIZE], unsigned place, const struct hash *log, struct signer_state *out);

/*
 * A checkpoint of this log, its signature verified, with the proof from a good slot's size to its own; none is needed
 * for what a retired signer says that it signed last.
 */
struct shown { struct checkpoint checkpoint; struct proof proof; bool retired; };

/*
 * The state to go on from. Pure. `shown` may be NULL when both slots are good.
 * Two good slots must follow one another. With one bad slot, what is shown
 * must be at the good slot's size with its root, or extend it. With two good
 * ones it may move the state forward in the same way (a standby restored from
 * a backup), never back. ERR_CORRUPT otherwise, with what to do about it.
 */
err state_settle(struct scope *s, const struct slots *slots, const struct shown *shown, struct signer_state *out);

err slots_read(struct scope *s, int fd, const struct hash *log, struct slots *out);
/*
 * Writes `next` (its sequence is set here, to one more than `now`'s) and syncs it, then makes it `now`.
 * After a failure nothing is known of the disk: the process must end without another signature.
 */
err state_store(struct scope *s, int fd, const struct hash *log, struct signer_state *now, struct signer_state next);
/*
 * The same in both slots: for what is more than the next size. What a slot that is settled alone does not know, that
 * the log is frozen or that another signer has it, no checkpoint shown would tell.
 */
err state_mark(struct scope *s, int fd, const struct hash *log, struct signer_state *now, struct signer_state next);
