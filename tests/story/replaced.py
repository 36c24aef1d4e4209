# SPDX-License-Identifier: Apache-2.0
"""A market that begins anew under its old address: whoever audited it before is told, and keeps the evidence."""
import json
import re

from harness.market import Market
from harness.tap import check, done, equal
from harness.tree import folder


def other_key(m):
    """A verifier key of the market's own origin, of another signer."""
    told = m.run("counterfoil-signer", "init", "--origin", m.origin, "--dir", m.dir / "another-signer")
    return re.search(rf"{re.escape(m.origin)}\+[0-9a-f]{{8}}\+\S+", told).group(0)


def audit(m, *flags, state, code):
    got = m.cf("audit", m.url, "--json", *flags, env={"XDG_STATE_HOME": str(state)}, code=code)
    if not got.out:
        raise AssertionError(got)
    return json.loads(got.out)


def rules(report):
    return {finding["rule"] for finding in report["findings"]}


def second_key(m, state, key):
    report = audit(m, "--key", other_key(m), state=state, code=1)
    equal((rules(report), report["key"]), ({"log.same"}, key), "another key under the same origin is a finding")
    kept = [p for p in (state / "counterfoil").glob("*.evidence.*") if key in p.read_text(encoding="utf-8")]
    check(len(kept) == 1 and report["evidence"] == str(kept[0]), "both keys and notes are kept as evidence")


def replaced(old, state, key):
    """Another database and signer, at the address of the old ones."""
    m = Market(folder("story-replaced-later"), without=("worker",))
    m.port, m.env["COUNTERFOIL_PORT"] = old.port, str(old.port)
    with m:
        fresh = m.dir / "fresh"
        fresh.mkdir()
        equal(audit(m, state=fresh, code=0)["verdict"], "sound", "who has seen nothing before finds nothing")
        for turn in ("the first", "each"):
            report = audit(m, state=state, code=1)
            check(rules(report) >= {"log.same", "checkpoint"} and report["key"] == key,
                  f"another log at an address audited before is a finding, {turn} time")
        other = m.cf("audit", m.url.replace("http", "HTTP") + "/", env={"XDG_STATE_HOME": str(state)}, code=1)
        check("NOT SOUND" in other.out, "however the address is written")
        text = open(report["evidence"], encoding="utf-8").read()
        check(old.origin in text and m.origin in text and key in text, "the evidence names both logs")
        said = m.cf("audit", m.url, env={"XDG_STATE_HOME": str(state)}, code=1).out
        new_key = m.operator.get("/v1/log/key").json()["log_key"]
        check("NOT SOUND" in said and key in said and new_key in said, "a person is told both keys")
        report = audit(m, "--key", new_key, state=state, code=0)
        check(report["verdict"] == "sound" and audit(m, state=state, code=0)["key"] == new_key,
              "a key had from elsewhere settles which log is meant from then on")


def main():
    with Market(folder("story-replaced"), without=("worker",)) as m:
        key = m.operator.get("/v1/log/key").json()["log_key"]
        state = m.dir / "auditor"
        state.mkdir()
        check(audit(m, state=state, code=0)["key"] == key and audit(m, state=state, code=0)["from"] > 0,
              "a log is audited, and gone on with")
        again = m.dir / "other-auditor"
        again.mkdir()
        audit(m, state=again, code=0)
        second_key(m, again, key)
        m.stop()
        replaced(m, state, key)
    done()


main()
