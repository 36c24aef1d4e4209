/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "api/http/http.h"
#include "api/uses.h"
#include "ledger/append/append.h"
#include "ledger/keys/sign.h"
#include "schema/base/config.h"
#include "schema/blob/blob.h"
#include "schema/json/contract.h"
#include "schema/store/db.h"

/*
 * What one counterfoil-api process holds: built by main, passed to every
 * request, immutable after app_open() but for the rooms behind its pointers.
 */
struct app_config {
    const char *dsn, *signer_socket, *pepper_file, *content_dir, *bind, *proxies, *policy_file;
    int64_t port, pool, workers, connections, connections_per_address, request_ms, rate_per_second, rate_burst, fee_ppm;
    int64_t reverify_ms;
    int64_t address_per_second, address_burst, guess_per_second, guess_burst;
    bool check_answers, access_log;
};
extern const struct config_row app_config_rows[];

struct chores;
struct cosigned;

struct app {
    struct app_config config;
    struct contract *contract;
    struct db_pool *pool;
    struct append *append;
    struct blobs blobs;
    struct uses *uses;
    struct chores *chores;
    struct cosigned *cosigned;                   /* NULL: no policy */
    struct http *http;
    uint8_t pepper[API_PEPPER_SIZE];
    const char *origin, *log_key;                /* of the log; the key as verifier key */
    const char *docs, *front;                    /* pages */
    atomic_int lengthy;                          /* steps of requests that may take minutes, under way */
};

err  app_open(struct scope *s, const struct app_config *config, struct app *app);
void app_close(struct app *app);

/* Runs `work` with a pooled connection; what it leaves open is rolled back. */
err app_with_db(struct request *rq, err (*work)(struct request *rq, struct db *db));
/* For what grows with a list or a content: the request's time begins anew, `ms` from now. */
void app_more_time(struct request *rq, int64_t ms);
/*
 * For a step that may take minutes: the same, while it runs, and not more of them at a time than leave two threads for
 * everybody else (ERR_BUSY). app_lengthy_end() if it was begun.
 */
err  app_lengthy_begin(struct request *rq);
void app_lengthy_end(struct request *rq);
