/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "api/app.h"
#include "schema/base/log.h"

/* counterfoil-api: stateless; everything it is told stands in the environment. */

static int serve(struct scope *s)
{
    struct app_config config = { 0 };
    struct app app = { 0 };
    sigset_t ends;
    int signal_number = 0;
    err e;

    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);      /* every thread inherits it: only sigwait() below takes them */
    signal(SIGPIPE, SIG_IGN);
    e = config_load(s, app_config_rows, &config);
    if (e == ERR_OK)
        e = app_open(s, &config, &app);
    if (e != ERR_OK) {
        log_why(LOG_ERROR, "cannot start", s);
        return 1;
    }
    log_line(LOG_INFO, "listening address=%s port=%d origin=%s", config.bind, http_port(app.http), app.origin);
    sigwait(&ends, &signal_number);
    log_line(LOG_INFO, "stopping signal=%d", signal_number);
    app_close(&app);
    log_line(LOG_INFO, "stopped");
    return 0;
}

int main(int argc, char **argv)
{
    struct scope s;
    int code;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        puts("usage: counterfoil-api\n\nServes the market and its log over HTTP. Environment:");
        config_print(app_config_rows);
        return 0;
    }
    if (argc != 1) {
        fputs("usage: counterfoil-api [--help]\n", stderr);
        return 2;
    }
    log_open("counterfoil-api", LOG_INFO);
    keys_init();
    scope_init(&s, 0);
    code = serve(&s);
    scope_free(&s);
    return code;
}
