/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/media_type.h"

#include <string.h>
#include <strings.h>

#include "schema/base/scope.h"

static const struct { const char *end, *type; } types[] = {
    { "aac", "audio/aac" }, { "avif", "image/avif" }, { "bz2", "application/x-bzip2" }, { "css", "text/css" },
    { "csv", "text/csv" }, { "flac", "audio/flac" }, { "gif", "image/gif" }, { "gz", "application/gzip" },
    { "htm", "text/html" }, { "html", "text/html" }, { "jpeg", "image/jpeg" }, { "jpg", "image/jpeg" },
    { "json", "application/json" }, { "jsonl", "application/jsonl" }, { "m4a", "audio/mp4" }, { "md", "text/markdown" },
    { "mid", "audio/midi" }, { "mkv", "video/x-matroska" }, { "mov", "video/quicktime" }, { "mp3", "audio/mpeg" },
    { "mp4", "video/mp4" }, { "oga", "audio/ogg" }, { "ogg", "audio/ogg" }, { "opus", "audio/opus" },
    { "parquet", "application/vnd.apache.parquet" }, { "pdf", "application/pdf" }, { "png", "image/png" },
    { "svg", "image/svg+xml" }, { "tar", "application/x-tar" }, { "tif", "image/tiff" }, { "tiff", "image/tiff" },
    { "tsv", "text/tab-separated-values" }, { "txt", "text/plain" }, { "wav", "audio/wav" }, { "weba", "audio/webm" },
    { "webm", "video/webm" }, { "webp", "image/webp" }, { "xml", "application/xml" }, { "yaml", "application/yaml" },
    { "yml", "application/yaml" }, { "zip", "application/zip" }, { "zst", "application/zstd" },
};

const char *media_type_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');

    for (size_t i = 0; dot && i < ARRAY_LEN(types); i++)
        if (strcasecmp(dot + 1, types[i].end) == 0)
            return types[i].type;
    return "application/octet-stream";
}
