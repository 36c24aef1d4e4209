/* SPDX-License-Identifier: Apache-2.0 */
/* count_version: what the content of a version's items was found to be, counted anew after some of it has changed. */
#include <jansson.h>
#include <string.h>

#include "schema/json/canon.h"
#include "schema/store/verification.h"
#include "worker/jobs/work.h"

err count_version_run(struct scope *s, struct work *w)
{
    json_t *args = NULL;
    int64_t no;

    TRY(json_read(s, w->job->args, strlen(w->job->args), &args));
    no = json_integer_value(json_object_get(args, "no"));
    json_decref(args);
    return no > 0 ? verification_recount(s, w->db, no) : fail(s, ERR_INTERNAL, "a job names no version");
}
