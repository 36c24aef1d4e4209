/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/http/http.h"

/* The market's status lists: which there are, and each as a signed credential, of now or of an instant before. */
err list_status_lists(struct request *rq);        /* GET /v1/status-lists */
err show_status_list(struct request *rq);         /* GET /v1/status-lists/{list} */
