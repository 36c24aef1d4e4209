# SPDX-License-Identifier: Apache-2.0
"""The tool of people as somebody meets it for whom nothing goes right: exit codes, and words that say what to do."""
import json
import os
import resource
import signal
import subprocess

from harness import tap, web
from harness.market import Market
from harness.program import wait_for
from harness.tree import folder, program

ITEMS = 120
BAD = 12
NO_KEY = f"cf_{'0' * 26}_{'0' * 52}"


def says(got, *words):
    """Failed with one line that holds these."""
    lines = [line for line in got.err.splitlines() if line.startswith("counterfoil: ")]
    tap.check(got.code == 1 and len(lines) == 1 and all(w in got.err for w in words),
              f"says {' and '.join(words)}") or tap.note(repr(got))


def verbs(where, dataset, offer, license):
    until = ("--until", "2098-01-01")
    return (("pull", license, where / "out"), ("publish", where, dataset), ("balance",), ("license",),
            ("quote", offer, "--purpose", "pretraining", "--territory", "DE", *until),
            ("buy", "qte_" + "0" * 26), ("party", "eve", "--role", "buyer", "--name", "Eve"),
            ("pay", "bob", "3.00", "EUR", "--reference", "x"),
            ("offer", dataset, "--price", "1.00", "EUR", "--purpose", "pretraining", "--territory", "EU", *until))


def keys(market, every):
    for argv in every:
        says(market.cf(*argv, key=NO_KEY, code=None), "Unauthenticated", "[401 unauthenticated, request req_")
        says(market.cf(*argv, key="secret", code=None), "COUNTERFOIL_KEY", "begin with cf_")
        says(market.cf(*argv, code=None), "set COUNTERFOIL_KEY_FILE")


def nobody_there(market, buyer, every):
    dead = {"COUNTERFOIL_URL": f"http://127.0.0.1:{web.free_port()}"}
    for argv in (*every, ("datasets",)):
        says(buyer.cf(*argv, code=None, env=dead), "Couldn't connect", dead["COUNTERFOIL_URL"])
    got = buyer.cf("audit", dead["COUNTERFOIL_URL"], code=None)
    tap.equal(got.code, 2, "an audit that could not check ends with 2")


def unknown(market, buyer, offer):
    says(buyer.cf("datasets", "nobody/nothing", code=None), "no dataset nobody/nothing")
    says(buyer.cf("datasets", "nobody", code=None), "OWNER/NAME")
    says(buyer.cf("pull", "lic_" + "0" * 26, code=None), "no such license")
    wish = ("quote", offer, "--territory", "DE", "--until", "2098-01-01", "--purpose")
    got = buyer.cf(*wish, "everything", code=None)
    says(got, "/purpose must be one of", "[422 invalid, request req_")
    tap.equal(got.err.count("must be one of"), 1, "once")
    says(buyer.cf(*wish, "retrieval", code=None), "the terms do not permit this purpose")
    for argv in ((), ("nonsense",), ("pull",), ("pull", "--nonsense", "x"), ("quote", offer, "--purpose")):
        tap.equal(buyer.cf(*argv, code=None).code, 2, f"misused: counterfoil {' '.join(argv[:2])}")


def spawn(market, buyer, argv, **more):
    env = {**os.environ, "COUNTERFOIL_URL": market.url, "COUNTERFOIL_KEY": buyer.key}
    return subprocess.Popen([program("counterfoil"), *map(str, argv)], env=env, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)


def files_in(where):
    return sum(len(names) for at, _, names in os.walk(where) if ".counterfoil" not in at)


def no_room(market, buyer, license):
    """A file may not grow beyond what one item has: as a full disk, to the tool."""
    where = market.dir / "full"
    got = spawn(market, buyer, ("pull", license, where), restore_signals=False,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100000, resource.RLIM_INFINITY)))
    _, err = got.communicate(timeout=120)
    tap.check(got.returncode == 1 and "writing the part file: " in err, f"a disk without room ends a pull ({err})")
    buyer.cf("pull", license, where)
    tap.equal((where / "big").stat().st_size, 300000, "with room, it goes on")


def interrupted(market, buyer, license):
    where = market.dir / "interrupted"
    before = market.entries("access.recorded")
    got = spawn(market, buyer, ("pull", license, where, "--parallel", "1"))
    wait_for(lambda: files_in(where) > 10, 60, "some items to be there")
    got.send_signal(signal.SIGINT)
    got.communicate(timeout=60)
    had = files_in(where)
    tap.check(got.returncode == -signal.SIGINT and had < ITEMS, f"Ctrl-C ends a pull after {had} items")
    done = buyer.cf("pull", license, where)
    tap.check(int(done.said("fetched")) <= ITEMS - had and files_in(where) == ITEMS,
              f"the next one goes on ({done.out})")
    tap.equal(market.entries("access.recorded"), before + ITEMS, "and each item was one access")
    own = where / ".counterfoil"
    lines = [json.loads(line) for line in (own / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    without = [line["path"] for line in lines if not (own / "receipts" / f"{line.get('entry')}.json").is_file()]
    tap.check(len(lines) == ITEMS and not without and not (own / "fetched").exists(),
              f"whose receipt is there, of the run that was broken off too ({without[:3]})")


def mended(market, alice, buyer, license, files):
    """Contents that went bad: a pull sums up what it could not have, and publishing again mends them."""
    for data in list(files.values())[:BAD]:
        market.blob(data).chmod(0o640)
        market.blob(data).write_bytes(data[::-1])
        market.verify_now(data, "corrupt")
    got = buyer.cf("pull", license, market.dir / "bad", code=1)
    told = [line for line in got.err.splitlines() if "[403" in line]
    tap.check(len(told) == 5 and f"and {BAD - 5} more" in got.err, "a pull names the first few") or tap.note(got.err)
    tap.check(f"{BAD} items of the license could not be had" in got.err, "and counts them all")
    tap.equal(files_in(market.dir / "bad"), ITEMS - BAD, "the others are there")
    again = alice.cf("publish", market.dir / "files-alice-many", "alice/many", "--wait")
    sent = f"uploaded   {BAD} contents of {ITEMS}"
    tap.check(sent in again.out, f"publishing again sends what was bad ({again.out})")
    left = market.sql("SELECT count(*) FROM content WHERE state <> 'verified'")
    tap.equal(left, [["0"]], "a worker finds it whole")
    buyer.cf("pull", license, market.dir / "bad")
    tap.equal(files_in(market.dir / "bad"), ITEMS, "and what was bought before is delivered")


def main():
    with Market(folder("http-stranger"), COUNTERFOIL_RATE="0") as market:
        alice, bob = market.party("alice", "publisher"), market.party("bob", "buyer")
        files = {f"{i // 100}/{i}.txt": f"item {i}\n".encode() * 50 for i in range(ITEMS)}
        market.publish(alice, "many", files)
        market.publish(alice, "one", {"big": os.urandom(300000)})
        offer, one = (market.offer(alice, name, price="0.00")["id"] for name in ("many", "one"))
        license = market.buy(bob, offer)["id"]
        every = verbs(market.files("own", {"a": b"a"}), "bob/own", offer, license)
        keys(market, every)
        nobody_there(market, bob, every)
        unknown(market, bob, offer)
        no_room(market, bob, market.buy(bob, one)["id"])
        interrupted(market, bob, license)
        mended(market, alice, bob, license, files)
        tap.equal(market.audit()[0], 0, "the audit is sound")
    tap.done()


main()
