/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>

#include "ledger/append/state.h"
#include "schema/base/log.h"

bool halted(struct append *a)
{
    bool is;

    pthread_mutex_lock(&a->lock);
    is = a->state.halted;
    pthread_mutex_unlock(&a->lock);
    return is;
}

void halt(struct append *a, const char *format, ...)
{
    struct ready_list list = { 0 };
    char why[160];
    va_list ap;

    va_start(ap, format);
    vsnprintf(why, sizeof why, format, ap);
    va_end(ap);
    pthread_mutex_lock(&a->lock);
    if (a->state.halted) {
        pthread_mutex_unlock(&a->lock);
        return;
    }
    a->state.halted = true;
    snprintf(a->state.halt_why, sizeof a->state.halt_why, "ledger halted at tree size %llu, signed size %llu: %s",
             (unsigned long long)a->state.head_size,
             (unsigned long long)(a->state.signer_size > a->signed_size ? a->state.signer_size : a->signed_size), why);
    settle_all(a, &list);
    pthread_cond_broadcast(&a->work);
    pthread_cond_broadcast(&a->progress);
    pthread_mutex_unlock(&a->lock);
    log_line(LOG_ERROR, "%s", a->state.halt_why);
    ready_call(&list);
}
