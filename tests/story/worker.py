# SPDX-License-Identifier: Apache-2.0
"""Workers: what they find in contents, what they make of each other's death, and of a log that rots."""
import hashlib
import json
import secrets
import signal
import time

from harness.market import Market
from harness.program import Program, wait_for
from harness.tap import check, done, equal
from harness.tree import folder

TERMS = {"permission": [{"constraint": [{"leftOperand": "dateTime",
                                        "rightOperand": {"@value": "2100-01-01T00:00:00Z"}}]}]}
BIG_BYTES = 1_500_000_000       # sparse: long enough to hash for what is done meanwhile


class Shop:
    """Rows and blobs as the API would leave them, without the API."""

    def __init__(self, m):
        self.m = m
        m.sql("INSERT INTO dataset (id, owner, name, publisher, title, description, modality, languages, card)"
              " SELECT 'dts_x', handle, 'x', id, 't', '', 'mixed', '{}', '' FROM party LIMIT 1")

    def blob(self, data):
        self.m.blob(data).write_bytes(data)

    def content(self, data):
        name = hashlib.sha256(data).hexdigest()
        self.m.sql(f"INSERT INTO content (sha256, size) VALUES ('\\x{name}', {len(data)}) ON CONFLICT DO NOTHING")

    def version(self, ident, contents):
        self.m.sql(f"INSERT INTO version (id, dataset, publisher, state) SELECT '{ident}', 'dts_x', id, 'published'"
                   " FROM party LIMIT 1")
        rows = [f"((SELECT no FROM version WHERE id = '{ident}'), {i}, 'p{i}', "
                f"'\\x{hashlib.sha256(d).hexdigest()}', {len(d)}, 'a/b', '{{}}', '[]', '\\x{'00' * 16}')"
                for i, d in enumerate(contents)]
        for d in contents:
            self.content(d)
        self.m.sql("INSERT INTO item (version, n, path, sha256, size, media_type, attributes, contributors, salt)"
                   " VALUES " + ", ".join(rows))

    def big(self):
        """A content that takes a while; its name is computed here, once."""
        h, zeros = hashlib.sha256(), bytes(1 << 24)
        for at in range(0, BIG_BYTES, len(zeros)):
            h.update(zeros[:min(len(zeros), BIG_BYTES - at)])
        name = h.hexdigest()
        with open(self.m.content / "content" / name[:2] / name, "wb") as f:
            f.truncate(BIG_BYTES)
        self.m.sql(f"INSERT INTO content (sha256, size) VALUES ('\\x{name}', {BIG_BYTES})")
        return name

    def job(self, kind, **args):
        ident = "job_" + secrets.token_hex(8)
        self.m.sql(f"INSERT INTO job (id, kind, key, args) VALUES ('{ident}', '{kind}', '{ident}',"
                   f" '{json.dumps(args)}'); NOTIFY counterfoil_job")
        return ident

    def look(self, ident):
        row = self.m.sql(f"SELECT state, attempt, coalesce(error, '') FROM job WHERE id = '{ident}'")[0]
        return row[0], int(row[1]), row[2]

    def wait(self, ident, state, timeout=60):
        wait_for(lambda: self.look(ident)[0] == state, timeout, f"{ident} to be {state}: {self.look(ident)}")

    def states(self):
        return dict((s, int(n)) for s, n in self.m.sql("SELECT state, count(*) FROM content GROUP BY 1"))


def findings(m, shop):
    data = [b"content %d" % i * (i + 1) for i in range(300)]
    for i, d in enumerate(data):
        if i != 7:
            m.blob(d).write_bytes(d if i != 9 else b"X" + d[1:])
    shop.version("ver_1", data)
    shop.wait(shop.job("verify_content", version="ver_1"), "done")
    equal(shop.states(), {"verified": 298, "corrupt": 1, "missing": 1}, "each content is what it is found to be")
    entry = json.loads(m.sql("SELECT convert_from(bytes, 'UTF8') FROM entry WHERE type = 'content.verified'")[0][0])
    equal(entry["body"]["counts"], {"verified": 298, "corrupt": 1, "missing": 1}, "and the log says so, in one entry")
    rows = sorted((hashlib.sha256(d).hexdigest(), "missing" if i == 7 else "corrupt" if i == 9 else "verified")
                  for i, d in enumerate(data))
    leaves = [hashlib.sha256(b'\0{"result":"%s","sha256":"%s"}' % (r.encode(), h.encode())).digest() for h, r in rows]
    equal(entry["body"]["results_root"], root(leaves).hex(), "its root commits to every result")
    return data


def many(m, shop):
    """More items than a page holds, that share contents within a page, across two, and across many."""
    before = m.entries("content.verified")
    data = [b"shared %d" % i for i in range(2500)]
    for i, d in enumerate(data):
        if i != 11:
            shop.blob(d)
    content = "sha256(convert_to('shared ' || i % 2500, 'UTF8'))"
    size = "length('shared ' || i % 2500)"
    m.sql("INSERT INTO version (id, dataset, publisher, state) SELECT 'ver_many', 'dts_x', id, 'published'"
          " FROM party LIMIT 1;"
          f" INSERT INTO content (sha256, size) SELECT {content}, {size} FROM generate_series(0, 2499) i;"
          " INSERT INTO item (version, n, path, sha256, size, media_type, attributes, contributors, salt)"
          f" SELECT v.no, i, 'p' || i, {content}, {size}, 'a/b', '{{}}', '[]', '\\x{'00' * 16}'"
          " FROM version v, generate_series(0, 8999) i WHERE v.id = 'ver_many'")
    m.sql("INSERT INTO offer (id, version, publisher, revision, terms, split, fee, amount, currency, index, created_at)"
          f" SELECT 'ofr_many', no, publisher, 1, '{json.dumps(TERMS)}', '{{}}', '{{}}', 1, 'EUR', 0, now()"
          " FROM version"
          " WHERE id = 'ver_many'")
    offer = "SELECT state FROM offer WHERE id = 'ofr_many'"
    shop.wait(shop.job("verify_content", version="ver_many"), "done")
    counts = {}
    rows = m.sql("SELECT convert_from(bytes, 'UTF8') FROM entry WHERE type = 'content.verified' ORDER BY index"
                 f" OFFSET {before}")
    for row in rows:
        for result, n in json.loads(row[0])["body"]["counts"].items():
            counts[result] = counts.get(result, 0) + n
    equal(counts, {"verified": 2499, "missing": 1}, "each of the contents of a large version is read once")
    equal(m.sql(offer), [["paused"]], "an offer that holds a missing one is paused")
    shop.wait(shop.job("verify_content", version="ver_many"), "done")
    equal(m.entries("content.verified"), before + len(rows) + 1, "then only what was missing is looked for again")
    shop.blob(data[11])
    shop.wait(shop.job("verify_content", version="ver_many"), "done")
    equal(m.sql(offer), [["open"]], "and when it is back, the offer is open again")
    m.sql("DELETE FROM offer WHERE id = 'ofr_many'")


def root(leaves):
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\1" + root(leaves[:k]) + root(leaves[k:])).digest()


def one_read(m, shop, data):
    before = m.entries("content.verified")
    shop.version("ver_2", data[20:60])
    shop.wait(shop.job("verify_content", version="ver_2"), "done")
    equal(m.entries("content.verified"), before, "contents verified within the window are not read again")
    shop.blob(data[7])
    shop.blob(data[9])
    shop.wait(shop.job("verify_content", version="ver_1"), "done")
    equal(shop.states(), {"verified": 300}, "but what was missing or corrupt is, and is found mended")


def takeover(m, shop):
    """A worker that stands still is believed dead; when it goes on, it can't record any more."""
    name = shop.big()
    before = m.entries("content.verified")
    job = shop.job("verify_content", sha256=name)
    shop.wait(job, "running")
    m.programs["worker"].signal(signal.SIGSTOP)
    m.sql(f"UPDATE job SET leased_until = now() - interval '1 s' WHERE id = '{job}'")
    second = Program(["counterfoil-worker"], m.env, m.dir / "worker-2.log").start()
    shop.wait(job, "done", 120)
    equal(shop.look(job)[1], 2, "another worker takes a job whose lease is over")
    m.programs["worker"].signal(signal.SIGCONT)
    wait_for(lambda: any(x in m.programs["worker"].tail(50) for x in ("lease is lost", "no longer")), 60,
             "the first worker to notice")
    equal(m.entries("content.verified"), before + 1, "and is the only one that records it")
    equal(second.stop(), 0, "it stops cleanly")
    return name


def killed(m, shop, name):
    job = shop.job("verify_content", sha256=name)
    shop.wait(job, "running")
    m.programs["worker"].kill()
    m.sql(f"UPDATE job SET leased_until = now() - interval '1 s' WHERE id = '{job}'")
    m.start(only=("worker",))
    shop.wait(job, "done", 120)
    check(True, "a job of a worker that was killed is done by the next")


def stopped(m, shop, name):
    job = shop.job("verify_content", sha256=name)
    shop.wait(job, "running")
    began = time.monotonic()
    equal(m.programs["worker"].stop(), 0, "a worker that is told to stop does, in the middle of a job")
    check(time.monotonic() - began < 15, "soon")
    equal(shop.look(job)[:2], ("queued", 0), "and gives the job back, uncounted")
    m.start(only=("worker",))
    shop.wait(job, "done", 120)


def signer_away(m, shop, data):
    m.programs["signer"].stop()
    job = shop.job("verify_content", sha256=hashlib.sha256(data).hexdigest())
    wait_for(lambda: "job=" in m.programs["worker"].tail() or "error=" in m.programs["worker"].tail(3), 60,
             "the worker to miss the signer")
    check(shop.look(job)[0] in ("queued", "running"), "without a signer nothing is called done")
    m.start(only=("signer",))
    shop.wait(job, "done", 60)
    check(shop.look(job)[1] <= 2, "with it, the job is done, its attempts unspent")


def tidied(m, shop):
    m.sql("INSERT INTO idempotency (party, key, fingerprint, status, answer, expires_at) VALUES"
          f" ('p', 'old', '\\x{'00' * 32}', 200, '', now() - interval '1 s'),"
          f" ('p', 'new', '\\x{'00' * 32}', 200, '', now() + interval '1 h')")
    shop.wait(shop.job("expire"), "done")
    equal(m.sql("SELECT key FROM idempotency WHERE party = 'p'"), [["new"]], "answers whose time is over are forgotten")


def ended(m, shop):
    """What is done goes after its time, what is dead stays until somebody deals with it."""
    m.sql("INSERT INTO job (id, kind, key, args, state, attempt, error, done_at)"
          " SELECT 'job_old' || i, 'expire', 'old' || i, '{}', 'done', 1, NULL, now() - interval '8 days'"
          "   FROM generate_series(1, 2500) i"
          " UNION ALL SELECT 'job_young', 'expire', 'young', '{}', 'done', 1, NULL, now() - interval '6 days'"
          " UNION ALL SELECT 'job_lost', 'expire', 'lost', '{}', 'dead', 4, 'no luck', now() - interval '9 days'")
    shop.wait(shop.job("expire"), "done")
    equal(m.sql("SELECT count(*) FROM job WHERE key LIKE 'old%' OR done_at < now() - interval '7 days'"), [["1"]],
          "jobs that were done long ago are forgotten")
    equal((shop.look("job_young")[0], shop.look("job_lost")[0]), ("done", "dead"), "younger and dead ones are not")
    check("job_lost" in m.run("counterfoil-worker", "dead") and "no luck" in m.run("counterfoil-worker", "dead"),
          "the operator sees a dead one, and why it died")
    check("waits again" in m.run("counterfoil-worker", "retry", "job_lost"), "and has it tried again")
    again = "SELECT count(*) FROM job WHERE key = 'lost' AND state = 'done'"
    wait_for(lambda: m.sql(again) == [["2"]], 60, "its end")
    check("0 dead jobs" in m.run("counterfoil-worker", "dead"), "which it survives")
    try:
        m.run("counterfoil-worker", "retry", "job_lost")
        check(False, "what is not dead can't be retried")
    except RuntimeError as e:
        check("no dead job" in str(e), "what is not dead can't be retried")


def once(m, shop):
    """One kind and key is worked on once at a time, and dies after the retries of its kind."""
    m.sql("INSERT INTO job (id, kind, key, args, state, attempt, leased_until) VALUES"
          " ('job_first', 'expire', 'twice', '{}', 'running', 1, now() + interval '1 hour');"
          " INSERT INTO job (id, kind, key, args) VALUES ('job_second', 'expire', 'twice', '{}');"
          " NOTIFY counterfoil_job")
    shop.wait(shop.job("expire"), "done")
    equal(shop.look("job_second")[0], "queued", "the same kind and key waits for the one that runs")
    m.sql("UPDATE job SET attempt = 4, leased_until = now() - interval '1 s' WHERE id = 'job_first'")
    shop.wait("job_first", "dead")
    shop.wait("job_second", "done")
    check(True, "a kind has its own number of retries; the next one of its key goes on")


def rot(m, shop):
    shop.wait(shop.job("rehash_log"), "done")
    check(True, "the stored log hashes")
    for table, column, where, change in (
            ("tree_head", "root", "size = 3", "sha256(root)"),
            ("entry", "bytes", "index = 1", "overlay(bytes PLACING '\\x7b'::bytea FROM 3)")):
        saved = m.sql(f"SELECT encode({column}, 'hex') FROM {table} WHERE {where}")[0][0]
        m.sql(f"UPDATE {table} SET {column} = {change} WHERE {where}")
        job = shop.job("rehash_log")
        wait_for(lambda j=job: shop.look(j)[2], 60, "the rot to be found")
        check("not what it hashes to" in shop.look(job)[2], f"one bit of {table} that has changed is found")
        m.sql(f"UPDATE {table} SET {column} = '\\x{saved}' WHERE {where}")
        shop.wait(job, "done", 90)
    check(True, "mended, it hashes again")


def restart(m, per_second):
    m.programs["worker"].kill()
    m.env["COUNTERFOIL_REHASH_PER_SECOND"] = str(per_second)
    m.sql("DELETE FROM job WHERE kind = 'rehash_log' AND state = 'queued';"
          " UPDATE job SET leased_until = now() - interval '1 s' WHERE state = 'running';"
          " INSERT INTO job (id, kind, key, args)"
          " SELECT 'job_' || left(md5(random()::text), 16), 'rehash_log', 'schedule', '{}'"
          "  WHERE NOT EXISTS (SELECT FROM job WHERE kind = 'rehash_log' AND state = 'running')")
    m.start(only=("worker",))


def goes_on(m, shop, data):
    """A pass over the log goes on where a worker that was killed had come."""
    name = hashlib.sha256(data).hexdigest()
    m.sql("INSERT INTO job (id, kind, key, args) SELECT 'job_many' || i, 'verify_content', 'many' || i,"
          f" '{{\"sha256\":\"{name}\"}}' FROM generate_series(1, 560) i; NOTIFY counterfoil_job")
    wait_for(lambda: m.entries() > 560, 120, "a longer log")
    passed = "SELECT passed_size > 560, size FROM rehash"
    restart(m, 25)
    wait_for(lambda: m.sql("SELECT size > 0 FROM rehash") == [["t"]], 60, "a tile to be hashed")
    restart(m, 100000)
    wait_for(lambda: m.sql(passed) == [["t", "0"]], 60, "the pass to end")
    check("rehash goes on entries=" in m.programs["worker"].tail(100), "it goes on where it was")
    restart(m, 25)
    wait_for(lambda: m.sql("SELECT size > 0 FROM rehash") == [["t"]], 60, "a tile to be hashed")
    m.programs["worker"].kill()
    m.sql("UPDATE subtree SET hash = sha256(hash) WHERE level = 1 AND n = 0; UPDATE rehash SET passed_size = 0")
    restart(m, 100000)
    wait_for(lambda: "subtree at 0 is not what" in m.programs["worker"].tail(100), 60, "the rot to be found")
    check(m.sql("SELECT passed_size FROM rehash") == [["0"]], "unless what it had hashed has changed since: then anew")


def main():
    with Market(folder("story-worker"), without=("api",)) as m:
        shop = Shop(m)
        data = findings(m, shop)
        one_read(m, shop, data)
        many(m, shop)
        name = takeover(m, shop)
        killed(m, shop, name)
        stopped(m, shop, name)
        signer_away(m, shop, data[3])
        tidied(m, shop)
        ended(m, shop)
        once(m, shop)
        rot(m, shop)
        goes_on(m, shop, data[3])
    done()


main()
