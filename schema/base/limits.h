/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Every limit has a name. One sentence each; what a deployment may change is a
 * default here and a row in the configuration table (config.h).
 */

/* Ledger */
#define ENTRY_BYTES_MAX        65535          /* tlog-tiles gives an entry's length 16 bits. */
#define BATCH_OPERATIONS_MAX   60             /* Savepoints a batch may open: PostgreSQL caches 64 a backend. */
#define OPERATION_ENTRIES_MAX  1024           /* Entries of one operation; bounds a batch in memory. */
#define BATCH_ACCESSES_MAX     1024           /* Accesses decided by one statement; more wait for the next batch. */
#define BATCH_WAIT_CHECKPOINT_MS 2000           /* A batch waits so long for the checkpoint before it, or rolls back. */
#define BATCH_ROW_LOCK_MS      50             /* A row lock that takes longer sends the operation to the next batch. */
#define BATCH_RETRIES_MAX      5              /* How often an operation may be sent to a next batch. */
#define BATCH_MS               20000          /* A batch that takes longer is given up; COMMIT is never canceled. */
#define BATCH_QUEUE_MAX        8192           /* Ledgered requests waiting in one process; the next may try again. */
#define CLOCK_SKEW_MAX_MS      10000          /* Database and process clocks further apart refuse the batch. */
#define HEAD_UNSIGNED_MS       250            /* A head unsigned for longer is signed by any eligible process. */
#define IDEMPOTENCY_HOURS      72             /* Stored answers are kept this long. */
#define IDEMPOTENCY_KEY_MAX    128            /* Characters of an Idempotency-Key. */
#define TILE_WIDTH             256            /* Hashes in a full tile, entries in a full bundle (C2SP tlog-tiles). */
#define PROOF_TILES_KEPT       1024           /* Tiles above the leaves that a process keeps for proofs, 16 KiB each. */
#define PROOF_HASHES_MAX       63             /* Longest inclusion or consistency proof that is read. */
#define NOTE_BYTES_MAX         16384          /* Longest signed note that is read. */
#define NOTE_SIGNATURES_MAX    100            /* Signature lines of a note that are read. */

/* Witnesses */
#define ADD_CHECKPOINT_BYTES_MAX 16384        /* Body of an add-checkpoint request (C2SP tlog-witness). */
#define POLICY_BYTES_MAX       65536          /* A policy file (C2SP tlog-policy), */
#define POLICY_LOGS_MAX        64             /* its logs, */
#define POLICY_WITNESSES_MAX   64             /* its witnesses, */
#define POLICY_GROUPS_MAX      64             /* its groups, */
#define POLICY_NAME_MAX        128            /* bytes of a name */
#define POLICY_URL_MAX         1024           /* and of a URL in it. */
#define WITNESS_EVERY_MS       1000           /* The witnesses are sent a checkpoint at most so often; */
#define WITNESS_PATIENCE_MS    5000           /* the next one only when the policy is met, or after so long. */
#define WITNESS_MS             5000           /* One question to a witness, connecting included. */
#define WITNESS_BACKOFF_MS     500            /* A witness that failed is left alone for so long, doubled each time, */
#define WITNESS_BACKOFF_MAX_MS 60000          /* but not for longer. */
#define WITNESS_ANSWER_MAX     65536          /* Bytes of a witness's answer. */
#define WITNESS_TRIES          3              /* Questions about one checkpoint, each from the size it said. */
#define WITNESS_ROWS_MAX       4096           /* Cosignatures read at a time to find a checkpoint that is good. */
#define COSIGNED_LOOK_MS       200            /* An API process looks for new cosignatures at most so often. */
#define COSIGNATURE_FRESH_S    600            /* A cosignature says the time: it is fresh for so long, by our clock. */
#define WITNESS_LOGS_MAX       64             /* Logs that one `counterfoil witness` knows. */

/* Signer */
#define SIGNER_FRAME_MAX       262144         /* Longest frame on the signer's socket. */
#define SIGNER_TIMEOUT_MS      2000           /* One question to the signer, connect included; one frame at its side. */
#define SIGNER_CLIENTS_MAX     64             /* Connections the signer keeps; the longest silent one makes room. */
#define SIGNER_DOCUMENT_MAX    163840         /* Bytes of a document to be signed: entry and proof go beside it. */
#define SIGNER_ISSUERS_MAX     64             /* Keys that the issuer may have had in a log's life. */
#define SIGNER_PROOF_FILE_MAX  4096           /* Bytes of the proof file shown to a signer at start. */

/* Key files sealed by a passphrase (Argon2id) */
#define KEY_OPSLIMIT           3              /* Passes with which a key file is sealed, */
#define KEY_MEMLIMIT           (256 << 20)    /* and bytes of memory. */
#define KEY_OPSLIMIT_MAX       16             /* More passes than this are refused when one is read, */
#define KEY_MEMLIMIT_MAX       (1 << 30)      /* and more memory. */

/* JSON */
#define JSON_DEPTH_MAX         32             /* Nesting of a request body. */
#define JSON_BODY_MAX          1048576        /* Bytes of a JSON request body. */
#define JSON_STRING_MAX        65536          /* Bytes of one string in a request body. */
#define JSON_NUMBER_MAX        1024           /* Characters of one number, where fractions are read. */
#define JSON_VALUES_MAX        65536          /* Values in one text: `[],` of 3 bytes takes 120 in memory. */

/* Credentials */
#define INTEGRITY_PROOFS_MAX   4              /* Proofs of one document. */
#define CREDENTIAL_CONTEXTS_MAX 8             /* Contexts of one document. */
#define CREDENTIAL_TEXT_MAX    512            /* Bytes of a name, an id or a URL in a credential. */
#define CREDENTIAL_EVIDENCE_MAX 16            /* Pieces of evidence of one certificate. */
#define CREDENTIAL_LISTS_MAX   64             /* Status lists that one clearance names. */
#define NOTICE_DAYS_MAX        3650           /* Longest notice of a withdrawal. */
#define STATUS_BITS_MIN        131072         /* Fewest places of a status list (Bitstring Status List, 6.1), */
#define STATUS_BITS_MAX        (1 << 24)      /* and most: 2 MiB, however little they are compressed to. */
#define STATUS_LIST_PLACES     STATUS_BITS_MIN  /* Places of each list of the market; a next pair of lists follows. */
#define STATUS_LIST_VALID_MS   (24 * 3600 * INT64_C(1000))  /* A published state of a list is valid for so long; */
#define STATUS_LIST_RENEW_MS   (12 * 3600 * INT64_C(1000))  /* one with less left is published again. */
#define STATUS_LIST_CACHE_S    300            /* Seconds that caches may keep a list. */
#define CERTIFICATE_BYTES_MAX  65536          /* Bytes of a certificate or a signed request that is posted. */
#define CERTIFICATE_REVERIFY_MS (3600 * INT64_C(1000))  /* A certificate of sourcing is verified again after so long. */
#define CERTIFICATES_A_RUN     1000           /* So many at most at a time. */
#define COVERAGE_BYTES_MAX     (INT64_C(1) << 30)  /* Bytes of a consent with its coverage: ten million hashes fit. */
#define COVERAGE_ITEMS_MAX     10000000       /* Items that one consent covers. */
#define COVERAGE_BRIEF         10000          /* Items of a consent that are read or named in no time to speak of. */
#define WITHDRAWAL_ITEMS_MAX   1000           /* Items published meanwhile, named under the ledger's lock. */
#define KEY_STATEMENT_MS       3600000        /* A statement that a key is one's own may be so old. */
#define STATUS_TEXT_MAX        (3 << 20)      /* Characters of an encoded status list. */

/* HTTP */
#define HTTP_HEADER_BYTES_MAX  32768          /* Memory for a connection's headers (libmicrohttpd's pool). */
#define HTTP_CONNECTIONS_MAX   4096           /* Default; bounded by the process's limit of open files. */
#define HTTP_IDLE_SECONDS      30             /* A connection that says nothing for so long is closed. */
#define HTTP_REQUEST_MS        15000          /* A request's whole time: half of the 30 s that clients tend to wait. */
#define HTTP_URI_MAX           8192           /* Bytes of a request target. */
#define HTTP_WORKERS_DEFAULT   8              /* Threads that run handlers, one a database connection. */
#define HTTP_STOP_MS           10000          /* How long stopping waits for answers that are being read or written. */
#define HTTP_BACKLOG           4096           /* Connections the kernel holds until they are accepted. */
#define HTTP_BODY_SMALL        65536          /* A body up to this size is read before its sender is known. */
#define HTTP_DISCARD_MAX       (64 << 20)     /* Bytes of a refused body read so that its sender sees why. */
#define HTTP_PIECE_BYTES       65536          /* Bytes of a streamed body that one step of its handler gets. */
#define HTTP_BRIEF_THREADS     2              /* Threads for steps that wait for nothing but a file. */
#define HTTP_FILE_SMALL        16384          /* A file up to this size is sent from memory, with its headers. */
#define HTTP_REPLY_HEADERS_MAX 16             /* Headers that a handler may add to its answer. */
#define HTTP_PROXIES_MAX       16             /* Proxies whose forwarded addresses are believed. */
#define RATE_TABLE_SIZE        65536          /* Keys, and addresses, whose rates are remembered at a time. */
#define LIST_LIMIT_MAX         1000           /* Rows of one page of a list. */
#define ENTRIES_LOOKED_AT      10000          /* Entries that a page reads while it seeks those of one type. */
#define LIST_LIMIT_DEFAULT     100            /* Rows of a page when the caller names none. */
#define LIST_PAGES_MAX         25000          /* Pages of one list that a client reads: 500 items a page are 20,000. */
#define RATE_PER_SECOND        2000           /* Default requests a second of one key, */
#define RATE_BURST             4000           /* and how many it may save up. */
#define RATE_ADDRESS           4000           /* Default requests a second of one address, with and without keys, */
#define RATE_ADDRESS_BURST     8000           /* and how many it may save up. */
#define RATE_GUESSES           5              /* Default wrong keys a second of one address, */
#define RATE_GUESSES_BURST     100            /* and how many it may save up. */
#define KEYS_PER_PARTY_MAX     100            /* API keys a party may hold at a time. */
#define KEY_USES_SIZE          4096           /* Keys whose last use one process gathers before it writes it down. */

/* Market */
#define ITEM_PATH_MAX          1024           /* Bytes of an item's path. */
#define ITEM_ATTRIBUTES_MAX    16384          /* Bytes of an item's attributes as canonical JSON. */
#define ITEM_CONTRIBUTORS_MAX  64             /* Contributors of one item. */
#define AUDIT_WEIGHED_ITEMS_MAX 1000000       /* Of a version: an audit has its lists in memory to weigh them. */
#define CONTRIBUTOR_WEIGHT_MAX 1000000        /* Of one contributor: the sum over a version stays far below 2^63. */
#define ITEM_LINE_MAX          65536          /* Bytes of one line of an item list. */
#define ITEM_PART_BYTES_MAX    (64 << 20)     /* Bytes of one part of an item list. */
#define COVER_WAIT_MS          3000           /* So long who asks for one thing waits for its entry's signature. */
#define LENGTHY_SPARED         2              /* Threads of handlers that steps of minutes leave to others. */
#define SEAL_MS                1800000        /* Loading a part of a draft, or hashing a content, may take so long. */
#define SEAL_AT_ONCE_ITEMS     10000          /* A draft of more items is sealed by a worker, not within a request. */
#define SEAL_CHUNK_ITEMS       10000          /* Items that a worker sorts into place in one transaction. */
#define FILTER_DEPTH_MAX       12             /* Operators of a filter inside one another. */
#define FILTER_NODES_MAX       256            /* Operators of one filter. */
#define FILTER_VALUES_MAX      1000           /* Literals of one filter. */
#define FILTER_TEXT_MAX        1024           /* Bytes of a filter's literal. */
#define FILTER_PROPERTY_MAX    128            /* Bytes of a property's name in a filter. */
#define SLICE_BYTES_MAX        16384          /* Bytes of a slice's request in canonical form. */
#define SLICE_SEED_MAX         128            /* Bytes of a sample's seed. */
#define VERSION_ITEMS_MAX      10000000       /* Items of one version. */
#define CONTENT_BYTES_MAX      (INT64_C(1) << 40)   /* Bytes of one content. */
#define UPLOAD_IDLE_MS         (7 * 24 * 3600 * INT64_C(1000))  /* An unfinished upload untouched for so long goes. */
#define ACCESS_WINDOW_MS       (24 * 3600 * INT64_C(1000))   /* One access per license, item and window. */
#define SNAPSHOT_MS_DEFAULT    "86400000"     /* What is owed to creators is committed to daily. */
#define SNAPSHOT_LEAVES        1000           /* Leaves of a snapshot that an auditor reads at a time. */
#define STATEMENT_LINES_MAX    10000          /* Lines of one account that one statement shows. */
#define CLEARANCE_MS           (24 * 3600 * INT64_C(1000))   /* A clearance is good for a day at most. */
#define CLEARANCE_CONTENT_MS   (60 * 24 * 3600 * INT64_C(1000))  /* Bytes verified longer ago are not cleared. */
#define CLEARANCE_PASSES_MAX   8              /* Passes of one attempt, each made stale by a withdrawal. */
#define CLEARANCES_PENDING_MAX  8             /* Of one license: each is a pass over all its items. */
#define CLEARANCE_CONSENTS     1000           /* Consents that are judged at a time. */
#define CLEARANCE_ITEMS        5000           /* Items of a clearance that are read at a time. */
#define CLEARANCE_PROJECT_MAX  200            /* Bytes of a project's name. */
#define QUOTE_VALID_MS         (24 * 3600 * INT64_C(1000))   /* A quote is good for a day. */
#define FORECAST_ITEMS         100000         /* Items of a slice of which a quote forecasts the clearance, */
#define FORECAST_CONSENTS      100000         /* if their creators have given no more consents than these. */
#define FORECAST_BRIEF         10000          /* Of more items it takes seconds, which two threads are spared. */
#define QUOTE_MS               120000         /* Cutting and weighing a slice of ten million items may take so long. */
#define QUOTED_ITEMS_MAX       20000000       /* Items of the slices that a buyer's open quotes hold. */
#define QUOTE_PARTS_SHOWN      100            /* Contributors that a quote itself shows; its list shows all. */
#define SLICE_KEPT_MS          (2 * 24 * 3600 * INT64_C(1000))  /* A slice that nobody bought is kept for so long. */
#define QUOTE_PAST_MS          (5 * 60 * INT64_C(1000))   /* `from` may lie so far back: slow clocks and queues. */
#define AMOUNT_MAX_MICRO       INT64_C(1000000000000000000)  /* 10^12 major units: sums of a few stay in int64. */

/* Database */
#define DB_POOL_DEFAULT        8              /* Connections of one process's pool. */
#define DB_RETRIES_MAX         5              /* Retries of a transaction on 40001 and 40P01. */
#define DB_ROWS_MAX            100000         /* Rows db_many() takes before it calls it a bug. */
#define DB_STATEMENT_MS        10000          /* statement_timeout of request-bound connections. */
#define DB_CONNECT_MS          5000           /* Connecting, unless the scope's deadline comes first. */
#define DB_CANCEL_MS           2000           /* A canceled statement silent for so long has lost its connection. */
#define DB_COMMIT_MS           5000           /* A COMMIT is waited for at least so long, past the scope's deadline. */
#define DB_PARAMS_MAX          64             /* Parameters of one statement. */
#define DB_PIPE_MAX            1024           /* Statements of one pipeline. */
#define DB_COPY_CHUNK          65536          /* Bytes of COPY rows gathered before they are sent. */

/* Jobs */
#define JOB_RETRIES            7              /* Of most kinds; then the job is dead and an operator sees it. */
#define ERASURE_PAGE           10000          /* Entries or rows that an erasure lists or deletes in a transaction. */
#define JOB_KEPT_MS            (7 * 24 * 3600 * INT64_C(1000))  /* A job that is done is kept for so long. */
#define JOB_DEAD_SHOWN         1000           /* Dead jobs that one list shows. */
#define JOB_LEASE_MS           30000          /* A worker that doesn't renew its lease for so long is believed dead. */
