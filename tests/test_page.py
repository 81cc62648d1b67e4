"""The HTML report in a real browser: it sorts, searches, prints, works alone, and nothing in a log can harm its reader."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linter import compare, logs, page, service
from linter.engine import Linter
from linter.lexicon import load_lexicon
from linter.model import Message, Origin, Turn
from linter.page import views
from linter.sources import Trouble, read
from linter.summary import Summary

ROOT = Path(__file__).parent.parent
LEXICON = load_lexicon()
LINTERS = {name: Linter(name, lexicon=LEXICON) for name in ("tmall", "jd", "pinduoduo", "douyin")}
CHROMIUM = shutil.which("chromium")
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
        "--disable-sync", "--no-first-run"]  # fmt: skip


def _example() -> tuple[Summary, list[service.Result]]:
    made, clocks = Summary(), service.Clocks(LEXICON.rulebooks.measures.values())
    for item in read(ROOT / "examples" / "chat.jsonl"):
        assert isinstance(item, Message)
        platform = item.origin.platform or "taobao"
        if item.role == "buyer":
            made.buyers += 1
        else:
            made.count(item, platform, LINTERS[platform].check_message(item))
    for table in logs.tables(ROOT / "examples" / "chat.jsonl"):
        clocks.see_table(table, "taobao")
    return made, list(service.measure(clocks.finish(), LEXICON.rulebooks.measures.values()))


def _summary(texts: list[str], *, shown: bool = False, agent: str = "小芸", **origin: Any) -> Summary:
    made = Summary(shown=shown)
    for n, text in enumerate(texts):
        place = Origin(
            **{"agent": agent, "shop": "山野茶铺", "session": f"s{n}", "time": "2026-03-02 09:00:00"} | origin
        )
        message = Message(text, context=(Turn("buyer", "在吗"),), origin=place)
        made.count(message, "tmall", LINTERS["tmall"].check_message(message))
    return made


# --- without a browser -------------------------------------------------------------------------------------------------

TEXTS = ["您好，在的", "特价不开票的哦", "加我微信abc12345便宜10块", "五星好评返2元", "你有病吧", "百分百不掉色"]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from(TEXTS), max_size=20), st.integers(0, 20))
def test_parts_give_the_page_of_the_whole(texts: list[str], cut: int) -> None:
    whole = _summary(texts, session="s")
    total = _summary(texts[:cut], session="s")
    total.add(_summary(texts[cut:], session="s"))
    assert page.render(total, LEXICON) == page.render(whole, LEXICON)


@pytest.mark.parametrize("counted", [False, True], ids=["masked on the way in", "counted with contacts"])
@pytest.mark.parametrize("shown", [False, True])
def test_contacts_are_masked_unless_both_ask_for_them(counted: bool, shown: bool) -> None:
    text = page.render(_summary(["加我微信13800001234便宜10块"], shown=counted), LEXICON, shown=shown)
    assert ("13800001234" in text) is (counted and shown)


SPANS = [
    ("none", [], [("甲乙丙丁", "", "")]),
    ("one", [[1, 3, "r", "error"]], [("甲", "", ""), ("乙丙", "error", "r"), ("丁", "", "")]),
    ("the graver counts", [[0, 3, "w", "warning"], [1, 2, "e", "error"]],
     [("甲", "warning", "w"), ("乙", "error", "e"), ("丙", "warning", "w"), ("丁", "", "")]),
    ("beyond the end", [[2, 9, "r", "info"]], [("甲乙", "", ""), ("丙丁", "info", "r")]),
]  # fmt: skip


@pytest.mark.parametrize(("spans", "expected"), [row[1:] for row in SPANS], ids=[row[0] for row in SPANS])
def test_texts_are_cut_at_their_spans(spans: list[Any], expected: list[Any]) -> None:
    assert views.pieces("甲乙丙丁", spans) == expected


HIDDEN = [
    ("right to left", "a\u202eb", "a⟨U+202E⟩b"), ("zero width", "微\u200b信", "微⟨U+200B⟩信"),
    ("control", "a\x00b", "a⟨U+0000⟩b"), ("lone surrogate", "a\ud800", "a⟨U+D800⟩"), ("line break", "a\nb", "a\nb"),
    ("emoji with a variant", "❤\ufe0f", "❤\ufe0f"), ("isolate", "\u2066x\u2069", "⟨U+2066⟩x⟨U+2069⟩"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), [row[1:] for row in HIDDEN], ids=[row[0] for row in HIDDEN])
def test_hidden_characters_are_spelled_out(text: str, expected: str) -> None:
    assert views.visible(text) == expected


def _days(*names: str) -> list[dict[str, Any]]:
    return [{"name": name, "messages": 10, "errors": 1, "warnings": 0} for name in names]


def test_days_without_messages_have_a_place_and_long_logs_are_shown_by_month() -> None:
    assert [c["name"] for c in views.days(_days("2026-02-27", "2026-03-01"))["columns"]] == [
        "2026-02-27", "2026-02-28", "2026-03-01",
    ]  # fmt: skip
    long = views.days(_days("2025-01-05", "2025-01-06", "2026-01-01"))
    assert [(c["name"], c["messages"]) for c in long["columns"]] == [("2025-01", 20), ("2026-01", 10)]


def test_talks_of_one_session_are_told_as_one() -> None:
    made = Summary(shown=True)
    said = ["您好", "特价不开票的哦", "稍等", "加我微信abc12345便宜10块"]
    for n, text in enumerate(said):
        message = Message(text, context=[Turn("agent", t) for t in said[:n]], origin=Origin(session="s1", agent="小芸"))
        made.count(message, "tmall", LINTERS["tmall"].check_message(message))
    [talk] = views.talks(made, str)
    assert [line["text"] for line in talk["lines"]] == said
    assert [bool(line["spans"]) for line in talk["lines"]] == [False, True, False, True]


# --- in a browser ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        made = play.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield made
        made.close()


class _Opened:
    """A page and everything it complained about or asked the network for."""

    def __init__(self, browser: Any, path: Path, html: str, **options: Any) -> None:
        path.write_text(html, encoding="utf-8")
        self.troubles: list[str] = []
        self.context = browser.new_context(viewport={"width": 1280, "height": 900}, **options)
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self.troubles.append(message.text))
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.troubles.append(dialog.message), dialog.dismiss()))
        self.page.on("request", self._requested)
        self.page.goto(path.as_uri())

    def _requested(self, request: Any) -> None:
        if not request.url.startswith(("file:", "data:")):
            self.troubles.append(request.url)

    def column(self, table: str, number: int) -> list[str]:
        cells = self.page.locator(f"#{table} tbody tr:not([hidden]) > :nth-child({number})")
        return [text.strip() for text in cells.all_inner_texts()]


@pytest.fixture(scope="module")
def example(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Opened]:
    summary, measured = _example()
    before = Summary()
    for _ in range(60):
        before.add(summary)
    comparison = compare.compare(before.as_dict(LEXICON), summary.as_dict(LEXICON))
    html = page.render(summary, LEXICON, measured, comparison=comparison)
    opened = _Opened(browser, tmp_path_factory.mktemp("page") / "report.html", html)
    yield opened
    assert opened.troubles == []
    opened.context.close()


def test_what_a_reader_sees(example: _Opened) -> None:
    """The text of the page, section by section, so that a change of it is seen in review."""
    parts = [
        example.page.locator(f"#{name}").inner_text()
        for name in ("overview", "stakes", "changes", "rules", "agent", "talks")
    ]
    parts = [part.replace(f"{ROOT}/", "") for part in parts]  # the snapshot knows no machine
    text = re.sub(r"\s*\n\s*", "\n", re.sub(r"\s*\t\s*", " | ", "\n".join(parts))) + "\n"
    assert text == (ROOT / "tests" / "snapshots" / "report.txt").read_text(encoding="utf-8")


def test_tables_sort_by_mouse_and_by_key(example: _Opened) -> None:
    head = example.page.locator("#table-agent thead th")
    head.nth(1).locator("button").click()
    assert example.column("table-agent", 2) == ["6", "4", "3", "3", "3", "3", "3", "2"]
    assert head.nth(1).get_attribute("aria-sort") == "descending"
    head.nth(1).locator("button").focus()
    example.page.keyboard.press("Enter")
    assert example.column("table-agent", 2) == ["2", "3", "3", "3", "3", "3", "4", "6"]
    head.nth(0).locator("button").press("Space")
    assert (head.nth(0).get_attribute("aria-sort"), head.nth(1).get_attribute("aria-sort")) == ("ascending", None)


def test_unknown_figures_sort_last_both_ways(example: _Opened) -> None:
    for order in ("descending", "ascending"):
        example.page.locator("#table-rules thead th").nth(7).locator("button").click()
        figures = example.column("table-rules", 8)
        known = [text for text in figures if text != "未知"]
        assert figures[: len(known)] == known, order
        assert len(known) == 5
    assert known == ["5", "100", "500", "50,000", "50,000"]


def test_tables_are_searched(example: _Opened) -> None:
    field = example.page.locator("input[data-for=table-rules]")
    field.fill("天猫")
    assert set(example.column("table-rules", 3)) == {"天猫"}
    assert example.page.locator("output[data-of=table-rules]").inner_text() == "5 行"
    field.fill("")
    assert example.page.locator("output[data-of=table-rules]").inner_text() == "17 行"


def test_findings_are_searched_filtered_and_sorted(example: _Opened) -> None:
    shown = example.page.locator("#shown")
    assert shown.inner_text() == "17 处，显示 17 处"
    example.page.locator("#verdict").select_option("warning")
    assert example.column("table-findings", 1) == ["警告", "警告"]
    example.page.locator("#verdict").select_option("")
    example.page.locator("#rule").select_option("off-platform-contact")
    assert shown.inner_text() == "2 处，显示 2 处"
    example.page.locator("#rule").select_option("")
    example.page.locator("#seek").fill("山野茶铺")
    assert shown.inner_text() == "5 处，显示 5 处"
    example.page.locator("#table-findings thead button").nth(6).click()
    times = example.column("table-findings", 7)
    assert (times, len(times)) == (sorted(times), 5)
    example.page.locator("#seek").fill("")


def test_a_rule_named_in_a_table_leads_to_its_lesson(example: _Opened) -> None:
    lesson = example.page.locator("#rule-shipping-delay-agreed")
    assert lesson.get_attribute("open") is None
    example.page.locator('#table-rules a[href="#rule-shipping-delay-agreed"]').click()
    example.page.wait_for_function("document.getElementById('rule-shipping-delay-agreed').open")
    assert "可以这样说" in lesson.inner_text()


def test_the_page_can_be_read_aloud(example: _Opened) -> None:
    found = example.page.evaluate("""() => ({
        captions: [...document.querySelectorAll("table")].filter((t) => !t.caption || !t.caption.textContent).length,
        scopes: [...document.querySelectorAll("th")].filter((th) => !["row", "col"].includes(th.scope)).length,
        levels: [...document.querySelectorAll("h1, h2, h3, h4")].map((h) => Number(h.tagName[1])),
        fields: [...document.querySelectorAll("input, select")].filter((f) => !f.labels.length).length,
        drawings: [...document.querySelectorAll("svg")].filter((s) => !s.ariaLabel && s.ariaHidden !== "true").length,
        links: [...document.querySelectorAll('a[href^="#"]')].filter((a) => !document.getElementById(a.hash.slice(1))).length,
        lang: document.documentElement.lang,
    })""")
    levels = found.pop("levels")
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert found == {"captions": 0, "scopes": 0, "fields": 0, "drawings": 0, "links": 0, "lang": "zh-CN"}


def test_print_shows_everything_on_white(example: _Opened, tmp_path: Path) -> None:
    example.page.emulate_media(media="print", color_scheme="dark")
    assert example.page.locator("nav").is_hidden()
    assert example.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    example.page.emulate_media(media="screen", color_scheme="light")
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed")
    example.page.pdf(path=tmp_path / "report.pdf", format="A4")
    text = subprocess.run(
        ["pdftotext", "-raw", tmp_path / "report.pdf", "-"], capture_output=True, text=True, check=True
    )
    assert text.stdout.count("可以这样说") == example.page.locator(".lesson").count() == 16


def test_dark_and_phone(browser: Any, tmp_path: Path) -> None:
    summary, measured = _example()
    html = page.render(summary, LEXICON, measured)
    dark = _Opened(browser, tmp_path / "report.html", html, color_scheme="dark")
    colours = dark.page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    assert colours == ["rgb(18, 24, 30)", "rgb(227, 233, 238)"]
    dark.page.set_viewport_size({"width": 360, "height": 740})
    assert dark.page.evaluate("document.documentElement.scrollWidth") == 360
    dark.context.close()
    assert dark.troubles == []


def test_without_scripts_the_tables_are_there(browser: Any, tmp_path: Path) -> None:
    opened = _Opened(browser, tmp_path / "report.html", page.render(_example()[0], LEXICON), java_script_enabled=False)
    assert "明细表要开启脚本才能看" in opened.page.locator("#findings").inner_text()
    assert len(opened.column("table-rules", 1)) == 17
    opened.context.close()


HOSTILE = (
    "加我微信abc12345</script><script>window.harmed=1</script>{{ 7*7 }}\u202e\u0000<!--<script>&lt;b&gt;\u2028"
    "<img src=x onerror=window.harmed=2><svg/onload=window.harmed=3>"
)
NAME = '"><script>window.harmed=4</script>\u202ecod'


def test_hostile_text_is_only_text(browser: Any, tmp_path: Path) -> None:
    summary = _summary([HOSTILE], agent=NAME, shop=NAME, session=NAME, path=NAME, line=1, time=NAME)
    summary.trouble(Trouble(NAME, 1, HOSTILE, "text"))
    now = summary.as_dict(LEXICON)
    comparison = compare.compare(now | {"lexicon": NAME}, now)
    opened = _Opened(
        browser, tmp_path / "r.html", page.render(summary, LEXICON, title=NAME, shown=True, comparison=comparison)
    )
    assert opened.troubles == []
    assert opened.page.evaluate("window.harmed") is None
    assert opened.page.locator("main img, main script, main svg:not(.bar):not(.columns)").count() == 0
    for name in ("#findings", "#talks", "#troubles"):
        shown = opened.page.locator(name).inner_text()
        assert "<script>window.harmed=1</script>" in shown, name
        assert "{{ 7*7 }}⟨U+202E⟩⟨U+0000⟩<!--" in shown, name
    assert opened.page.locator("h1").inner_text() == '"><script>window.harmed=4</script>⟨U+202E⟩cod'
    opened.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=window.harmed=5>')")
    opened.page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {text: 'window.harmed=6'}))"
    )
    opened.page.wait_for_timeout(50)
    assert opened.page.evaluate("window.harmed") is None
    assert opened.troubles and all("Content Security Policy" in line for line in opened.troubles)
    opened.context.close()


def test_nothing_at_all(browser: Any, tmp_path: Path) -> None:
    opened = _Opened(browser, tmp_path / "report.html", page.render(Summary(), LEXICON))
    assert "没有判出任何问题" in opened.page.locator("#rules").inner_text()
    assert opened.page.locator("#findings p").first.inner_text() == "全部 0 处。"
    opened.context.close()
    assert opened.troubles == []


def test_a_million_messages_still_open_quickly(browser: Any, tmp_path: Path) -> None:
    judged = [(text, LINTERS["tmall"].check(text)) for text in TEXTS]
    messages = [
        (Message(text, origin=Origin(agent=f"客服{n % 900}", shop=f"店{n % 40}", session=f"s{n}", path="log.jsonl", line=n,
                                     time=f"2026-03-{1 + n % 31:02d} {n % 24:02d}:00:00")), found)
        for n in range(5_000) for text, found in (judged[n % 6 if n % 50 < 6 else 0],)
    ]  # fmt: skip
    summary = Summary()
    for _ in range(200):
        for message, found in messages:
            summary.count(message, "tmall", found)
    html = page.render(summary, LEXICON)
    assert (summary.messages, len(html) < 2_000_000) == (1_000_000, True)
    opened = _Opened(browser, tmp_path / "report.html", html)
    ready = opened.page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
    assert ready < 15_000
    assert opened.page.locator("#shown").inner_text() == "500 处，显示 100 处"
    assert "共 500 处；全部 100,000 处在 findings.jsonl" in opened.page.locator("#findings").inner_text()
    opened.page.locator("#more").click()
    assert opened.page.locator("#table-findings tbody tr").count() == 200
    assert len(opened.column("table-agent", 1)) == 15
    opened.page.locator("#agent .all").click()
    assert len(opened.column("table-agent", 1)) == 300
    opened.context.close()
    assert opened.troubles == []
