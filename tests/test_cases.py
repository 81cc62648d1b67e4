"""Labelled cases: what a line may look like, what is wrong with one, what is counted, how two readers agree."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from linter.authoring import agreement, corpus
from linter.cases import Case, Expected, Reader, digest, line_of, of_json, read, to_json
from linter.cli import main
from linter.entries import shipped_folder
from linter.lexicon import load_lexicon
from linter.model import CHANNELS, PLATFORMS, SourceError, Turn

LEXICON = load_lexicon()
SHIPPED = shipped_folder() / "cases"
LINE = "tmall\tchat\tB:能开发票吗 || A:稍等\t亲这款[[开不了的]]{invoice-refused}哦\tcontext,near=invoice-stalled,allow=flat-refusal"


def of_text(folder: Path, *lines: str, name: str = "w") -> Path:
    path = folder / f"{name}.tsv"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_a_line_is_read(tmp_path: Path) -> None:
    (case,) = read([of_text(tmp_path, LINE)], LEXICON)
    assert case == Case(
        "w", 1, "tmall", "chat", (Turn("buyer", "能开发票吗"), Turn("agent", "稍等")), "亲这款开不了的哦",
        (Expected("invoice-refused", "error", 3, 7),), ("flat-refusal",), ("context",), ("invoice-stalled",),
    )  # fmt: skip
    assert case.id == "w:1" and case.breaches


VERDICTS = [  # platform, channel, mark, verdict expected
    ("tmall", "chat", "cod-refused", "error"),
    ("taobao", "chat", "cod-refused", "warning"),
    ("taobao", "chat", "cod-refused!error", "error"),
    ("pinduoduo", "chat", "rival-platform-named", "error"),
    ("douyin", "listing.title", "rival-platform-named", "warning"),
    ("tmall", "chat", "rival-platform-named", None),
    ("tmall", "chat", "absolute-claim", "warning"),
    ("tmall", "listing.title", "absolute-claim", "error"),
    ("pinduoduo", "chat", "pickup-address", "error"),
    ("jd", "chat", "pickup-address", "warning"),
    ("pinduoduo", "chat", "shipping-delay-agreed", "error"),
    ("kuaishou", "chat", "cold-reply", "info"),
]


@pytest.mark.parametrize("row", VERDICTS, ids=["-".join(map(str, row)) for row in VERDICTS])
def test_a_mark_has_the_verdict_of_its_platform(row: tuple[str, str, str, str | None], tmp_path: Path) -> None:
    platform, channel, mark, verdict = row
    (case,) = read([of_text(tmp_path, f"{platform}\t{channel}\t-\t前[[这里]]{{{mark}}}后\t-")], LEXICON)
    assert [e.verdict for e in case.expect] == ([verdict] if verdict else [])


BROKEN = [  # line, what the problem says
    ("tmall\tchat\t-\t在的亲", "4 columns, expected 5"),
    ("ebay\tchat\t-\t在的亲\t-", "unknown platform 'ebay', expected one of tmall"),
    ("tmall\tmail\t-\t在的亲\t-", "unknown channel 'mail', expected one of chat"),
    ("tmall\tchat\t买家:在吗\t在的亲\t-", "the turn '买家:在吗' has no speaker, expected B: or A:"),
    ("tmall\tchat\t-\t[[滚]]{insults}\t-", "unknown rule 'insults', expected one of"),
    ("tmall\tchat\t-\t[[滚]]{insult!fatal}\t-", "unknown verdict 'fatal', expected one of"),
    ("tmall\tchat\t-\t[[滚{insult}\t-", "a mark is broken, expected [[words]]{rule-id}"),
    ("tmall\tchat\t-\t在的亲\thard", "unknown tag 'hard', expected one of plain"),
    ("tmall\tchat\t-\t在的亲\tnear=hard", "unknown rule 'hard', expected one of"),
    ("tmall\tchat\t-\t \t-", "no text, expected what the agent or the listing says"),
]


@pytest.mark.parametrize("row", BROKEN, ids=[row[1][:24] for row in BROKEN])
def test_broken_lines_are_named_all_at_once(row: tuple[str, str], tmp_path: Path) -> None:
    path = of_text(tmp_path, LINE, row[0], row[0])
    with pytest.raises(SourceError) as caught:
        read([path], LEXICON)
    assert [p.split(": ", 1)[0] for p in caught.value.problems] == [f"{path}:2", f"{path}:3"]
    assert row[1] in caught.value.problems[0]


def test_a_folder_without_cases_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no cases in the folder"):
        read([tmp_path], LEXICON)


_WORDS = st.text(st.characters(exclude_characters="[]{}\\\r", exclude_categories=["Cs"]), min_size=1, max_size=12)
_SAID = _WORDS.map(str.strip).filter(lambda text: bool(text) and "||" not in text)


@given(
    st.sampled_from(PLATFORMS), st.sampled_from(CHANNELS), st.lists(st.tuples(st.sampled_from(("buyer", "agent")), _SAID), max_size=3),
    _WORDS.filter(lambda text: bool(text.strip())), _WORDS, st.sampled_from(("insult", "cod-refused", "cold-reply")),
    st.sampled_from(("error", "warning", "info")),
)  # fmt: skip
def test_a_case_is_written_as_it_is_read(
    platform: str, channel: str, turns: list[tuple[str, str]], one: str, two: str, rule: str, verdict: str
) -> None:
    context = tuple(Turn(*turn) for turn in turns)
    case = Case("w", 1, platform, channel, context, one + two, (Expected(rule, verdict, 0, len(one)),), (), ("plain",))
    reader = Reader(LEXICON)
    assert reader._case(Path("w.tsv"), 1, line_of(case, LEXICON)) == case, reader.problems
    assert of_json(to_json(case), "w", 1) == case


def test_a_digest_knows_what_is_judged_alone(tmp_path: Path) -> None:
    (case,) = read([of_text(tmp_path, LINE)], LEXICON)
    assert digest(case) == digest(case._replace(expect=(), tags=(), line=9, writer="x"))
    assert len({digest(case), digest(case._replace(text="好")), digest(case._replace(context=()))}) == 3


# --- counts ----------------------------------------------------------------------------------------------------------

SAID = "这款羽绒服的充绒量是一百二十克，零下十度也够穿"
ALIKE = [  # one, other, are they near-duplicates?
    (SAID, SAID.replace("一百二十", "一百五十"), True),
    (SAID, "这款羽绒服零下十度穿够不够要看您里面穿什么", False),
    ("好的亲", "好的亲", False),
]


@pytest.mark.parametrize("row", ALIKE, ids=["digits", "other words", "short"])
def test_lines_that_say_nearly_the_same(row: tuple[str, str, bool]) -> None:
    cases = [Case("w", n, "tmall", "chat", (), text, (), (), ()) for n, text in enumerate(row[:2], 1)]
    assert bool(list(corpus.alike(cases))) is row[2]


def test_near_duplicates_are_those_of_comparing_all(tmp_path: Path) -> None:
    rng = random.Random(7)
    texts = ["".join(rng.choices("的一是了我不人在他有这个上们来到时大地为", k=rng.randint(8, 14))) for _ in range(60)]
    texts += [t[:-1] + rng.choice("好坏") for t in texts] + [t + "哦" for t in texts[:20]]
    cases = [Case("w", n, "tmall", "chat", (), text, (), (), ()) for n, text in enumerate(texts)]
    runs = [corpus._runs(text) for text in texts]
    wanted = {
        (i, j)
        for j in range(len(texts))
        for i in range(j)
        if runs[i] and runs[j] and corpus._share(runs[i], runs[j]) >= corpus.ALIKE
    }
    assert {(a.one.line, a.other.line) for a in corpus.alike(cases)} == wanted


def test_the_same_answer_to_another_question_is_a_pair_and_no_duplicate(tmp_path: Path) -> None:
    answer = "这个没有的呢亲，您看看别的吧"
    path = of_text(
        tmp_path,
        f"tmall\tchat\tB:发票有吗\t[[{answer}]]{{invoice-refused}}\tcontext",
        f"tmall\tchat\tB:有赠品吗\t{answer}\tnear=invoice-refused",
    )
    cases = read([path], LEXICON)
    assert not list(corpus.alike(cases)) and not list(corpus.repeated(cases))
    found = corpus.stats(cases)
    assert (found.pairs, found.breaching, found.with_context) == (1, 1, 2)
    assert found.near_misses["invoice-refused"] == 1 and found.breaches["invoice-refused"] == 1


# --- two readers -----------------------------------------------------------------------------------------------------

ERROR, WARNING = "invoice-refused!error", "overpromise!warning"
READ = [  # first, second, settled, label of now, agreed at first, settled now
    ({ERROR}, {ERROR}, None, {ERROR}, True, True),
    (set(), set(), None, set(), True, True),
    ({ERROR}, set(), None, {ERROR}, False, False),
    ({ERROR}, set(), None, set(), False, True),
    ({ERROR}, set(), {ERROR}, {ERROR}, False, True),
    ({ERROR}, {ERROR, WARNING}, set(), {ERROR}, False, False),
]


@pytest.mark.parametrize("row", READ, ids=range(len(READ)))
def test_agreement(row: tuple[set[str], set[str], set[str] | None, set[str], bool, bool]) -> None:
    first, second, settled, now, at_first, held = row
    expect = tuple(Expected(*label.split("!"), 0, 1) for label in now)
    case = Case("w", 1, "tmall", "chat", (), "不开的", expect, (), ())
    reading = agreement.Reading(
        digest(case), frozenset(first), frozenset(second), None if settled is None else frozenset(settled)
    )
    found = agreement.agreement([case], [reading])
    assert (found.read, found.at_first, found.settled, bool(found.open)) == (1, at_first, held, not held)


def test_a_rule_that_is_allowed_parts_no_readers() -> None:
    case = Case("w", 1, "tmall", "chat", (), "不开的", (), ("invoice-refused",), ())
    reading = agreement.Reading(digest(case), frozenset(), frozenset({ERROR}), None)
    assert agreement.agreement([case], [reading]).settled == 1


# --- commands --------------------------------------------------------------------------------------------------------


def run(*words: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["cases", *map(str, words)])
    return result.exit_code, result.output


def test_check_names_what_stands_twice(tmp_path: Path) -> None:
    path = of_text(tmp_path, LINE, f"tmall\tchat\t-\t{SAID}\t-", LINE, f"tmall\tchat\t-\t{SAID}哦\t-")
    code, said = run("check", path)
    assert code == 2 and "4 cases of 1 writers, 2 problems" in said
    assert f"{path}:3: stands there twice as {path}:1" in said
    assert f"{path}:4: says nearly the same (0.95) as {path}:2" in said


def test_a_second_reader_is_asked_blind_and_taken_in(tmp_path: Path) -> None:
    lines = [
        LINE,
        "tmall\tchat\t-\t在的亲\tplain",
        "tmall\tchat\t-\t[[滚]]{insult}\tplain",
        "jd\tchat\t-\t[[加我]]{off-platform-contact!warning}\t-",
    ]
    path, sheet = of_text(tmp_path, *lines), tmp_path / "sheet.tsv"
    assert run("blind", path, sheet, "--share", "1", "--seed", "3")[0] == 0
    asked = sheet.read_text(encoding="utf-8")
    assert asked.count("\n") == 4 and not any(mark in asked for mark in ("[[", "{", "plain", "near=", "allow="))
    said = {"开不了的": "invoice-refused", "在的亲": "-", "滚": "belittling", "加我": "off-platform-contact!warning"}
    answers = [next(label for words, label in said.items() if words in line) for line in asked.splitlines()]
    sheet.write_text(
        "".join(f"{line}{label}\n" for line, label in zip(asked.splitlines(), answers, strict=True)), "utf-8"
    )
    assert run("second", path, sheet)[0] == 0
    second = (tmp_path / "second" / "w.tsv").read_text(encoding="utf-8")
    assert "亲" not in second and second.count("\n") == 4
    code, table = run("agreement", path, "-v")
    assert code == 0 and "open: w:3" in table and table.splitlines()[1].split() == ["w", "4", "0.750", "0.750", "1"]


def test_a_sheet_that_is_not_filled_in_is_named(tmp_path: Path) -> None:
    path, sheet = of_text(tmp_path, LINE), tmp_path / "sheet.tsv"
    run("blind", path, sheet, "--share", "1")
    result = CliRunner().invoke(main, ["cases", "second", str(path), str(sheet)])
    assert result.exit_code == 2 and f"{sheet}:1: no label, expected a rule's id or -" in result.output


def test_first_sight_is_put_on_record_once(tmp_path: Path) -> None:
    path = of_text(tmp_path, LINE, "tmall\tchat\t-\t在的亲\tplain")
    first = run("first-sight", path)[1]
    assert first.startswith("w\t") and run("first-sight", path)[1] == ""
    table = (tmp_path / "second" / "first-sight.tsv").read_text(encoding="utf-8").splitlines()
    assert table[0].startswith("writer\tdate\tengine\tcases") and table[1] == first.strip()


def test_eval_by_writer(tmp_path: Path) -> None:
    of_text(tmp_path, LINE, name="w1"), of_text(tmp_path, "tmall\tchat\t-\t在的亲\tplain", name="w2")
    result = CliRunner().invoke(main, ["eval", str(tmp_path), "--by-writer"])
    rows = [line.split() for line in result.output.splitlines()]
    assert [row[:2] for row in rows[1:]] == [["w1", "1"], ["w2", "1"], ["all", "2"]] and rows[2][2] == "-"


def test_the_shipped_cases_are_sound() -> None:
    if not SHIPPED.is_dir():
        pytest.skip("the cases are not part of an installed program")
    code, said = run("check")
    assert code == 0, said
    assert all(writer in run("agreement")[1] for writer in (p.stem for p in (SHIPPED / "second").glob("w*.tsv")))
