/* SPDX-License-Identifier: Apache-2.0 */
/* count_version: what the content of a version's items was found to be, counted anew after some of it has changed. */
#include <jansson.h>
#include <string.h>

#include "schema/store/verification.h"
#include "worker/jobs/work.h"

err count_version_run(struct scope *s, struct work *w)
{
    int64_t no;

    TRY(work_numbered(s, w, "no", &no));
    return verification_recount(s, w->db, no);
}
