/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/http/http.h"

/* Handlers of licenses, by operationId. */
err create_license(struct request *rq);
err list_licenses(struct request *rq);
err show_license(struct request *rq);
err end_license(struct request *rq);
