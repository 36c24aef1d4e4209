/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/http/http.h"

/*
 * Uploads, by operationId. A party sees its own uploads only: the same bytes
 * must be sent in full by whoever wants to publish them, so that nobody
 * reaches or probes a foreign file by naming its hash.
 */
err head_content(struct request *rq);
err put_content(struct request *rq);
