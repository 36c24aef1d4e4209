/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/http/http.h"

/* {operationId, handler}: the contract has the rest, and start-up checks that both sides match one to one. */
extern const struct http_handler routes[];
extern const size_t n_routes;
