/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* Bytes from the kernel's random source (getrandom(2)); aborts if there is none. */
void random_bytes(void *out, size_t len);
