/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/app.h"

/* What a process does beside its requests, in one thread: note the use of keys, remove uploads that nobody ends. */
struct chores *chores_start(struct app *app);
void chores_stop(struct chores *c);       /* a last round, then ends; NULL is fine */
