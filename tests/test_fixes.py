"""Fixes: wordings of the rule files, judged again before they are offered; and files put right without other changes."""

from __future__ import annotations

import os
import stat
import subprocess
import time
from concurrent.futures import CancelledError
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from linter import bench
from linter.answer import considered, mended
from linter.checking import Checker, Given
from linter.cli import main
from linter.config import Finder, Value
from linter.engine import Linter
from linter.fixes import Trials, check_fixes, fix_of, repair, rewrite, with_fixes, with_listing_fixes
from linter.fixing import FixedFile, diff, fixed_files, summary, write
from linter.lexicon import load_lexicon
from linter.model import PLATFORMS, Finding, LexiconError, Message, Place, Turn
from linter.placeholders import mask

LEXICON = load_lexicon()
LINTER = Linter("tmall", lexicon=LEXICON)
EVERYWHERE = Linter(PLATFORMS, lexicon=LEXICON)
FIXED = sorted(rule.id for rule in LEXICON.rules.values() if rule.fix)
# What nobody should say in other words either, or what only a look at the goods can put right.
UNFIXED = {
    "duplicate-listing", "fake-order", "free-shipping-mismatch", "keyword-stuffing", "low-reply-rate", "minor-inducement",
    "overconsumption-inducement", "repeated-message", "scam-claim", "slow-first-reply", "vulgar-content",
}  # fmt: skip


# --- the wordings ----------------------------------------------------------------------------------------------------


def test_every_rule_has_a_fix_or_a_reason_for_none() -> None:
    assert set(FIXED) | UNFIXED == set(LEXICON.rules) and not set(FIXED) & UNFIXED


@pytest.mark.parametrize("rule", FIXED)
def test_no_wording_is_a_breach_itself(rule: str) -> None:
    fix = LEXICON.rules[rule].fix
    assert fix is not None
    for wording in fix.wordings:
        for channel in LEXICON.rules[rule].channels:
            found = EVERYWHERE.check(wording.say, channel) if wording.say else []
            assert not [f.rule for f in found if f.verdict in ("error", "warning")], wording.say


@pytest.mark.parametrize("rule", FIXED)
def test_a_fix_that_is_offered_clears_its_finding(rule: str) -> None:
    """On the rule's own violating examples: every fix that is offered leaves fewer findings and brings in none."""
    for example in LEXICON.rules[rule].violates:
        linter = Linter(example.platform, lexicon=LEXICON)
        message = Message(example.text, example.channel, example.context)
        findings = with_fixes(linter, message, linter.check_message(message))
        for finding in findings:
            if finding.fix is None:
                continue
            text = example.text[: finding.fix.start] + finding.fix.replacement + example.text[finding.fix.end :]
            left = [f.rule for f in linter.check(text, example.channel, example.context)]
            assert left.count(finding.rule) < [f.rule for f in findings].count(finding.rule)
            assert set(left) <= {f.rule for f in findings}


def test_rule_pages_show_the_fix() -> None:
    page = bench.doc(LEXICON.rules["positive-review-request"], LEXICON)
    assert "## 怎样改" in page and "| **" not in page and "| 期待您的好评 | 期待您的如实评价 |" in page


# --- laying them over a message --------------------------------------------------------------------------------------

# name, text, what the buyer said, safe only: the text afterwards, all fixes
REPAIRS = [
    ("found words", "亲，绝对没问题的", "", "亲，一般没问题的", "亲，一般没问题的"),
    ("a sentence, its neighbours stay", "在的亲。特价款不开票哦！明天发货", "", None, "在的亲。可以开发票的，请您把抬头和税号发我！明天发货"),
    ("the address in front stays", "您好，亲，我们店没有发票的", "", None, "您好，亲，可以开发票的，请您把抬头和税号发我"),
    ("a line of several", "您好\n五星好评返2元\n谢谢", "", None, "您好\n使用感受欢迎您如实评价\n谢谢"),
    ("what is said once is not said twice", "特价不开票哦。真的没有发票的。明天发货", "", None, "可以开发票的，请您把抬头和税号发我。明天发货"),
    ("safe and unsafe together", "期待您的好评。特价不开票哦", "", "期待您的如实评价。特价不开票哦", "期待您的如实评价。可以开发票的，请您把抬头和税号发我"),
    ("after what was asked", "开不了的呢", "能开发票吗", None, "可以开发票的，请您把抬头和税号发我"),
    ("a clause is cut out", "别废话，直接拍就可以", "", None, "直接拍就可以"),
    ("clean", "您好，今天发货", "", None, "您好，今天发货"),
    ("no fix", "招人刷单，一天结", "", None, "招人刷单，一天结"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "buyer", "safe", "all_"), [r[1:] for r in REPAIRS], ids=[r[0] for r in REPAIRS])
def test_repairs(text: str, buyer: str, safe: str | None, all_: str) -> None:
    message = Message(text, context=[Turn("buyer", buyer)] if buyer else [])
    assert repair(LINTER, message).text == (safe or text)
    assert repair(LINTER, message, unsafe=True).text == all_


REWRITES = [
    (
        "all put right",
        "亲，五星好评返2元。特价不开票",
        "亲，使用感受欢迎您如实评价。可以开发票的，请您把抬头和税号发我",
    ),
    ("one has no fix", "五星好评返2元。招人刷单，一天结", None),
    ("nothing to put right", "您好，今天发货", None),
    ("advice alone is nothing to rewrite", "不知道", None),
]


@pytest.mark.parametrize(("text", "expected"), [r[1:] for r in REWRITES], ids=[r[0] for r in REWRITES])
def test_rewrite(text: str, expected: str | None) -> None:
    assert rewrite(text, LINTER.check(text), LINTER, unsafe=True) == expected


def test_a_rewrite_without_unsafe_fixes_keeps_to_the_safe_ones() -> None:
    text = "绝对没问题"
    assert rewrite(text, LINTER.check(text), LINTER) == "一般没问题"
    assert rewrite("特价不开票", LINTER.check("特价不开票"), LINTER) is None


def test_a_fix_never_takes_a_placeholder_away() -> None:
    text = "{name}您好，特价的{goods}不开票哦"
    message = Message(mask(text))
    (finding,) = LINTER.check_message(message)
    assert fix_of(LINTER, message, [finding], finding, original=text) is None
    assert fix_of(LINTER, message, [finding], finding) is not None


@settings(max_examples=60)
@given(
    st.lists(
        st.sampled_from(
            ["亲", "，", "。", "\n", "五星好评", "返2元", "不开票", "特价", "加我微信", "绝对", "没问题", "{name}", " "]
        ),
        max_size=9,
    )
)
def test_a_repair_ends_and_never_makes_it_worse(parts: list[str]) -> None:
    message = Message("".join(parts))
    before = [f.rule for f in LINTER.check_message(message)]
    repaired = repair(LINTER, message, unsafe=True)
    after = [f.rule for f in LINTER.check(repaired.text)]
    assert sorted(after) == sorted(f.rule for f in repaired.left) and set(after) <= set(before)
    assert len(after) <= len(before) - bool(repaired.fixes)


# --- what it costs ---------------------------------------------------------------------------------------------------

DENSE = "加我微信便宜10元，五星好评返2元，特价不开票的哦。"


@pytest.mark.parametrize("length", [100, 400, 2_000, 20_000])
def test_no_message_is_judged_again_and_again(length: int) -> None:
    judged: list[str] = []

    def judge(text: str) -> list[Finding]:
        judged.append(text)
        return LINTER.check(text)

    message = Message((DENSE * (length // len(DENSE) + 1))[:length])
    trials = Trials(judge)
    found = with_fixes(LINTER, message, LINTER.check_message(message), trials=trials)
    rewrite(message, found, LINTER, unsafe=True, trials=trials)
    assert len(judged) == len(set(judged)) and sum(map(len, judged)) <= 6_000
    assert any(f.fix for f in found) == (length < 6_000)


def test_a_listing_has_a_budget_too() -> None:
    record = {"title": "全网最低价 " * 5, "detail": "<p>" + DENSE * 90 + "</p>"}
    began = time.process_time()
    with_listing_fixes(LINTER, record, LINTER.check_listing(record))
    assert time.process_time() - began < 5


def test_nothing_more_is_judged_once_nobody_waits() -> None:
    message = Message(DENSE)
    found = LINTER.check_message(message)
    with pytest.raises(CancelledError):
        mended(LINTER, message, found, lambda: True)
    assert mended(LINTER, message, found) == considered(LINTER, message)


# --- rule files ------------------------------------------------------------------------------------------------------

RULE = """title: 测试
verdict: error
status: draft
why: 测试
message: 「{text}」不行
find: [苹果梨]
violates: ["[[苹果梨]]"]
passes: [苹果]
"""
BROKEN = [
    ("no examples", "fix:\n  safe: [{say: 桃子}]\n", "fix has no 'examples'"),
    ("one example", "fix:\n  safe: [{say: 桃子}]\n  examples: [苹果梨 -> 桃子]\n", "expected at least 2"),
    ("no wording", "fix:\n  examples: [a -> b, c -> d]\n", "expected wordings"),
    ("no arrow", "fix:\n  safe: [{say: 桃子}]\n  examples: [a, c -> d]\n", "expected 'before -> after'"),
    ("no after", "fix:\n  safe: [{say: 桃子}]\n  examples: [{text: a}, c -> d]\n", "has no 'after'"),
    ("unknown key", "fix:\n  sure: []\n  examples: [a -> b, c -> d]\n", "unknown key 'sure' in fix"),
    ("unknown reach", "fix:\n  safe: [{say: x, over: page}]\n  examples: [a -> b, c -> d]\n", "over is 'page'"),
    (
        "both",
        "fix:\n  safe: [{say: x, over: words, replace: [y]}]\n  examples: [a -> b, c -> d]\n",
        "expected one of them",
    ),
    ("two lines", 'fix:\n  safe: [{say: "x\\ny"}]\n  examples: [a -> b, c -> d]\n', "say has a line break"),
]


@pytest.mark.parametrize(("body", "problem"), [r[1:] for r in BROKEN], ids=[r[0] for r in BROKEN])
def test_a_broken_fix_is_named_with_its_line(body: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(LexiconError) as caught:
        load_lexicon([_rule(tmp_path, body)])
    assert any(problem in line and "rules/own/own-rule.yaml:" in line for line in caught.value.problems)


FAILING = [
    ("wrong outcome", "fix:\n  safe: [{say: 桃子}]\n  examples: [苹果梨 -> 桃子, 有苹果梨 -> 有李子]\n", "is fixed as '有桃子', expected '有李子'"),
    ("does not clear", "fix:\n  safe: [{say: 大苹果梨}]\n  examples: [苹果梨 -> 大苹果梨, 有苹果梨 -> 有]\n", "the fix leaves own-rule at '苹果梨'"),
    ("a breach itself", "fix:\n  safe: [{say: 特价不开票}]\n  examples: [苹果梨 -> 特价不开票, 有苹果梨 -> 有]\n", "is fixed as '苹果梨', expected '特价不开票'"),
    ("not shown", "fix:\n  safe: [{say: 桃子}]\n  unsafe: [{say: 李子}]\n  examples: [苹果梨 -> 桃子, 有苹果梨 -> 有桃子]\n", "no example comes to say '李子'"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "problem"), [r[1:] for r in FAILING], ids=[r[0] for r in FAILING])
def test_rules_check_runs_the_examples_of_fixes(body: str, problem: str, tmp_path: Path) -> None:
    problems = check_fixes(load_lexicon([_rule(tmp_path, body)]), ["own-rule"])
    assert any(problem in line for line in problems), problems


def _rule(folder: Path, fix: str) -> Path:
    (folder / "rules" / "own").mkdir(parents=True)
    (folder / "rules" / "own" / "own-rule.yaml").write_text(RULE + fix, encoding="utf-8")
    return folder


# --- files -----------------------------------------------------------------------------------------------------------

# file, before, after --fix, after --fix --unsafe-fixes
FILES = [
    ("a.txt", "期待您的好评\r\n特价不开票哦\r\n", "期待您的如实评价\r\n特价不开票哦\r\n", "期待您的如实评价\r\n可以开发票的，请您把抬头和税号发我\r\n"),
    ("a.md", "# 话术\n\n- **期待您的好评**！`期待您的好评`\n", "# 话术\n\n- **期待您的如实评价**！`期待您的好评`\n", None),
    ("a.csv", 'id,text\n1,"期待""您""的好评"\n2,绝对没问题\n', 'id,text\n1,"期待""您""的好评"\n2,一般没问题\n', 'id,text\n1,"使用感受欢迎您如实评价"\n2,一般没问题\n'),
    ("a.json", '{"a" : "\\u671f待您的好评\\n谢谢", "b":1.50}\n', '{"a" : "期待您的如实评价\\n谢谢", "b":1.50}\n', None),
    ("a.jsonl", '{"text": "绝对没问题"}\n{"text": "您好"}\n', '{"text": "一般没问题"}\n{"text": "您好"}\n', None),
    ("a.yaml", "a: &x 期待您的好评 # 注\nb: *x\nc: |-\n  您好\n  绝对没问题\n", "a: &x 期待您的如实评价 # 注\nb: *x\nc: |-\n  您好\n  一般没问题\n", None),
    ("a.po", 'msgid "x"\nmsgstr "期待"\n"您的好评"\n', 'msgid "x"\nmsgstr "期待您的如实评价"\n', None),
    ("listings.csv", "标题,价格,详情\n全网最低价 竹篮,3,<b>行业第一</b>，手工\n",
     "标题,价格,详情\n优惠价 竹篮,3,<b>行业第一</b>，手工\n", "标题,价格,详情\n优惠价 竹篮,3,<b></b>，手工\n"),
    ("a.j2", "{{ name }}，绝对没问题{# 注 #}\n", "{{ name }}，一般没问题{# 注 #}\n", None),
]  # fmt: skip


CHECKER = Checker(Finder(off=True))


def _fix(path: Path, *, unsafe: bool = False) -> FixedFile:
    """Fix a file as the command does, with linters that are made once."""
    checker = CHECKER.again()
    checker.check_paths([str(path)])
    (fixed,) = fixed_files(checker, unsafe=unsafe)
    write(fixed)
    return fixed


@pytest.mark.parametrize(("name", "before", "safe", "all_"), FILES, ids=[row[0] for row in FILES])
def test_files_are_fixed_in_place(name: str, before: str, safe: str, all_: str | None, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(before.encode())
    _fix(path)
    assert path.read_bytes().decode() == safe
    fixed = _fix(path, unsafe=True)
    assert path.read_bytes().decode() == (all_ or safe) and not fixed.left


def test_a_fixed_file_keeps_its_mode_and_its_link_and_leaves_nothing_behind(tmp_path: Path) -> None:
    real, link = tmp_path / "真 文件.txt", tmp_path / "link.txt"
    real.write_text("绝对没问题\n", encoding="gb18030")
    real.chmod(0o640)
    link.symlink_to(real)
    assert summary([_fix(link)]) == "改好 1 处，还有 0 处要人看"
    assert real.read_text(encoding="gb18030") == "一般没问题\n" and link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link.txt", "真 文件.txt"]


def test_a_clean_file_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("您好\n", encoding="utf-8")
    os.utime(path, (1, 1))
    assert not _fix(path).changed and path.stat().st_mtime == 1


def test_a_diff_can_be_applied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("话 术.txt")
    path.write_text("您好\r\n绝对没问题\r\n特价不开票", encoding="utf-8", newline="")
    checker = CHECKER.again()
    checker.check_paths([str(path)])
    (fixed,) = fixed_files(checker, unsafe=True)
    assert path.read_text(encoding="utf-8").startswith("您好\n绝对")
    subprocess.run(["git", "apply", "-"], input=diff(fixed).encode(), check=True)
    assert path.read_bytes() == fixed.after == "您好\r\n一般没问题\r\n可以开发票的，请您把抬头和税号发我".encode()


def test_what_is_allowed_or_known_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    allowed = "a: 绝对没问题 # kefulint: allow overpromise -- 样例\nb: 绝对没问题哦\n"
    path.write_text(allowed, encoding="utf-8")
    _fix(path)
    assert path.read_text(encoding="utf-8") == allowed.replace("b: 绝对", "b: 一般")


def test_a_workbook_says_that_it_is_not_fixed(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["话术"], ["绝对没问题"], ["特价不开票"]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    before = (tmp_path / "a.xlsx").read_bytes()
    fixed = _fix(tmp_path / "a.xlsx")
    assert len(fixed.left) == 2 and "a workbook is not fixed in place, expected" in fixed.declined[0]
    assert (tmp_path / "a.xlsx").read_bytes() == before


def test_an_edit_that_cannot_be_written_does_not_hold_up_the_others(tmp_path: Path) -> None:
    """The shop's own wording holds a bar, which ends a cell of a Markdown table."""
    own = _rule(tmp_path / "shop", "fix:\n  safe: [{say: 桃|李}]\n  examples: [苹果梨 -> 桃|李, 有苹果梨 -> 有桃|李]\n")
    path = tmp_path / "a.md"
    path.write_text("| 苹果梨 |\n|---|\n\n有苹果梨\n", encoding="utf-8")
    checker = Checker(Finder(off=True), Given({"lexicons": Value((str(own),), "--lexicon")}, drafts=True))
    checker.check_paths([str(path)])
    (fixed,) = fixed_files(checker)
    assert fixed.after.decode() == "| 苹果梨 |\n|---|\n\n有桃|李\n" and len(fixed.left) == 1
    assert fixed.declined == (f"{path}:1: the new wording cannot be written there, expected an edit by hand",)


def test_sarif_knows_the_fix_as_the_file_spells_it(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('text\n"亲，""这个""绝对没问题"\n', encoding="utf-8")
    (result,) = CHECKER.again(Given(changes=True)).check(str(path))
    assert result.change == (Place(2, 10, 2, 15), "一般没问题")


# --- the command -----------------------------------------------------------------------------------------------------


def test_the_command_shows_fixes_and_then_makes_them(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("您好\n绝对没问题", encoding="utf-8")
    result = _run("--diff", path)
    assert result.exit_code == 1 and "可改 1 处，还有 0 处要人看" in result.output
    shown = result.output.splitlines()
    assert [shown[0][:6], shown[1][:6]] == ["--- a/", "+++ b/"] and "-绝对没问题" in shown and "+一般没问题" in shown
    assert "\\ No newline at end of file" in shown and path.read_text(encoding="utf-8") == "您好\n绝对没问题"
    path.write_text("绝对没问题\n招人刷单\n", encoding="utf-8")
    result = _run("--fix", path)
    assert result.exit_code == 1 and "改好 1 处，还有 1 处要人看" in result.output and "fake-order" in result.output
    assert path.read_text(encoding="utf-8") == "一般没问题\n招人刷单\n"


def test_standard_input_is_fixed_to_standard_output() -> None:
    result = CliRunner().invoke(main, ["check", "--no-config", "-q", "--fix", "-"], input="绝对没问题\n")
    assert (result.exit_code, result.stdout) == (0, "一般没问题\n")


def test_texts_are_not_fixed() -> None:
    assert "--fix and --diff go with files" in _run("--fix", "-t", "绝对没问题").output


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["check", "--no-config", *map(str, arguments)])
