"""The guard script in a real browser, against a real server, in a tool on another origin."""

from __future__ import annotations

import base64
import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import Served, SlowRoad, chromium, folder_served, look

ROOT = Path(__file__).parent.parent
BAD, WORDS, GOOD = "亲，这款特价不开票的哦", "特价不开票", "亲，今天下午四点前发出"
TOOL = """<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>工具</title>
<style>textarea, #rich { width: 300px; height: 90px; overflow: auto; font: 16px/1.7 sans-serif; margin-top: 60px;
  padding: 7px 11px; border: 2px solid #888; white-space: pre-wrap }</style>
<form id="form"><textarea id="box"></textarea><button id="send">发送</button></form><div id="rich" contenteditable="true"></div><input id="line">
<script src="tool.js"></script>"""
SCRIPT = """
window.sent = []; window.seen = [];
const box = document.getElementById("box"), rich = document.getElementById("rich"), form = document.getElementById("form");
form.addEventListener("submit", (event) => { event.preventDefault(); window.sent.push(box.value); box.value = ""; });
const enter = (read, clear) => (event) => {
  if (event.key !== "Enter" || event.shiftKey) return;
  window.seen.push(event.isTrusted);
  event.preventDefault();
  window.sent.push(read()); clear();
};
box.addEventListener("keydown", enter(() => box.value, () => { box.value = ""; }));
rich.addEventListener("keydown", enter(() => rich.innerText, () => { rich.textContent = ""; }));
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("tool")
    (folder / "index.html").write_text(TOOL, encoding="utf-8")
    (folder / "strict.html").write_text(
        TOOL.replace("<style>", "<template>").replace("</style>", "</template>"), encoding="utf-8"
    )
    (folder / "tool.js").write_text(SCRIPT, encoding="utf-8")
    with folder_served(folder) as origin:
        yield origin


@pytest.fixture(scope="module")
def example() -> Iterator[str]:
    with folder_served(ROOT / "examples" / "workbench") as origin:
        yield origin


@pytest.fixture(scope="module")
def server(tool: str, example: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("server"), "--cors", tool, "--cors", example, "-p", "tmall")
    yield served
    served.stop()


@pytest.fixture
def page(browser: Any, tool: str, server: Served) -> Iterator[Any]:
    context = browser.new_context()
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(tool)
    page.add_script_tag(url=f"{server.url}guard.js")
    yield page
    context.close()
    assert wrong == []


def attach(page: Any, box: str = "#box", **options: Any) -> None:
    """Attach the guard as a tool would."""
    given = {"debounce": 30, "sendButton": "#send", "agent": "小禾"} | options
    page.evaluate("([box, given]) => { window.detach = kefulintGuard.attach(box, given); }", [box, given])


def spans(page: Any) -> list[str]:
    return list(page.locator("kefulint-guard .mirror:not([hidden]) span").all_text_contents())


def wait_spans(page: Any, words: list[str]) -> None:
    page.wait_for_function(look("underlined"), arg=words)


def sent(page: Any) -> list[str]:
    return list(page.evaluate("window.sent"))


def decisions(server: Served, **wanted: str) -> list[dict[str, Any]]:
    """Return what the server has on record, the newest first."""
    query = "&".join(f"{name}={value}" for name, value in wanted.items())
    with urllib.request.urlopen(f"{server.url}v1/decisions?{query}") as response:
        found: list[dict[str, Any]] = json.load(response)["decisions"]
    return found


def eventually(ask: Callable[[], bool]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + 5
    while not ask():
        assert time.monotonic() < end
        time.sleep(0.02)


DIALOG = "kefulint-guard dialog"


# --- typing ----------------------------------------------------------------------------------------------------------

TYPED = [
    ("plain", BAD, [WORDS]),
    ("nothing", GOOD, []),
    ("after astral characters", "😀👨‍👩‍👧𠮷亲，这款特价不开票的哦", [WORDS]),
    ("over lines", "亲，您好\n\n这款特价不开票的哦\n", [WORDS]),
    ("twice", "特价不开票的哦。加我微信聊", [WORDS, "加我微信"]),
]


@pytest.mark.parametrize(("text", "words"), [row[1:] for row in TYPED], ids=[row[0] for row in TYPED])
def test_words_are_underlined_as_they_are_typed(page: Any, text: str, words: list[str]) -> None:
    attach(page)
    page.locator("#box").focus()
    with page.expect_response("**/v1/check"):
        for char in text:
            page.keyboard.press("Shift+Enter") if char == "\n" else page.keyboard.insert_text(char)
    wait_spans(page, words)
    assert page.locator("#box").input_value() == text


def test_marks_move_with_the_text_until_the_next_answer(page: Any) -> None:
    attach(page, debounce=60000)
    page.locator("#box").fill(BAD)
    page.evaluate("window.detach.recheck()")
    wait_spans(page, [WORDS])
    page.locator("#box").press("Home")
    page.keyboard.insert_text("😀好的，")
    wait_spans(page, [WORDS])
    page.locator("#box").fill("亲，这款特价开票的哦")
    wait_spans(page, [])


ALIGNED = [
    ("wrapped", BAD * 3, 0),
    ("astral and Latin", "😀𠮷 word 亲，“您好”——这款特价不开票的哦 wrapping words here 亲", 0),
    ("scrolled", "第一行\n" * 8 + BAD + "\n" * 3, 300),
    ("empty last line", f"{BAD}\n", 0),
]


@pytest.mark.parametrize(("text", "scroll"), [row[1:] for row in ALIGNED], ids=[row[0] for row in ALIGNED])
def test_the_underlines_lie_exactly_under_the_words(page: Any, text: str, scroll: int) -> None:
    """The overlay's text, made visible, paints the very pixels that the box paints."""
    attach(page)
    page.locator("#box").fill(text)
    page.wait_for_function("document.querySelector('kefulint-guard').shadowRoot.querySelector('.mirror span')")
    page.evaluate(
        "([scroll]) => { box.blur(); box.scrollTop = scroll; box.style.caretColor = 'transparent'; }", [scroll]
    )
    page.evaluate(look("bare"))
    own = page.locator("#box").screenshot()
    page.evaluate("""() => { document.getElementById("box").style.color = "transparent";
        document.querySelector("kefulint-guard").shadowRoot.querySelector(".mirror").style.color = "black"; }""")
    assert differing(page, own, page.locator("#box").screenshot()) < 80


def differing(page: Any, one: bytes, other: bytes) -> int:
    """Count the pixels of two pictures that clearly differ."""
    return int(page.evaluate(look("differing"), [base64.b64encode(picture).decode() for picture in (one, other)]))


def test_pointing_at_the_words_says_why(page: Any) -> None:
    attach(page)
    page.locator("#box").fill(BAD)
    wait_spans(page, [WORDS])
    at = page.locator("kefulint-guard .mirror span").bounding_box()
    page.mouse.move(at["x"] + 10, at["y"] + 8)
    card = page.locator("kefulint-guard .card")
    card.wait_for(state="visible")
    assert "扣 6 分" in card.inner_text() and "各处说法不一" in card.inner_text()
    page.mouse.move(5, 5)
    card.wait_for(state="hidden")
    page.locator("#box").press("Home")
    for _ in range(5):
        page.keyboard.press("ArrowRight")  # the caret does the same, and it is said aloud
    card.wait_for(state="visible")
    assert "拒绝开发票" in page.locator("kefulint-guard [role=status]").inner_text()


# --- sending ---------------------------------------------------------------------------------------------------------


def test_a_clean_message_keeps_its_own_trusted_event(page: Any) -> None:
    attach(page)
    with page.expect_response("**/v1/check"):
        page.locator("#box").fill(GOOD)
    page.wait_for_timeout(50)
    page.locator("#box").press("Enter")
    assert sent(page) == [GOOD] and page.evaluate("window.seen") == [True]


def test_enter_before_the_answer_waits_for_it(page: Any) -> None:
    attach(page, debounce=60000)
    page.locator("#box").fill(GOOD)
    page.locator("#box").press("Enter")
    page.wait_for_function("window.sent.length === 1")
    assert page.evaluate("window.seen") == [False]


def test_the_newest_text_is_judged_not_the_one_before(page: Any) -> None:
    attach(page)
    with page.expect_response("**/v1/check"):
        page.locator("#box").fill(GOOD)
    page.evaluate("(text) => { box.value = text; }", BAD)  # a canned reply, put in without an event
    page.locator("#box").press("Enter")
    page.locator(DIALOG).wait_for()
    assert sent(page) == []


WAYS = [("Enter", "Enter", "#box"), ("Ctrl+Enter", "Control+Enter", "#box"), ("button by key", "Space", "#send")]


@pytest.mark.parametrize(("key", "where"), [row[1:] for row in WAYS], ids=[row[0] for row in WAYS])
def test_a_bad_message_is_held_back(page: Any, key: str, where: str) -> None:
    attach(page)
    page.locator("#box").fill(BAD)
    page.locator(where).press(key)
    page.locator(DIALOG).wait_for()
    dialog = page.locator(DIALOG)
    assert dialog.get_attribute("role") == "alertdialog"
    assert page.evaluate("document.querySelector('kefulint-guard').shadowRoot.activeElement.textContent") == "不发送"
    assert "拒绝开发票" in dialog.inner_text() and "扣 6 分" in dialog.inner_text()
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    assert sent(page) == [] and page.locator("#box").input_value() == BAD


def test_the_focus_stays_in_the_dialog_and_comes_back(page: Any) -> None:
    attach(page)
    page.locator("#box").fill(BAD)
    page.locator("#box").press("Enter")
    page.locator(DIALOG).wait_for()
    inside = "() => document.activeElement === document.querySelector('kefulint-guard')"
    for key in ["Tab"] * 8 + ["Shift+Tab"] * 8:
        page.keyboard.press(key)
        assert page.evaluate(inside)
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "box"


def test_a_click_is_held_and_sends_once_with_a_reason(page: Any, server: Served) -> None:
    attach(page, agent="点击")
    page.locator("#box").fill(BAD)
    page.click("#send")
    page.get_by_role("button", name="仍要发送").click()
    assert "请先写明理由" in page.locator(DIALOG).inner_text() and sent(page) == []
    page.keyboard.type("买家已说不要")
    page.keyboard.press("Enter")
    page.locator(DIALOG).wait_for(state="detached")
    assert sent(page) == [BAD]
    eventually(lambda: bool(decisions(server, agent="%E7%82%B9%E5%87%BB")))
    (row,) = decisions(server, agent="%E7%82%B9%E5%87%BB")
    assert (row["decision"], row["reason"], [one["rule"] for one in row["findings"]]) == (
        "sent",
        "买家已说不要",
        ["invoice-refused"],
    )


def test_keeping_back_and_replacing_are_recorded(page: Any, server: Served) -> None:
    attach(page, agent="keeper")
    page.locator("#box").fill(BAD)
    page.locator("#box").press("Enter")
    page.get_by_role("button", name="不发送").click()
    page.locator("#box").press("Enter")
    page.get_by_role("button", name="用建议替换").click()
    page.wait_for_function("box.value.includes('可以开发票')")
    eventually(lambda: len(decisions(server, agent="keeper")) == 2)
    assert {row["decision"] for row in decisions(server, agent="keeper")} == {"withheld", "replaced"}
    assert page.evaluate("Object.keys(sessionStorage).length") == 0


def test_replacing_can_be_undone_and_the_tool_notices(page: Any) -> None:
    page.evaluate("window.inputs = 0; box.addEventListener('input', () => window.inputs++)")
    attach(page, record=False)
    page.locator("#box").fill(f"好的亲。{BAD}")
    before = page.evaluate("window.inputs")
    page.locator("#box").press("Enter")
    page.get_by_role("button", name="用建议替换").click()
    page.wait_for_function("box.value.includes('可以开发票')")
    assert page.locator("#box").input_value().startswith("好的亲。亲，可以开发票的")
    assert page.evaluate("window.inputs") > before
    page.keyboard.press("Control+z")
    assert page.locator("#box").input_value() == f"好的亲。{BAD}"


def test_shift_enter_is_a_line_break(page: Any) -> None:
    attach(page)
    page.locator("#box").fill(BAD)
    page.locator("#box").press("Shift+Enter")
    assert page.locator("#box").input_value() == f"{BAD}\n" and page.locator(DIALOG).count() == 0


def test_a_key_held_down_does_not_answer_the_dialog(page: Any) -> None:
    attach(page, record=False)
    page.locator("#box").fill(BAD)
    page.keyboard.down("Enter")
    page.locator(DIALOG).wait_for()
    for _ in range(5):
        page.keyboard.down("Enter")  # repeats
    page.keyboard.up("Enter")
    assert page.locator(DIALOG).count() == 1 and sent(page) == []


def test_where_enter_breaks_lines_it_still_does(page: Any) -> None:
    page.evaluate("box.addEventListener('keydown', (event) => event.stopImmediatePropagation(), true)")
    attach(page, debounce=60000)
    page.locator("#box").fill(GOOD)
    page.locator("#box").press("Enter")
    page.wait_for_function("box.value.endsWith('\\n')")


def test_a_text_that_changes_under_the_dialog_is_judged_again(page: Any) -> None:
    attach(page, record=False)
    page.locator("#box").fill(BAD)
    page.locator("#box").press("Enter")
    page.locator(DIALOG).wait_for()
    page.evaluate("box.value = '加我微信聊'")
    page.locator(f"{DIALOG} input").fill("已核实")
    page.get_by_role("button", name="仍要发送").click()
    page.locator(DIALOG, has_text="平台外联系").wait_for()
    assert sent(page) == []


def _found(start: int, end: int, **more: Any) -> dict[str, Any]:
    return {"start": start, "end": end, "suggestion": ""} | more


PROPOSALS = [
    ("the server's own", "不开票", "亲，可以开", [_found(0, 3, suggestion="好")], "亲，可以开"),
    ("a fix replaces its words", "😀亲全网最低价哦", None, [_found(2, 7, fix={"start": 2, "end": 7, "replacement": "划算"})], "😀亲划算哦"),
    ("a suggestion replaces the sentence", "在的。😀不开票哦！好吗", None, [_found(4, 7, suggestion="可以开。")], "在的。可以开。好吗"),
    ("two findings of a sentence, one suggestion", "加薇转账", None, [_found(0, 2, suggestion="甲"), _found(2, 4, suggestion="乙")], "甲"),
    ("the same suggestion is not said twice", "不开。不开", None, [_found(0, 2, suggestion="可以。"), _found(3, 5, suggestion="可以。")], "可以。"),
    ("nothing to offer", "不开", None, [_found(0, 2)], None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "rewritten", "findings", "offer"), [row[1:] for row in PROPOSALS], ids=[row[0] for row in PROPOSALS])  # fmt: skip
def test_what_is_offered_instead(page: Any, text: str, rewritten: str | None, findings: list[dict[str, Any]], offer: str | None) -> None:  # fmt: skip
    answer = {"rewritten": rewritten, "findings": findings}
    assert page.evaluate("([text, answer]) => kefulintGuard.proposal(text, answer)", [text, answer]) == offer


# --- input methods ---------------------------------------------------------------------------------------------------


def test_composition_is_left_alone(page: Any) -> None:
    attach(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/v1/check" in request.url else None)
    page.locator("#box").focus()
    devtools = page.context.new_cdp_session(page)
    for typed in ("te", "tejia", "特价不开票"):
        devtools.send(
            "Input.imeSetComposition", {"text": typed, "selectionStart": len(typed), "selectionEnd": len(typed)}
        )
        page.wait_for_timeout(60)
    assert page.locator("#box").input_value() == WORDS and asked == []
    page.evaluate(
        """() => box.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", keyCode: 229, isComposing: true, bubbles: true, cancelable: true }))"""
    )
    assert sent(page) == [] and page.locator(DIALOG).count() == 0
    devtools.send("Input.insertText", {"text": WORDS})
    wait_spans(page, [WORDS])
    # Safari: the Enter that ended the composition comes after its end, marked by nothing but its number.
    page.evaluate(
        """() => box.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", keyCode: 229, bubbles: true, cancelable: true }))"""
    )
    assert sent(page) == [] and page.locator(DIALOG).count() == 0
    page.locator("#box").press("Enter")
    page.locator(DIALOG).wait_for()
    assert sent(page) == []


# --- other boxes -----------------------------------------------------------------------------------------------------


def highlighted(page: Any) -> list[str]:
    return list(
        page.evaluate(
            "['error', 'warning', 'info'].flatMap((name) => [...(CSS.highlights.get(`kefulint-${name}`) || [])].map(String))"
        )
    )


def test_contenteditable(page: Any) -> None:
    attach(page, "#rich", record=False)
    page.evaluate(
        "rich.innerHTML = '<div>😀亲，<b>这款特价</b>不开票</div><div>的哦</div>'; rich.dispatchEvent(new InputEvent('input', { bubbles: true }))"
    )
    page.wait_for_function("CSS.highlights.get('kefulint-error') && CSS.highlights.get('kefulint-error').size")
    assert highlighted(page) == [WORDS]
    markup = page.evaluate("rich.innerHTML")
    assert "kefulint" not in markup and markup.startswith("<div>😀亲，<b>")
    page.locator("#rich").press("Enter")
    page.get_by_role("button", name="用建议替换").click()
    page.wait_for_function("rich.innerText.includes('可以开发票')")
    page.wait_for_timeout(100)
    page.locator("#rich").press("Enter")
    page.wait_for_function("window.sent.length === 1")


def test_an_input_in_a_form(page: Any) -> None:
    page.evaluate(
        "form.append(document.getElementById('line')); form.addEventListener('submit', () => window.sent.push('line'))"
    )
    attach(page, "#line", record=False, debounce=60000)
    page.locator("#line").fill(GOOD)
    page.locator("#line").press("Enter")
    page.wait_for_function("window.sent.includes('line')")
    page.locator("#line").fill(BAD)
    page.locator("#line").press("Enter")
    page.locator(DIALOG).wait_for()


def test_a_box_that_the_tool_replaces_is_taken_up_again(page: Any) -> None:
    attach(page)
    page.locator("#box").fill(BAD)
    wait_spans(page, [WORDS])
    page.evaluate("""() => { const fresh = box.cloneNode(); fresh.value = ""; box.replaceWith(fresh); }""")
    wait_spans(page, [])
    page.locator("#box").fill(f"您好，{BAD}")
    wait_spans(page, [WORDS])
    page.click("#send")
    page.locator(DIALOG).wait_for()


def test_of_several_boxes_the_one_in_use_is_meant(page: Any) -> None:
    page.evaluate("form.append(box.cloneNode()); form.lastChild.id = 'other'")
    attach(page, "textarea")
    page.locator("#other").fill(BAD)
    wait_spans(page, [WORDS])
    page.locator("#box").fill(GOOD)
    wait_spans(page, [])


def test_a_transport_of_the_page_takes_checks_and_decisions(page: Any, server: Served) -> None:
    page.evaluate(
        """(server) => { window.detach = kefulintGuard.attach("#box", { debounce: 20, agent: "carried", transport: async (path, body) => {
             const response = await fetch(server + path, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
             return response.json(); } }); }""",
        server.url,
    )
    page.locator("#box").fill(BAD)
    page.locator("#box").press("Enter")
    page.get_by_role("button", name="不发送").click()
    eventually(lambda: len(decisions(server, agent="carried")) == 1)


def test_a_page_with_a_strict_policy(page: Any, tool: str, server: Served) -> None:
    """Without inline styles, without markup made by script: the guard needs neither."""
    page.goto(f"{tool}/strict.html")
    page.add_script_tag(url=f"{server.url}guard.js")
    page.evaluate(
        """([policy, server]) => { const meta = document.createElement("meta"); meta.httpEquiv = "Content-Security-Policy";
             meta.content = policy + server; document.head.append(meta); }""",
        ["style-src 'none'; require-trusted-types-for 'script'; connect-src ", server.url],
    )
    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text) if said.type == "error" else None)
    attach(page, record=False)
    page.locator("#box").fill(BAD)
    page.locator("#box").press("Enter")
    page.locator(DIALOG).wait_for()
    assert page.locator(DIALOG).evaluate("(dialog) => getComputedStyle(dialog).borderRadius") == "12px"
    assert refused == []


def test_detaching_leaves_nothing(page: Any) -> None:
    attach(page)
    page.locator("#box").fill(BAD)
    wait_spans(page, [WORDS])
    page.evaluate("window.detach()")
    assert page.locator("kefulint-guard").count() == 0
    page.locator("#box").press("Enter")
    assert sent(page) == [BAD]


OPTIONS = [
    ("unknown name", {"onSlwo": "open"}, "unknown option 'onSlwo'"),
    ("unknown policy", {"onSlow": "maybe"}, "expected open or closed"),
    ("no number", {"timeout": -1}, "expected milliseconds"),
]


@pytest.mark.parametrize(("options", "problem"), [row[1:] for row in OPTIONS], ids=[row[0] for row in OPTIONS])
def test_wrong_options_are_refused(page: Any, options: dict[str, Any], problem: str) -> None:
    said = page.evaluate(
        "(given) => { try { kefulintGuard.attach('#box', given); return ''; } catch (error) { return error.message; } }",
        options,
    )
    assert problem in said


# --- a server that is slow or away -----------------------------------------------------------------------------------

POLICIES = [("open", "未经检查就发送了", [BAD]), ("closed", "暂不能发送", [])]


@pytest.mark.parametrize(("policy", "sign", "went"), POLICIES, ids=[row[0] for row in POLICIES])
def test_a_slow_server(page: Any, server: Served, policy: str, sign: str, went: list[str]) -> None:
    road = SlowRoad(server.port, 1.2)
    try:
        attach(page, server=road.url, onSlow=policy, timeout=300, record=False, debounce=60000)
        page.evaluate(look("longest"))
        page.locator("#box").fill(BAD)
        started = time.monotonic()
        page.locator("#box").press("Enter")
        page.locator("kefulint-guard .sign", has_text=sign).wait_for()
        assert time.monotonic() - started < 1.0
        assert sent(page) == went
        assert page.evaluate("window.longest") < 300
    finally:
        road.close()


def test_typing_on_against_a_slow_server_is_no_outage(page: Any, server: Served) -> None:
    road = SlowRoad(server.port, 0.3)
    try:
        attach(page, server=road.url, record=False, debounce=10, timeout=3000)
        page.locator("#box").press_sequentially(BAD, delay=40)
        assert page.locator("kefulint-guard .sign.away").count() == 0
        page.locator("#box").press("Enter")
        page.locator(DIALOG).wait_for()
        assert sent(page) == []
    finally:
        road.close()


def test_a_server_killed_in_the_middle(page: Any, server: Served) -> None:
    """Open, closed, and back again: messages go or stay as configured, decisions wait, and nothing needs a reload."""
    attach(page, agent="later")
    page.locator("#box").fill(BAD)
    page.locator("#box").press("Enter")
    page.locator(DIALOG).wait_for()
    server.stop()
    page.get_by_role("button", name="不发送").click()  # a decision, and nobody to take it
    page.wait_for_function("Object.keys(sessionStorage).length === 1")
    page.locator("#box").fill("加我微信聊")
    page.locator("kefulint-guard .sign.away", has_text="消息会不经检查发出").wait_for()
    page.locator("#box").press("Enter")
    page.locator("kefulint-guard .sign", has_text="未经检查就发送了").wait_for()
    assert sent(page) == ["加我微信聊"]
    page.evaluate("window.detach()")
    attach(page, onSlow="closed")
    page.locator("#box").fill(BAD)
    page.locator("#box").press("Enter")
    page.locator("kefulint-guard .sign.away", has_text="暂不能发送").wait_for()
    assert sent(page) == ["加我微信聊"]
    page.reload()
    page.add_script_tag(content=(ROOT / "linter/web/guard.js").read_text(encoding="utf-8"))
    attach(page, server=server.url, onSlow="closed")
    page.locator("#box").fill(BAD)
    page.locator("kefulint-guard .sign.away").wait_for()
    server.start()
    wait_spans(page, [WORDS])  # without another key
    page.locator("#box").press("Enter")
    page.locator(DIALOG).wait_for()
    page.wait_for_function("Object.keys(sessionStorage).length === 0")
    eventually(lambda: len(decisions(server, agent="later")) == 1)


ODD = [
    ("an answer that is no answer", "async () => ({})", "读不懂"),
    ("a transport that throws", "() => { throw new Error(); }", "未连接"),
]


@pytest.mark.parametrize(("transport", "sign"), [row[1:] for row in ODD], ids=[row[0] for row in ODD])
def test_what_is_no_answer_is_an_outage(page: Any, transport: str, sign: str) -> None:
    page.evaluate(
        f"""() => {{ window.asked = 0; const inner = {transport}, transport = (...given) => {{ window.asked++; return inner(...given); }};
             window.detach = kefulintGuard.attach("#box", {{ onSlow: "closed", debounce: 10, transport }}); }}"""
    )
    page.locator("#box").fill(BAD)
    page.locator("kefulint-guard .sign.away", has_text=sign).wait_for()
    page.locator("#box").press("Enter")
    page.wait_for_timeout(300)
    assert sent(page) == [] and page.evaluate("window.asked") < 5


def test_a_context_that_fails_lets_nothing_slip(page: Any) -> None:
    page.evaluate(
        """() => { window.detach = kefulintGuard.attach("#box", { record: false, context: () => { throw new Error("tool"); } }); }"""
    )
    page.locator("#box").fill(BAD)
    page.locator("#box").press("Enter")
    page.locator(DIALOG).wait_for()
    assert sent(page) == []


# --- hostile text ----------------------------------------------------------------------------------------------------

HOSTILE = [
    ("markup", "<img src=x onerror=window.owned=1>特价不开票<script>window.owned=1</script>"),
    ("bidi", "特价不开票\u202e123\u2066加我微信\u2069"),
    ("zero width", "加\u200b我\u200b微\u200b信"),
    ("half a pair", "特价不开票\ud83d的"),
]


@pytest.mark.parametrize("text", [row[1] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
def test_hostile_text_is_shown_harmlessly(page: Any, text: str) -> None:
    attach(page, record=False)
    page.evaluate("(text) => { box.value = JSON.parse(text); }", json.dumps(text))
    page.locator("#box").press("Enter")
    page.locator(DIALOG).wait_for()
    shown = page.locator(DIALOG).inner_text()
    assert not any(char in shown for char in "\u202e\u2066\u200b")
    assert page.evaluate("window.owned") is None
    assert page.locator(f"{DIALOG} img, {DIALOG} script").count() == 0


def test_a_hundred_thousand_characters_do_not_freeze_the_page(page: Any) -> None:
    attach(page, record=False, timeout=5000)
    page.evaluate(look("longest"))
    text = ("亲，今天发货的哦，您放心。" * 7700)[:99_980] + BAD
    page.evaluate(
        "(text) => { box.value = text; box.dispatchEvent(new InputEvent('input', { bubbles: true })); }", text
    )
    page.wait_for_timeout(300)
    page.locator("#box").focus()
    page.keyboard.insert_text("呢")
    page.locator("#box").press("Enter")
    page.locator(DIALOG).wait_for(timeout=10000)
    assert sent(page) == []
    assert page.evaluate("window.longest") < 300


# --- the example -----------------------------------------------------------------------------------------------------


def test_the_example_workbench(browser: Any, example: str, server: Served) -> None:
    page = browser.new_context().new_page()
    page.goto(f"{example}/?server={server.url}")
    page.wait_for_function("window.kefulintGuard")
    page.get_by_role("button", name="五星好评").click()
    page.locator("#send").click()
    page.locator(DIALOG, has_text="用好处换好评").wait_for()
    page.keyboard.press("Escape")
    page.get_by_label("富文本输入框").check()
    page.locator("#rich").press_sequentially("这个我们不开的")  # refused only because the buyer asked for an invoice
    page.locator("#rich").press("Enter")
    page.locator(DIALOG, has_text="拒绝开发票").wait_for()
    page.context.close()
