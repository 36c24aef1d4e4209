/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A media type by the end of a path; application/octet-stream where it says nothing. */
const char *media_type_of(const char *path);
