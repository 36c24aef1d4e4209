/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/store/content.h"
#include "schema/store/db.h"
#include "schema/store/job.h"

/* One row a noun: what `counterfoil-schema check` prepares against the real database. */
#define TABLE(noun) { #noun, noun##_sql, ARRAY_LEN(noun##_sql) }
const struct sql_table sql_tables[] = {
    TABLE(content),
    TABLE(job),
    { 0 },
};
