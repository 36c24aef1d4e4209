# SPDX-License-Identifier: Apache-2.0
"""The catalog by words and by what offers grant: what is found, in which order, page by page."""
import json
import random
import urllib.parse

from harness import tap, web
from harness.market import UNTIL, Market
from harness.tree import folder

MANY = 20000
TEXTS = {
    "birdsong": ("Field recordings of birdsong", "Dawn chorus, 24-bit/96kHz", "audio", ["en"], "Recorded near Kraków."),
    "images": ("Images of street signs", "Photographs; see example.org/signs-2024", "image", ["de-AT", "en"],
               "The birdsong set is by the same people."),
    "gesetze": ("Österreichische Gesetze", "Gesetzestexte in Volltext", "text", ["de"], "Maße & Gewichte"),
    "kaiwa": ("日本語の会話データセット", "機械学習のための対話", "text", ["ja"], "東京で録音"),
    "hangug": ("한국어 뉴스 말뭉치", "신문 기사", "text", ["ko"], ""),
    "ukr": ("Українські вірші", "Поезія ХІХ століття", "text", ["uk"], "ЗБІРКА"),
    "arabic": ("شعر عربي", "قصائد", "text", ["ar"], ""),
    "code": ("C++ and don't-care bits", "snake_case and kebab-case identifiers", "code", ["en"], "🙂 smile"),
}


def make(party, name, title, description, modality, languages, card):
    got = party.post("/v1/datasets", {"name": name, "title": title, "description": description, "modality": modality,
                                      "languages": languages, "card": card})
    if got.status != 201:
        raise AssertionError(got)


def listed(market):
    market.sql("UPDATE dataset SET state = 'listed' WHERE state = 'draft'")


def found(client, pages=None, **query):
    """Names, over all pages of `pages` rows."""
    names, cursor = [], None
    while True:
        more = {**query, **({"limit": pages} if pages else {}), **({"cursor": cursor} if cursor else {})}
        got = client.get("/v1/datasets?" + urllib.parse.urlencode(more))
        if got.status != 200:
            raise AssertionError(got)
        names += [d["name"] for d in got.json()["data"]]
        cursor = got.json()["next_cursor"]
        if not cursor:
            return names


def words(nobody):
    for q, want in (
        ("birdsong", ["birdsong", "images"]), ("BIRDSONG", ["birdsong", "images"]), ("recording", ["birdsong"]),
        ("krakow", ["birdsong"]), ("sign", ["images"]), ("signs-2024", ["images"]), ("example.org", ["images"]),
        ("österreichische", ["gesetze"]), ("osterreichische", ["gesetze"]), ("GESETZE", ["gesetze"]),
        ("maße", ["gesetze"]), ("会話", ["kaiwa"]), ("学習", ["kaiwa"]), ("習学", []), ("東京", ["kaiwa"]),
        ("말뭉치", ["hangug"]), ("뉴스", ["hangug"]), ("вірші", ["ukr"]), ("ПОЕЗІЯ", ["ukr"]), ("збірка", ["ukr"]),
        ("شعر", ["arabic"]), ("alice birdsong", ["birdsong", "images"]), ("c++", ["code"]), ("don't", ["code"]),
        ("snake_case", ["code"]), ("kebab case", ["code"]), ("de-AT", ["images", "gesetze"]),
        ("birdsong -images", ["birdsong"]),
        ('"dawn chorus"', ["birdsong"]), ('"chorus dawn"', []), ("poetry or gesetze", ["gesetze"]),
        ("birdsong gesetze", []), ("96khz", ["birdsong"]), ("nowhere", []),
    ):
        got = found(nobody, q=q)
        tap.check(got == want if len(want) < 2 else sorted(got) == sorted(want), f"words: {q}") or tap.note(got)
    tap.equal(found(nobody, q="birdsong")[0], "birdsong", "a word in the title comes before one in the card")
    tap.equal(found(nobody, q="birdsong", sort="newest"), ["images", "birdsong"], "newest first")
    tap.equal(found(nobody, q="birdsong", sort="oldest"), ["birdsong", "images"], "oldest first")
    tap.equal(found(nobody, q="birdsong", modality="image"), ["images"], "with a filter beside")
    tap.equal(found(nobody, language="de"), ["images", "gesetze"], "a language is its regional forms, too")
    tap.equal(found(nobody, language="de-at"), ["images"], "in any case")


def hostile(market, nobody):
    """A clear answer to whatever is asked: a list, or what is wrong with it; never a fault of ours."""
    everything = sorted(TEXTS)
    for q in ("'", '"', '"""', "a' OR 1=1 --", "foo & | ! <-> :* ()", "a:*", "!!a", "\\", "\\\\'", "(((((", "or",
              "or or", "-", "--", "- - -", "-birdsong", "birdsong or -x", "the", "and of the", "!!!", "🙂",
              "🙂🙂", "…", "%", "_", "___", "$1", "::tsquery", "\u202e\u200b", "\ufffd", "\U0010ffff",
              "e\u0301", "\u0301", "A" * 200, "会" * 200, "- " * 100, "a " * 100, "a-" * 100, '"a' * 66,
              "or " * 66, "\r\n\t", "١٢٣", "\u0e01\u0e33", "ﷺ" * 200):
        got = nobody.get("/v1/datasets?q=" + urllib.parse.quote(q))
        good = got.status == 200 or (got.status == 422 and got.json()["errors"][0]["pointer"] == "?q")
        tap.check(good, f"an answer to {q[:12].encode('ascii', 'backslashreplace').decode()}") or tap.note(repr(got))
    rng = random.Random(7)
    odd, pieces = {}, '- -- "" " or ( ) ! & | a b the 会 \u0e31 🙂 : * \\ _ .'.split() + [" "]
    for _ in range(500):
        q = "".join(rng.choice(pieces) for _ in range(rng.randrange(1, 90)))
        got = nobody.get("/v1/datasets?limit=1&q=" + urllib.parse.quote(q or "a"))
        if got.status not in (200, 422):
            odd[q] = got.status
    tap.equal(odd, {}, "an answer to 500 mixtures of operators")
    for q, status in (("%00", (400, 422)), ("a%00b", (400, 422)), ("%ff%fe", (400, 422)), ("%c0%80", (400, 422)),
                      ("%ed%a0%80", (400, 422)), ("%zz", (400, 422)), ("", (422,)), ("x" * 201, (422,)),
                      ("x" * 5000, (422,)), ("x" * 10240, (400, 414)), ("-birdsong", (422,)), ("!!!", (422,))):
        got = nobody.get("/v1/datasets?q=" + q)
        tap.check(got.status in status, f"?q={q[:12]} of {len(q)} is refused") or tap.note(repr(got))
    for query in ("max_price=5", "max_price=x&currency=EUR", "max_price=-1&currency=EUR", "currency=ABC", "sort=price",
                  "sort=relevance", "sort=best", "territory=XX", "territory=de", "purpose=fun", "cursor=!!",
                  "max_price=99999999999999999999&currency=EUR", "max_price=0.0000001&currency=EUR"):
        got = nobody.get("/v1/datasets?" + query)
        tap.check(got.status in (400, 422) and got.json()["detail"], f"?{query} is refused") or tap.note(repr(got))
    own = nobody.get("/v1/datasets?limit=1&q=birdsong").json()["next_cursor"]
    for query in ("", "sort=newest&", "sort=price&currency=EUR&"):
        got = nobody.get(f"/v1/datasets?{query}cursor={own}")
        tap.equal((got.status, got.json()["errors"][0]["pointer"]), (422, "?cursor"),
                  f"a cursor of another order: {query}")
    tap.equal(sorted(found(nobody)), everything, "what was asked changed nothing")
    tap.check("answer against the contract" not in (market.dir / "api.log").read_text(encoding="utf8"),
              "every answer kept the contract")


def cards(alice):
    """Texts that a parser might choke on are taken, quickly enough for a request."""
    rng = random.Random(12)
    for i, card in enumerate(("a-b-" * 15000, "-" * 60000, "_" * 60000, "a_" * 30000, "http://a.b/" * 5400,
                              "".join(f"x{n}-y{n}.z" for n in range(4500))[:60000], "a@b.c/d_" * 7500,
                              "<a href='" * 6600, "\u0e31" * 20000, "ﷺ" * 20000, "'" * 60000, "\\" * 30000,
                              " ".join(chr(0x4e00 + n) for n in range(15000)),
                              "".join(chr(rng.choice((rng.randrange(32, 0xd800), rng.randrange(0xe000, 0x10fff))))
                                      for _ in range(20000)))):
        wish = {"name": f"odd-{i}", "title": "Odd", "modality": "text", "card": card}
        got = alice.post("/v1/datasets", json.dumps(wish, ensure_ascii=False).encode(),
                         headers={"Content-Type": "application/json"})
        tap.equal(got.status, 201, f"a card of {card[:8].encode('ascii', 'backslashreplace').decode()}…")


def offers(market, alice, nobody):
    """Filters by what open offers grant, of whole versions."""
    for name, files in (("cheap", 1), ("dear", 1), ("each", 10), ("over", 1)):
        market.publish(alice, name, {f"{i}.txt": f"{name} {i}".encode() for i in range(files)})
    market.offer(alice, "cheap", price="5.00", territories=("DE", "FR"))
    market.offer(alice, "dear", price="500.00", purposes=("finetuning", "evaluation"), territories=("WORLD",))
    alice.cf("offer", "alice/each", "--price", "2.00", "EUR", "--per-item", "--purpose=pretraining", "--territory=EU",
             "--until", UNTIL)
    late = market.offer(alice, "over", price="1.00", currency="USD", territories=("US",))
    for query, want in (
        ({"purpose": "pretraining"}, ["cheap", "each", "over"]), ({"purpose": "evaluation"}, ["dear"]),
        ({"purpose": "retrieval"}, []), ({"territory": "DE"}, ["cheap", "dear", "each"]),
        ({"territory": "AT"}, ["dear", "each"]), ({"territory": "EU"}, ["dear", "each"]),
        ({"territory": "WORLD"}, ["dear"]), ({"territory": "US"}, ["dear", "over"]),
        ({"territory": "DE", "purpose": "pretraining"}, ["cheap", "each"]),
        ({"max_price": "20", "currency": "EUR"}, ["cheap", "each"]),
        ({"max_price": "19.99", "currency": "EUR"}, ["cheap"]),
        ({"currency": "USD"}, ["over"]), ({"max_price": "1000", "currency": "EUR", "territory": "US"}, ["dear"]),
        ({"sort": "price", "currency": "EUR"}, ["cheap", "each", "dear"]),
        ({"sort": "price", "currency": "EUR", "q": "alice", "territory": "AT"}, ["each", "dear"]),
    ):
        tap.equal(found(nobody, **query), want, f"offers: {query}")
        tap.equal(found(nobody, pages=1, **query), want, f"one a page: {query}")
    members = "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE".split()
    market.offer(alice, "over", price="3.00", territories=members)
    tap.equal(found(nobody, territory="EU"), ["dear", "each", "over"], "every member state grants the EU")
    alice.post(f"/v1/offers/{late['id']}/withdraw")
    tap.equal(found(nobody, currency="USD"), [], "a withdrawn offer is none")
    market.sql("UPDATE offer SET state = 'paused' WHERE territories @> '{DE,FR}' AND amount = 5000000")
    tap.equal(found(nobody, purpose="pretraining"), ["each", "over"], "nor a paused one")
    market.sql("UPDATE dataset SET state = 'delisted' WHERE name = 'each'")
    tap.equal([found(nobody, q="each"), found(nobody, purpose="pretraining")], [[], ["over"]],
              "a delisted dataset is gone")
    make(alice, "hidden", "Xylophone", "", "audio", [], "")
    tap.equal(found(alice, q="xylophone"), [], "a draft is not in the catalog, not even its publisher's")


def tool(market):
    out = market.cf("datasets", "--query", "birdsong", "--sort", "newest").out.splitlines()
    tap.equal([line.split()[0] for line in out], ["alice/images", "alice/birdsong"], "counterfoil datasets --query")
    tap.equal(market.cf("datasets", "--query", "会話 & 'x").out.strip(), "no datasets", "whatever is typed is words")
    tap.check("currency" in market.cf("datasets", "--max-price", "5", code=1).err, "a price wants its currency")
    got = market.cf("datasets", "--purpose", "evaluation", "--territory", "DE", "--max-price", "500", "--currency",
                    "EUR", "--json")
    tap.equal(json.loads(got.out)["name"], "dear", "with filters, as JSON")


def many(market, nobody):
    """Pages by rank stay right with ties, and with rows that come and go."""
    market.sql(f"""
        INSERT INTO dataset (id, owner, name, publisher, title, description, modality, languages, card, state)
        SELECT 'dts_' || lpad(n::text, 26, '0'), 'alice', 'many-' || n, (SELECT id FROM party WHERE handle = 'alice'),
               'Collection ' || n || CASE WHEN n % 2000 = 7 THEN ' zebra' ELSE '' END,
               'A set of common things' || CASE WHEN n % 1000 = 3 THEN ', okapi' ELSE '' END, 'text', '{{en}}',
               'word' || n || CASE WHEN n % 2000 = 7 THEN ' okapi' ELSE '' END, 'listed'
          FROM generate_series(1, {MANY}) n; ANALYZE dataset""")
    want = found(nobody, q="okapi")
    tap.equal(len(want), MANY // 1000 + MANY // 2000, "all that holds the word is found")
    tap.equal(want[:20], [f"many-{n}" for n in range(3, MANY, 1000)], "equal ranks by id, then the cards")
    for pages in (1, 3, 7):
        tap.equal(found(nobody, q="okapi", pages=pages), want, f"the same in pages of {pages}")
    whole = found(nobody, pages=1000, q="common", modality="text")
    tap.equal((len(whole), len(set(whole))), (MANY, MANY), "a word that all hold: each once")
    page = nobody.get("/v1/datasets?q=okapi&limit=5").json()
    market.sql("UPDATE dataset SET state = 'delisted' WHERE name = 'many-1003'; UPDATE dataset SET state = 'delisted'"
               " WHERE name = 'many-4003'")
    rest = nobody.get(f"/v1/datasets?q=okapi&limit=1000&cursor={page['next_cursor']}").json()["data"]
    tap.equal([d["name"] for d in page["data"]] + [d["name"] for d in rest], want,
              "rows that go between two pages hide no others")
    market.sql("UPDATE dataset SET state = 'listed' WHERE name LIKE 'many-%'; ANALYZE dataset")


def main():
    with Market(folder("http-search")) as market:
        alice, nobody = market.party("alice", "publisher"), web.Client(market.port)
        for name, text in TEXTS.items():
            make(alice, name, *text)
        tap.equal(found(nobody, q="birdsong"), [], "drafts are not found")
        listed(market)
        words(nobody)
        hostile(market, nobody)
        cards(alice)
        offers(market, alice, nobody)
        tool(market)
        many(market, nobody)
    tap.done()


if __name__ == "__main__":
    main()
