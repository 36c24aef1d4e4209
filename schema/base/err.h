/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Errors: one enum from one table (err.def).
 *
 * Every function that can fail returns `err`, which the compiler refuses to
 * drop. Where and why it failed is recorded once, in the scope (scope.h).
 */
enum fault { FAULT_NONE, FAULT_CALLER, FAULT_RETRY, FAULT_OURS, FAULT_HALT };

#ifdef __clang__
#define ERR_NODISCARD __attribute__((warn_unused_result))
#else
#define ERR_NODISCARD [[nodiscard]]
#endif

enum ERR_NODISCARD err {
    ERR_OK = 0,
#define ERR(name, fault, status, slug) ERR_##name,
#include "schema/base/err.def"
    ERR_COUNT
};
typedef enum err err;

const char *err_name(err e);     /* "NOT_FOUND"; static */
enum fault  err_fault(err e);
int         err_status(err e);   /* HTTP status; 200 for ERR_OK */
const char *err_slug(err e);     /* public, stable; static */

/* The only control-flow macro we allow. Safe because a scope leaves nothing to clean up. */
#define TRY(call) do { err try_e = (call); if (try_e != ERR_OK) return try_e; } while (0)
