/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "schema/base/bytes.h"
#include "ledger/append/append.h"
#include "schema/base/id.h"

/*
 * The opening of a log, once in the life of a database and of a signer.
 *
 * Two steps, so that the operator's key can be handed over between them: it
 * counts from the second on, and a crash anywhere leaves either nothing to
 * lose or a finished opening. Repeating both finishes what was begun; a log
 * that has entries is refused (ERR_CONFLICT), and so is a signer that has
 * signed for another database.
 */
struct genesis {
    const char *dsn, *application, *signer_socket;
    const char *handle, *name, *contact;      /* the operator's; contact NULL: none */
    const char *predecessor;                  /* verifier key of the log that this one continues; NULL: none */
    struct checkpoint predecessor_last;       /* and its last checkpoint */
    struct id key;                            /* her first API key, */
    struct hash key_digest;                   /* and the digest of its secret */
    struct id party;                          /* result of the second step */
};

/* Draws the operator's first API key; its text, `cf_<id>_<secret>`, is handed over once. */
#define GENESIS_PEPPER   32
#define GENESIS_KEY_SIZE 83
void genesis_key(struct genesis *g, const uint8_t pepper[GENESIS_PEPPER], char text[GENESIS_KEY_SIZE]);
/* The same from the text of an opening that was interrupted; false: no key. */
bool genesis_key_again(struct genesis *g, const uint8_t pepper[GENESIS_PEPPER], const char *text);
/* The log's row with the signer's keys, head 0 and the checkpoint of size 0. */
err genesis_begin(struct scope *s, const struct genesis *g);
/* Entries 0 and 1, log.opened and party.registered, with the operator's rows; signed when this returns. */
err genesis_finish(struct scope *s, struct genesis *g);

/*
 * rules.changed, once for each version that the program knows and the log is not under yet; nothing for a database
 * without a log. Without a signer (config->signer_socket NULL) the entry is committed and waits for one.
 */
err genesis_rules(struct scope *s, const struct append_config *config, bool *changed);
