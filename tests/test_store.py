"""The record of decisions on both databases: migrations, promises kept, what is masked, what the reviews teach."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
import yaml
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from click.testing import CliRunner

from linter import Linter
from linter.cli import main
from linter.evaluate import evaluate, read_cases
from linter.model import Finding, KefulintError, Turn
from linter.store import Decision, Full, Review, Store, Wanted, queries, state
from linter.store.database import opened, reachable, upgraded
from linter.store.tables import metadata
from linter.store.writer import Writer
from tests.serving import new_database, postgres

__all__ = ["postgres"]
TEXT = "亲加我微信abc12345，特价不开票的哦"
LINTER = Linter(("tmall", "pinduoduo"))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'decisions.sqlite'}"
    return new_database(request.getfixturevalue("postgres"), f"t{abs(hash(request.node.nodeid))}")


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    made = Store(url)
    yield made
    made.close()


def decision(text: str = TEXT, what: str = "withheld", **more: object) -> Decision:
    made = Decision(what, text, LINTER.check(text), LINTER.platforms, LINTER.version)
    return replace(made, **more)  # type: ignore[arg-type]


# --- migrations ------------------------------------------------------------------------------------------------------


def test_an_empty_database_becomes_what_the_code_expects(url: str) -> None:
    engine = opened(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        differences = [
            d for d in compare_metadata(context, metadata) if d[0] not in ("remove_index", "remove_constraint")
        ]
    assert differences == []
    assert state(engine)["revision"] == state(engine)["newest"] == "0002"
    engine.dispose()


def test_the_first_revision_is_upgraded_with_its_reviews(url: str) -> None:
    engine = reachable(url)
    upgraded(engine, "0001")
    row = dict.fromkeys(
        (
            "recorded_by",
            "time",
            "day",
            "decision",
            "agent",
            "shop",
            "session",
            "channel",
            "verdict",
            "lexicon",
            "reason",
            "text",
        ),
        "x",
    )
    finding = dict.fromkeys(("rule", "verdict", "words", "message", "suggestion"), "x")
    with engine.begin() as connection:
        old = sa.MetaData()
        old.reflect(connection)
        connection.execute(
            sa.insert(old.tables["decisions"]), row | {"id": 1, "platforms": [], "context": [], "redacted": True}
        )
        for number in (1, 2):
            more = {"id": number, "decision_id": 1, "start": 0, "end": 1, "verdicts": {}, "clauses": []}
            connection.execute(sa.insert(old.tables["findings"]), finding | more)
        for number, said in enumerate(("appealed", "confirmed"), 1):
            more = {
                "id": number,
                "finding_id": 2,
                "review": said,
                "time": "x",
                "note": "",
                "reviewer": "",
                "recorded_by": "",
            }
            connection.execute(sa.insert(old.tables["reviews"]), more)
    engine.dispose()
    store = Store(url)
    assert [f["status"] for f in store.read(queries.queue, Wanted(), 9, None)["decisions"][0]["findings"]] == [
        "open",
        "confirmed",
    ]
    store.close()


def test_servers_that_start_together_upgrade_once(url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        engines = list(pool.map(lambda _: opened(url), range(4)))
    assert {state(engine)["revision"] for engine in engines} == {"0002"}
    for engine in engines:
        engine.dispose()


def test_a_newer_database_is_refused(url: str) -> None:
    engine = opened(url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(KefulintError, match="revision 9999 is unknown here, expected a newer kefulint"):
        opened(url)


BAD_URLS = [
    ("no URL", "nonsense", "is no URL, expected"),
    ("other kind", "mysql://x/y", "of kind 'mysql', expected sqlite or postgresql"),
    ("no folder", "sqlite:////nowhere/at/all.sqlite", "cannot be opened"),
    ("nobody there", "postgresql://me:secret@127.0.0.1:1/x", r"me:\*\*\*@127.0.0.1:1/x: cannot be opened"),
]


@pytest.mark.parametrize(("bad", "problem"), [row[1:] for row in BAD_URLS], ids=[row[0] for row in BAD_URLS])
def test_a_bad_url_is_explained_without_its_password(bad: str, problem: str) -> None:
    with pytest.raises(KefulintError, match=problem) as caught:
        opened(bad)
    assert "secret" not in str(caught.value)


def test_reading_makes_no_database(tmp_path: Path) -> None:
    with pytest.raises(KefulintError, match="expected one that `kefulint serve` upgraded"):
        opened(f"sqlite:///{tmp_path / 'none.sqlite'}", upgrade=False)
    assert list(tmp_path.iterdir()) == []


# --- writing ---------------------------------------------------------------------------------------------------------


def test_what_is_acknowledged_can_be_read_by_others(url: str, store: Store) -> None:
    recorded = store.record(decision(agent="小王", reason="老客户")).result(10)
    other = Store(url)
    page = other.read(queries.queue, Wanted(), 10, None)
    other.close()
    (row,) = page["decisions"]
    assert (row["id"], row["agent"], row["reason"], row["verdict"], row["platforms"]) == (
        recorded.id, "小王", "老客户", "error", ["tmall", "pinduoduo"])  # fmt: skip
    assert [f["id"] for f in row["findings"]] == list(recorded.findings)
    assert {f["rule"] for f in row["findings"]} == {"off-platform-contact", "invoice-refused"}
    assert all(f["verdicts"] == {"tmall": "error", "pinduoduo": "error"} and f["clauses"] for f in row["findings"])


def test_contacts_are_masked_and_spans_still_hold(store: Store) -> None:
    spoken = decision(context=[Turn("buyer", "打13800138000")], reason="她要abc12345", sent_text="13800138000")
    recorded = store.record(spoken).result(10)
    store.review(recorded.findings[0], Review("rejected", "问13800138000")).result(10)
    row = store.read(queries.queue, Wanted(), 10, None)["decisions"][0]
    assert "abc12345" not in str(row) and "13800138000" not in str(row) and row["redacted"]
    assert len(row["text"]) == len(TEXT)
    assert all(row["text"][f["start"] : f["end"]] == f["words"] for f in row["findings"])


def test_texts_are_kept_where_the_operator_says_so(url: str) -> None:
    store = Store(url, keep_text=True)
    store.record(decision()).result(10)
    row = store.read(queries.queue, Wanted(), 10, None)["decisions"][0]
    store.close()
    assert row["text"] == TEXT and not row["redacted"]


def test_a_retry_writes_nothing_twice(store: Store) -> None:
    first = store.record(decision(client_id="c1")).result(10)
    again = store.record(decision(client_id="c1")).result(10)
    assert (again.id, again.findings, again.created, again.same) == (first.id, first.findings, False, True)
    assert not store.record(decision("加我QQ", client_id="c1")).result(10).same
    assert store.record(decision(client_id="c1", recorded_by="other")).result(10).id != first.id
    assert len(store.read(queries.queue, Wanted(), 10, None)["decisions"]) == 2


def test_many_together_and_each_once(store: Store) -> None:
    futures = [store.record(decision(client_id=f"c{n % 150}")) for n in range(300)]
    ids = [future.result(30).id for future in futures]
    assert len(set(ids)) == 150 and ids[:150] == ids[150:]


@pytest.mark.parametrize(
    "text", ["加我微信\0", "加我微信\ud800", "\ufeff加我微信", "加我微信\U0001f600" * 400, "a'; DROP TABLE x --"]
)
def test_any_text_can_be_stored(store: Store, text: str) -> None:
    store.record(decision(text, agent=text[:9], reason=text)).result(10)
    assert len(store.read(queries.queue, Wanted(), 10, None)["decisions"][0]["text"]) == len(text)


def test_one_bad_write_takes_no_others_with_it(store: Store) -> None:
    bad = Finding("r" * 101, "error", 0, 1, "x", "x", verdicts=(("tmall", "error"),), suggestion=object())  # type: ignore[arg-type]
    block = threading.Event()
    held = store._writer.submit(lambda _: block.wait(10))  # so that the next three are committed together
    futures = [store.record(d) for d in (decision(), replace(decision(), findings=[bad]), decision())]
    block.set()
    assert held.result(10)
    assert futures[0].result(10).created and futures[2].result(10).created
    with pytest.raises(sa.exc.StatementError):
        futures[1].result(10)
    assert len(store.read(queries.queue, Wanted(), 10, None)["decisions"]) == 2


def test_the_queue_is_bounded_and_close_finishes_it(tmp_path: Path) -> None:
    engine = opened(f"sqlite:///{tmp_path / 'x.sqlite'}")
    writer = Writer(engine, most=3)
    block, started = threading.Event(), threading.Event()
    first = writer.submit(lambda _: started.set() or block.wait(10))
    assert started.wait(10)
    waiting = [writer.submit(lambda _: True) for _ in range(3)]
    with pytest.raises(Full):
        writer.submit(lambda _: True)
    block.set()
    writer.close()
    assert all(future.result(0) for future in (first, *waiting))
    with pytest.raises(Full):
        writer.submit(lambda _: True)
    engine.dispose()


# --- reviews ---------------------------------------------------------------------------------------------------------


def reviewed(store: Store, text: str, said: str, rule: str = "off-platform-contact", **more: object) -> int:
    recorded = store.record(decision(text, **more)).result(10)
    row = next(d for d in store.read(queries.queue, Wanted(), 99, None)["decisions"] if d["id"] == recorded.id)
    number = next(f["id"] for f in row["findings"] if f["rule"] == rule)
    assert store.review(number, Review(said, "", "主管")).result(10)
    return int(number)


def test_the_latest_review_counts_and_all_are_kept(store: Store) -> None:
    number = reviewed(store, "加我微信", "confirmed")
    store.review(number, Review("appealed", "不是", "小王")).result(10)
    store.review(number, Review("rejected", "看过了", "主管")).result(10)
    (row,) = store.read(queries.queue, Wanted(status="rejected"), 10, None)["decisions"]
    (finding,) = row["findings"]
    assert [(r["review"], r["note"]) for r in finding["reviews"]] == [
        ("confirmed", ""),
        ("appealed", "不是"),
        ("rejected", "看过了"),
    ]
    assert not store.read(queries.queue, Wanted(status="confirmed"), 10, None)["decisions"]
    assert not store.review(10**9, Review("confirmed")).result(10)


def test_the_queue_is_filtered_and_paged(store: Store) -> None:
    for number in range(5):
        store.record(decision("加我微信" if number % 2 else "特价不开票", agent=f"a{number % 2}", shop="s")).result(10)
    first = store.read(queries.queue, Wanted(shop="s"), 3, None)
    second = store.read(queries.queue, Wanted(shop="s"), 3, int(first["next"]))
    ids = [row["id"] for page in (first, second) for row in page["decisions"]]
    assert ids == sorted(ids, reverse=True) and len(ids) == 5 and second["next"] is None
    assert len(store.read(queries.queue, Wanted(agent="a1"), 9, None)["decisions"]) == 2
    assert len(store.read(queries.queue, Wanted(rule="invoice-refused", status="open"), 9, None)["decisions"]) == 3
    day = first["decisions"][0]["day"]
    assert len(store.read(queries.queue, Wanted(since=day, until=day), 9, None)["decisions"]) == 5
    assert not store.read(queries.queue, Wanted(until="2000-01-01"), 9, None)["decisions"]


def test_precision_says_how_sure_it_is(store: Store) -> None:
    for said in ("confirmed", "confirmed", "confirmed", "rejected", "appealed"):
        reviewed(store, "加我微信", said)
    (row,) = store.read(queries.precision)
    assert (row["confirmed"], row["rejected"], row["appealed"], row["precision"]) == (3, 1, 1, 0.75)
    assert (row["low"], row["high"]) == (0.3006, 0.9544)  # Wilson's interval of 3 in 4


def test_cases_are_read_and_scored_by_eval(store: Store, tmp_path: Path) -> None:
    reviewed(store, "加我微信", "confirmed")
    reviewed(
        store, "亲开不了的呢", "confirmed", "invoice-refused", findings=asked(), context=[Turn("buyer", "能开发票吗")]
    )
    reviewed(store, "加我微信，特价不开票", "rejected", "invoice-refused")
    path = tmp_path / "cases.jsonl"
    path.write_text("\n".join(json.dumps(case) for case in store.cases()), encoding="utf-8")
    cases = list(read_cases(path))
    assert [c["platform"] for c in cases] == ["tmall", "pinduoduo"] * 3
    assert cases[4]["expect"] == [] and cases[4]["allow"] == ["off-platform-contact"]
    score = evaluate(cases, LINTER.lexicon).as_dict()["all"]
    assert (score["found"], score["missed"], score["wrong"]) == (4, 0, 2)  # the rejected one is still found


def asked() -> list[Finding]:
    return LINTER.check("亲开不了的呢", context=[Turn("buyer", "能开发票吗")])


def test_rejected_wordings_become_examples(store: Store) -> None:
    for _ in range(2):
        reviewed(store, "加我微信", "rejected", context=[Turn("buyer", "怎么联系")])
    reviewed(store, "特价不开票", "rejected", "invoice-refused")
    reviewed(store, "加我微信", "confirmed")
    first, second = store.read(queries.proposals)
    assert (first["rule"], first["words"], first["rejected"], first["confirmed"]) == (
        "off-platform-contact",
        "加我微信",
        2,
        1,
    )
    assert (second["rule"], second["rejected"], second["confirmed"]) == ("invoice-refused", 1, 0)
    passes = yaml.safe_load(first["passes"])["passes"]
    assert passes == [{"text": "加我微信", "platform": "tmall", "context": ["buyer: 怎么联系"]}]


@pytest.mark.parametrize("by", ["day", "rule", "agent", "shop"])
def test_counts(store: Store, by: str) -> None:
    reviewed(store, "加我微信，特价不开票", "confirmed", what="sent", agent="甲", shop="店")
    store.record(decision("在的亲", "replaced", agent="乙", shop="店")).result(10)
    rows = {row["key"]: row for row in store.read(queries.stats, by, Wanted())}
    if by == "rule":
        assert {k: (r["decisions"], r["findings"], r["confirmed"]) for k, r in rows.items()} == {
            "invoice-refused": (1, 1, 0), "off-platform-contact": (1, 1, 1)}  # fmt: skip
    elif by == "agent":
        assert (rows["甲"]["sent"], rows["甲"]["findings"], rows["乙"]["replaced"], rows["乙"]["findings"]) == (
            1,
            2,
            1,
            0,
        )
    else:
        (row,) = rows.values()
        assert (row["decisions"], row["sent"], row["replaced"], row["open"], row["confirmed"]) == (2, 1, 1, 1, 1)


def test_the_command_reads_the_record(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'd.sqlite'}"
    store = Store(url)
    reviewed(store, "加我微信", "rejected")
    store.close()
    said = {
        name: CliRunner().invoke(main, ["reviews", name, "--database", url])
        for name in ("cases", "precision", "proposals")
    }
    assert {result.exit_code for result in said.values()} == {0}
    assert json.loads(said["cases"].output.splitlines()[0])["expect"] == []
    assert "off-platform-contact" in said["precision"].output and "0.000" in said["precision"].output
    assert yaml.safe_load(said["proposals"].output)["passes"][0]["text"] == "加我微信"
    shown = CliRunner().invoke(main, ["serve", "database", "--database", url])
    assert shown.exit_code == 0 and "0002" in shown.output


@pytest.mark.skipif(os.name != "posix", reason="needs modes")
def test_the_files_of_sqlite_are_their_users_alone(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'decisions.sqlite'}")
    store.record(decision()).result()
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    store.close()
    assert set(modes) == {f"decisions.sqlite{more}" for more in ("", "-wal", "-shm")} and set(modes.values()) == {0o600}
