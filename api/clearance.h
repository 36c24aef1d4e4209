/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/app.h"

/* Clearances: asked for here, judged by a worker (worker/jobs/clear_license.c). */
err create_clearance(struct request *rq);
err show_clearance(struct request *rq);
err list_clearance_rows(struct request *rq);
