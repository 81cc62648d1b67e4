"""The reader's parts: the text as it is meant, its pieces, numbers of evidence, weights in a file, the words that weigh."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linter import Linter, Turn
from linter.cases import Case, Expected
from linter.model import KefulintError
from linter.reading.canonical import canonical
from linter.reading.compact import Compact, norm
from linter.reading.evidence import Heard, Said, gate_numbers, numbers
from linter.reading.grams import BITS, grams, number, run
from linter.reading.layout import MOST, Layout
from linter.reading.pieces import START, Vocabulary
from linter.reading.reader import heaviest, reader_of
from training import compact, data, thresholds

FOLDING = Linter("taobao")._compiled.folding

MEANT = [  # as written, as meant
    ("加 我 微 信 abc_123", "加我微信 abc_123"),
    ("亲，微-信加一下～～～", "亲,微信加一下~"),
    ("支*付*宝付款。。。好的！！", "支付宝付款.好的!"),
    ("3-5天到，红/蓝", "3-5天到,红/蓝"),
    ("加我薇❤發您", "加我薇心发您"),
    ("“加我微信”不行", '"加我微信"不行'),
    ("ＶＸ：ａｂｃ", "vx:abc"),
    ("\u200b加\u200b我", "加我"),
    ("个人行不行。星级酒店", "个人行不行.星级酒店"),
    ("招「吃东西", '招"吃东西'),
    ("好的 亲 今天发", "好的 亲 今天发"),
    ("", ""),
]


@pytest.mark.parametrize("row", MEANT, ids=[row[0] or "nothing" for row in MEANT])
def test_a_text_is_read_as_it_is_meant(row: tuple[str, str]) -> None:
    assert canonical(row[0], FOLDING).text == row[1]


@given(st.text(max_size=60))
def test_every_character_of_the_meant_text_has_a_place(text: str) -> None:
    read = canonical(text, FOLDING)
    assert len(read.at) == len(read.text) + 1 and list(read.at) == sorted(read.at) and read.at[-1] == len(text)
    assert all(place < len(text) for place in read.at[:-1])


# --- pieces ----------------------------------------------------------------------------------------------------------

WORDS = Vocabulary(
    [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), (START, -3.0), (f"{START}加", -4.0), ("加", -5.0), ("我", -5.0),
     ("微", -8.0), ("信", -7.0), ("微信", -6.0), ("加我", -12.0)],
    {"start": 0, "pad": 1, "end": 2, "unknown": 3},
)  # fmt: skip
CUT = [  # text, pieces
    ("加我微信", [(5, 0, 1), (7, 1, 2), (10, 2, 4)]),
    ("我 加", [(4, 0, 0), (7, 0, 1), (5, 1, 3)]),
    ("龘加", [(4, 0, 0), (3, 0, 1), (6, 1, 2)]),
    ("", [(4, 0, 0)]),
]


@pytest.mark.parametrize("row", CUT, ids=[row[0] or "nothing" for row in CUT])
def test_a_text_is_cut_into_its_likeliest_pieces(row: tuple[str, list[tuple[int, int, int]]]) -> None:
    assert [tuple(piece) for piece in WORDS.cut(row[0])] == row[1]


@given(
    st.text(st.sampled_from("加我微信 龘"), max_size=300),
    st.lists(st.tuples(st.sampled_from(("buyer", "agent")), st.text(max_size=90)), max_size=5),
)
def test_a_message_of_any_length_fits_the_encoder(text: str, turns: list[tuple[str, str]]) -> None:
    layout = Layout(WORDS, FOLDING)
    read, inputs = layout.lay(text, "chat", [Turn(*turn) for turn in turns], "jd")
    assert all(len(laid.numbers) <= MOST and laid.numbers[0] == WORDS.start for laid in inputs)
    assert {piece for laid in inputs for piece in laid.own} == set(WORDS.cut(read.text))


# --- the compact reader ----------------------------------------------------------------------------------------------


@given(st.text(max_size=12), st.integers(1, 4))
def test_runs_are_numbered_alike_in_passing_and_one_by_one(text: str, longest: int) -> None:
    runs = {text[i : i + n] for n in range(1, longest + 1) for i in range(len(text) - n + 1)}
    assert grams(text, longest, "c") == {run(one, "c") for one in runs}
    assert all(0 <= place < 1 << BITS for place in grams(text, longest, "c"))


def said(text: str, *concepts: str) -> Said:
    return Said(text, concepts)


def test_evidence_of_a_question_and_its_answer() -> None:
    heard = Heard(
        said("没有呢", "denial"), (said("能开票吗", "invoice"),), (), "chat", "jd", (("invoice-refused", "error"),)
    )
    found = numbers(heard)
    wanted = (
        "kdenial",
        "pkjddenial",
        "bkinvoice",
        "xinvoice*denial",
        "Einvoice-refused",
        "EVinvoice-refusederror",
        "pljd",
        "chchat",
    )
    assert {number(name) for name in wanted} <= found
    assert gate_numbers("没有呢", ["能开票吗"], "chat") <= found


HEADS = ("insult", "threat", "off-platform-contact")
TAUGHT = [("滚远点", 0), ("你等着", 1), ("加我微信", 2), ("在的亲", None), ("今天发货", None)]


def weights() -> tuple[compact.Weights, list[np.ndarray], bytes]:
    evidence = [np.array(sorted(numbers(Heard(said(text), (), (), "chat", "jd", ()))), np.int64) for text, _ in TAUGHT]
    target = np.array([[place == head for place in range(3)] for _, head in TAUGHT], np.float32)
    made = compact.train(evidence, target, np.ones_like(target), compact.Settings(epochs=60))
    gate = compact.train(evidence, target.max(1, keepdims=True), np.ones((5, 1), np.float32), compact.GATE)
    limits = {f"{rule}/{kind}": (0.0, -1.0, -9.0) for rule in HEADS for kind in ("chat", "listing")}
    card = {"concepts": [], "thresholds": limits, "gate": -9.0, "version": "test"}
    return made, evidence, compact.packed(made, gate, HEADS, card)


def test_weights_in_a_file_score_as_they_were_learned() -> None:
    made, evidence, data_ = weights()
    read = Compact(data_)
    exact = made.scores(evidence)
    for row, seen in zip(exact, evidence, strict=True):
        assert read.scores(seen.tolist()) == pytest.approx(row.tolist(), abs=0.25)
    assert exact.argmax(1)[:3].tolist() == [0, 1, 2] and (exact[:3].max(1) > 0).all() and (exact[3:] < 0).all()
    assert weights()[2] == data_, "the same cases give the same bytes"


def test_more_rows_than_a_lane_holds_are_added_right() -> None:
    data_ = weights()[2]
    read = Compact(data_)
    many = sorted({place for place in range(1 << BITS) if read._places[place]}) * 40
    exact = sum(read.weight(place, 1) for place in many) * norm(len(many)) + read.bias[1]
    assert read.scores(many)[1] == pytest.approx(exact, rel=1e-6)


def test_a_linter_with_a_reader_finds_what_it_was_taught(tmp_path: Path) -> None:
    path = tmp_path / "some.weights"
    path.write_bytes(weights()[2])
    linter = Linter("jd", reader=path)
    (finding,) = linter.check("你等着")
    assert finding.rule == "threat" and finding.verdict == "error" and finding.text in "你等着"
    assert linter.check("今天发货") == [] and [list(f) for f in linter.check_many(["今天发货"] * 3)] == [[], [], []]
    assert [f.rule for f in next(iter(linter.check_many(["你等着"])))] == ["threat"]


def test_what_is_no_weights_is_named(tmp_path: Path) -> None:
    path = tmp_path / "other.bin"
    path.write_bytes(b"something else")
    with pytest.raises(KefulintError, match="not weights of a reader"):
        reader_of(path)


@pytest.mark.parametrize(
    "row", [([0, 0, 5, 4, 0, 0], (2, 4)), ([1, 1, 1], (0, 1)), ([], (0, 0)), ([-1, 3, -1], (1, 2))], ids=str
)
def test_the_run_that_weighs_most(row: tuple[list[float], tuple[int, int]]) -> None:
    assert heaviest(row[0]) == row[1]


# --- what training makes of cases ------------------------------------------------------------------------------------


def case(text: str, *rules: str, writer: str = "w", allow: tuple[str, ...] = (), channel: str = "chat") -> Case:
    return Case(writer, 1, "jd", channel, (), text, tuple(Expected(rule, "error", 0, 2) for rule in rules), allow, ())


def test_sentences_around_a_breach_leave_its_mark_where_it_is() -> None:
    cases = [case("滚远点啊你这人", "insult"), *(case(f"好的亲这就给您安排{n}") for n in range(9))]
    made = data.joined(cases, share=1.0)
    moved = [c for c in made if c.expect]
    assert len(made) == 10 and all(
        "滚远点啊你这人" in c.text and c.text[c.expect[0].start : c.expect[0].end] == "滚远" for c in moved
    )


def test_writers_are_parted_whole() -> None:
    cases = [case("在的", writer=f"w{n % 7}") for n in range(100)]
    parts = data.groups(cases, 3)
    assert sorted(name for part in parts for name in part) == [f"w{n}" for n in range(7)]


def test_thresholds_ask_for_precision_first() -> None:
    rng = np.random.default_rng(0)
    cases = [case("滚", *(("insult",) if n % 4 == 0 else ())) for n in range(400)]
    right = np.array([n % 4 == 0 for n in range(400)])
    scores = (np.where(right, 1.0, -1.0) + rng.normal(0, 1, 400)).astype(np.float32)[:, None]
    answers = thresholds.Answers(cases, ["insult"], [set()] * 400)
    told = answers.fit(scores, np.ones(400, bool))
    error, warning, _ = told["insult/chat"]
    found = scores[:, 0] >= warning
    assert error >= warning and right[found].mean() >= thresholds.WARNING and found.sum() > 20
    assert answers.decided(scores, told)[:, 0].tolist() == found.tolist()
