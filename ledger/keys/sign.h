/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "schema/base/bytes.h"

/*
 * Ed25519 (RFC 8032, pure) through libsodium; key files; keyed hashing of API keys.
 *
 * Secret keys live in sodium_malloc'ed memory inside `struct secret_key` and are
 * wiped by secret_key_free().
 */
#define ED25519_PUBLIC  32
#define ED25519_SIG     64
#define ED25519_SEED    32
#define API_PEPPER_SIZE 32

struct public_key { uint8_t b[ED25519_PUBLIC]; };
struct signature  { uint8_t b[ED25519_SIG]; };
struct secret_key;                                   /* opaque: invariant is that it is guarded and wiped */

/* Once per process, before anything else of this room; aborts if libsodium cannot start. */
void keys_init(void);

struct secret_key *secret_key_from_seed(const uint8_t seed[ED25519_SEED]);
struct secret_key *secret_key_new(void);
void               secret_key_free(struct secret_key *k);          /* NULL is fine */
struct public_key  secret_key_public(const struct secret_key *k);
struct signature   key_sign(const struct secret_key *k, const void *bytes, size_t len);
bool               key_verify(const struct public_key *k, const void *bytes, size_t len, const struct signature *sig);

/*
 * Key files, mode 0600, one line of text each.
 * Plain (the signer's own): "counterfoil-key-v1 ed25519 <base64 seed>".
 * Sealed by a passphrase (people's):
 * "counterfoil-sealed-key-v1 argon2id <opslimit> <memlimit> <base64 salt> <base64 nonce> <base64 box>", the box
 * being crypto_secretbox of the seed under Argon2id(passphrase).
 * Saving never overwrites (ERR_CONFLICT; O_EXCL, fsync of file and folder); loading never creates and refuses
 * files that others can read (ERR_CONFIG).
 */
err key_file_save(struct scope *s, const char *path, const struct secret_key *k);
err key_file_load(struct scope *s, const char *path, struct secret_key **out);
err key_file_save_sealed(struct scope *s, const char *path, const struct secret_key *k, const char *passphrase);
err key_file_load_sealed(struct scope *s, const char *path, const char *passphrase, struct secret_key **out);

/* Keyed BLAKE2b-256 of an API key's secret part under the deployment's pepper. */
struct hash api_key_digest(const uint8_t pepper[API_PEPPER_SIZE], const char *secret, size_t len);

bool bytes_equal_constant_time(const void *a, const void *b, size_t len);
