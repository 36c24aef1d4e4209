/* SPDX-License-Identifier: Apache-2.0 */
#include "api/app.h"

#include <string.h>

#include "api/auth.h"
#include "api/chores.h"
#include "api/cosigned.h"
#include "api/pages.h"
#include "api/routes.h"
#include "ledger/rules/split.h"
#include "schema/base/clock.h"
#include "schema/base/limits.h"
#include "schema/base/log.h"
#include "schema/store/log.h"

/* A limit's number as the text of a default. */
#define DIGITS(number) #number
#define FALLBACK(number) DIGITS(number)
#define ROW(name, type, member, fallback, min, max, help) \
    { "COUNTERFOIL_" name, type, offsetof(struct app_config, member), fallback, min, max, help }
const struct config_row app_config_rows[] = {
    ROW("DB_API", CONFIG_TEXT, dsn, NULL, 0, 0, "Connection string of role api; a password goes into its passfile."),
    ROW("SIGNER", CONFIG_TEXT, signer_socket, "", 0, 0,
        "Socket of counterfoil-signer; without one, other processes have the log signed."),
    ROW("PEPPER_FILE", CONFIG_SECRET_FILE, pepper_file, NULL, 0, 0, "File of the API keys' pepper, 64 hex digits."),
    ROW("CONTENT", CONFIG_TEXT, content_dir, NULL, 0, 0, "Folder of the contents, shared with counterfoil-worker."),
    ROW("BIND", CONFIG_TEXT, bind, "127.0.0.1", 0, 0, "Address to listen on; TLS is a proxy's."),
    ROW("PORT", CONFIG_INT, port, "8080", 0, 65535, "Port to listen on; 0: any free one."),
    ROW("PROXIES", CONFIG_TEXT, proxies, "", 0, 0,
        "Addresses, separated by commas, whose X-Forwarded-For is believed."),
    ROW("DB_POOL", CONFIG_INT, pool, FALLBACK(DB_POOL_DEFAULT), 1, 256, "Database connections for requests."),
    ROW("WORKERS", CONFIG_INT, workers, FALLBACK(HTTP_WORKERS_DEFAULT), 1, 256, "Threads that run handlers."),
    ROW("CONNECTIONS", CONFIG_INT, connections, FALLBACK(HTTP_CONNECTIONS_MAX), 1, 1000000,
        "Connections held at a time."),
    ROW("CONNECTIONS_PER_ADDRESS", CONFIG_INT, connections_per_address, "0", 0, 1000000,
        "The same of one address; 0: no bound."),
    ROW("REQUEST_MS", CONFIG_INT, request_ms, FALLBACK(HTTP_REQUEST_MS), 100, 3600000,
        "A request's whole time, waiting for the ledger included."),
    ROW("RATE", CONFIG_INT, rate_per_second, FALLBACK(RATE_PER_SECOND), 0, 10000000,
        "Requests a second of one key; 0: no bound."),
    ROW("RATE_BURST", CONFIG_INT, rate_burst, FALLBACK(RATE_BURST), 1, 10000000, "How many of them may be saved up."),
    ROW("ADDRESS_RATE", CONFIG_INT, address_per_second, FALLBACK(RATE_ADDRESS), 0, 10000000,
        "Requests a second of one address (IPv6: of a /64), with and without keys; 0: no bound."),
    ROW("ADDRESS_BURST", CONFIG_INT, address_burst, FALLBACK(RATE_ADDRESS_BURST), 1, 10000000,
        "How many of them may be saved up."),
    ROW("GUESS_RATE", CONFIG_INT, guess_per_second, FALLBACK(RATE_GUESSES), 0, 10000000,
        "Wrong keys a second of one address, before they are looked up; 0: no bound."),
    ROW("GUESS_BURST", CONFIG_INT, guess_burst, FALLBACK(RATE_GUESSES_BURST), 1, 10000000,
        "How many of them may be saved up."),
    ROW("FEE_PPM", CONFIG_INT, fee_ppm, "0", 0, FEE_WHOLE_PPM,
        "The platform's part of what offers earn that are made from now on, in millionths."),
    ROW("REVERIFY_MS", CONFIG_INT, reverify_ms, "2592000000", 1000, INT64_C(8760) * 3600 * 1000,
        "The worker's: by it quotes forecast whose bytes were verified too long ago."),
    ROW("CHECK_ANSWERS", CONFIG_FLAG, check_answers, "no", 0, 0, "Check each JSON answer against the contract."),
    ROW("ACCESS_LOG", CONFIG_FLAG, access_log, "no", 0, 0, "Log each request, not only failures of ours."),
    ROW("POLICY", CONFIG_TEXT, policy_file, "", 0, 0,
        "File with the log's policy (C2SP tlog-policy); then only checkpoints that meet it are published."),
    CONFIG_END
};

/* The contract is part of the program: one file less that could be another version's. */
__asm__(".section .rodata\n.global contract_begin\ncontract_begin:\n.incbin \"api/openapi.json\"\n"
        ".global contract_end\ncontract_end:\n.byte 0\n.previous\n");
extern const char contract_begin[], contract_end[];

err app_with_db(struct request *rq, err (*work)(struct request *rq, struct db *db))
{
    struct app *app = rq->app;
    struct db *db;
    err e;

    TRY(db_take(&rq->scope, app->pool, &db));
    e = work(rq, db);
    db_give(app->pool, db);
    return e;
}

void app_more_time(struct request *rq, int64_t ms)
{
    rq->scope.deadline_ms = clock_monotonic_ms() + ms;
}

err app_lengthy_begin(struct request *rq)
{
    struct app *app = rq->app;
    int most = app->config.workers > LENGTHY_SPARED + 1 ? (int)app->config.workers - LENGTHY_SPARED : 1;

    if (atomic_fetch_add(&app->lengthy, 1) >= most) {
        atomic_fetch_sub(&app->lengthy, 1);
        return fail(&rq->scope, ERR_BUSY, "not done: %d others are being read to their end; send it again", most);
    }
    app_more_time(rq, SEAL_MS);
    return ERR_OK;
}

void app_lengthy_end(struct request *rq)
{
    struct app *app = rq->app;

    atomic_fetch_sub(&app->lengthy, 1);
    app_more_time(rq, app->config.request_ms);
}

static err read_pepper(struct scope *s, struct app *app)
{
    char *hex;

    TRY(config_secret(s, app->config.pepper_file, &hex));
    if (strlen(hex) != 2 * API_PEPPER_SIZE || !hex_read(hex, 2 * API_PEPPER_SIZE, app->pepper, API_PEPPER_SIZE))
        return fail(s, ERR_CONFIG, "%s holds no pepper of %d hex digits", app->config.pepper_file, 2 * API_PEPPER_SIZE);
    explicit_bzero(hex, strlen(hex));
    return ERR_OK;
}

static err read_log(struct scope *s, struct app *app)
{
    struct log_row row;
    struct db *db;
    err e;

    TRY(db_take(s, app->pool, &db));
    e = log_load(s, db, &row);
    db_give(app->pool, db);
    TRY(e);
    app->origin = row.origin;
    app->log_key = row.log_key;
    return ERR_OK;
}

static err start_http(struct scope *s, struct app *app)
{
    const struct app_config *c = &app->config;
    const struct http_config config = {
        .contract = app->contract, .handlers = routes, .n_handlers = n_routes, .app = app, .authenticate = auth_request,
        .address = c->bind, .port = c->port, .connections = c->connections, .workers = c->workers,
        .connections_per_address = c->connections_per_address, .request_ms = c->request_ms,
        .rate_per_second = c->rate_per_second, .rate_burst = c->rate_burst,
        .address_per_second = c->address_per_second, .address_burst = c->address_burst,
        .guess_per_second = c->guess_per_second, .guess_burst = c->guess_burst,
        .proxies = *c->proxies ? c->proxies : NULL,
        .check_answers = c->check_answers, .access_log = c->access_log,
    };

    return http_start(s, &config, &app->http);
}

static err open_parts(struct scope *s, struct app *app)
{
    const struct app_config *c = &app->config;
    const char *signer = *c->signer_socket ? c->signer_socket : NULL;
    const struct append_config append = { c->dsn, "counterfoil-api append", signer };

    TRY(contract_load(s, contract_begin, (size_t)(contract_end - contract_begin), &app->contract));
    TRY(read_pepper(s, app));
    TRY(blobs_open(s, c->content_dir, &app->blobs));
    TRY(db_pool_open(s, c->dsn, "counterfoil-api", (size_t)c->pool, &app->pool));
    TRY(read_log(s, app));
    TRY(cosigned_open(s, app, &app->cosigned));
    TRY(docs_page(s, app->contract, &app->docs));
    app->front = front_page(s, app->origin, app->log_key);
    TRY(append_open(s, &append, &app->append));
    app->uses = uses_new();
    app->chores = chores_start(app);
    return start_http(s, app);
}

err app_open(struct scope *s, const struct app_config *config, struct app *app)
{
    err e;

    *app = (struct app){ .config = *config };
    e = open_parts(s, app);
    if (e != ERR_OK)
        app_close(app);
    return e;
}

/* What is in flight may still need everything below it: from the door inwards. */
void app_close(struct app *app)
{
    http_stop(app->http);
    if (app->append)
        append_close(app->append, app->config.request_ms);
    chores_stop(app->chores);
    uses_free(app->uses);
    cosigned_close(app->cosigned);
    db_pool_close(app->pool);
    contract_free(app->contract);
    explicit_bzero(app->pepper, sizeof app->pepper);
}
