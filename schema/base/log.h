/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "schema/base/scope.h"

/*
 * Log lines to standard error, one write each:
 *   2026-11-23T10:15:30.123Z counterfoil-api info  listening port=8080
 * A message and `key=value` pairs; nothing secret is ever passed in. The level
 * is the one piece of global state of the project.
 */
enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

void log_open(const char *program, enum log_level level);    /* program: borrowed for the process's life */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What failed and where; said once, at the boundary of the unit of work. */
void log_why(enum log_level level, const char *what, const struct scope *s);
