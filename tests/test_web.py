"""The pages in a real browser against a real server: the workbench and the supervisors' view."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import Served, chromium, look

WEB = Path(__file__).parent.parent / "linter" / "web"
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "color_scheme": "dark"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("server"), "-p", "tmall", "-p", "pinduoduo")
    yield served
    served.stop()


class Visit:
    """One page in a context of its own; says what went wrong in it."""

    def __init__(self, browser: Any, url: str, **settings: Any) -> None:
        self.context = browser.new_context(**settings)
        self.page = self.context.new_page()
        self.wrong: list[str] = []
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on(
            "console", lambda said: self.wrong.append(said.text) if said.type in ("error", "warning") else None
        )
        self.asked: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(url)


@pytest.fixture
def visit(browser: Any) -> Iterator[Any]:
    visits: list[Visit] = []

    def made(url: str, **settings: Any) -> Visit:
        visits.append(Visit(browser, url, **settings))
        return visits[-1]

    yield made
    for one in visits:
        one.context.close()
        assert one.wrong == []


def bench(visit: Any, server: Served, **settings: Any) -> Any:
    page = visit(server.url, **settings).page
    page.locator("#samples button").first.wait_for()
    return page


def banner(page: Any, words: str) -> None:
    page.locator("#banner b", has_text=words).wait_for()


def record(server: Served, text: str, **more: Any) -> dict[str, Any]:
    body = {"text": text, "decision": "withheld", "agent": "小禾", "shop": "示例店铺"} | more
    return _post(server, "v1/decisions", body)


def _post(server: Served, path: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(server.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        found: dict[str, Any] = json.load(response)
    return found


# --- the workbench ---------------------------------------------------------------------------------------------------

REPLIES = [
    ("send", "亲，今天下午四点前发出", "可以发送"),
    ("confirm", "亲，这款全网最低价哦", "先确认"),
    ("block", "亲，特价不开票的哦", "不要发送"),
]


@pytest.mark.parametrize(("text", "words"), [row[1:] for row in REPLIES], ids=[row[0] for row in REPLIES])
def test_a_reply_is_judged_as_it_is_typed(visit: Any, server: Served, text: str, words: str) -> None:
    page = bench(visit, server)
    page.get_by_role("textbox", name="准备发送的回复").press_sequentially(text)
    banner(page, words)


def test_an_answer_in_full(visit: Any, server: Served) -> None:
    page = bench(visit, server)
    page.locator("#reply").fill("😀亲，加我薇❤便宜10块")
    banner(page, "不要发送")
    card = page.locator("#findings .card").first
    said = card.inner_text()
    assert "加我薇❤" in said and "谐音" in said and "扣分未知" in said and "二手资料" in said and "日期未知" in said
    assert "各处说法不一" in page.locator("#findings").inner_text() or "各处说法不一" in (
        card.locator("details.more").text_content() or ""
    )
    rows = page.locator("#beside tbody tr")
    assert rows.count() == 6 and "不要发送" in rows.first.inner_text()
    assert page.locator("kefulint-guard .mirror span").all_text_contents() == ["加我薇❤"]
    card.get_by_role("button", name="替换").click()
    page.wait_for_function("() => !document.getElementById('reply').value.includes('薇')")
    banner(page, "可以发送")


def test_platforms_are_judged_side_by_side(visit: Any, server: Served) -> None:
    page = bench(visit, server)
    page.locator("#reply").fill("亲，特价不开票的哦")
    banner(page, "不要发送")
    for name in ("淘宝", "抖音", "快手", "京东"):
        page.get_by_label(name).uncheck()
    page.wait_for_function("() => document.querySelectorAll('#beside tbody tr').length === 2")
    assert page.locator("#beside tbody th").all_text_contents() == ["天猫", "拼多多"]


PASTED = "2026-03-02 10:00:01 买家小雨：能开发票吗\n客服-小禾: 亲，加我微信发您\n买家：不加\n这里说就行\n客服：这个我们不开的"


def test_a_whole_conversation_is_pasted(visit: Any, server: Served) -> None:
    page = bench(visit, server)
    page.get_by_role("button", name="粘贴整段对话").click()
    page.get_by_label("整段对话").fill(PASTED)
    assert page.locator("#parsed").inner_text() == "读出 4 句"
    page.get_by_role("button", name="读入").click()
    assert page.locator("#turns li .bubble p").all_inner_texts() == [
        "能开发票吗",
        "亲，加我微信发您",
        "不加\n这里说就行",
    ]
    assert page.locator("#reply").input_value() == "这个我们不开的"
    banner(page, "不要发送")  # only because the buyer asked
    page.locator("#turns .agent small", has_text="平台外联系").wait_for()
    page.get_by_role("button", name="清空").click()
    banner(page, "写一句试试")


def test_keyboard_alone(visit: Any, server: Served) -> None:
    page = bench(visit, server)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab") if page.evaluate("document.activeElement.id") != "reply" else None
    page.locator("#reply").focus()
    page.keyboard.insert_text("您好。特价不开票的哦")
    banner(page, "不要发送")
    page.keyboard.press("F8")
    assert page.evaluate("getSelection().toString()") == "特价不开票"
    page.keyboard.press("Enter")
    page.locator("kefulint-guard dialog").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the second button: replace
    page.wait_for_function("() => document.getElementById('reply').value.startsWith('您好。可以开发票的')")
    banner(page, "可以发送")
    page.keyboard.press("Enter")
    page.locator("#turns .agent", has_text="可以开发票").wait_for()


def test_answers_come_over_one_socket_and_over_http_without_it(visit: Any, server: Served) -> None:
    one = visit(server.url)
    one.page.locator("#link.on").wait_for()
    one.page.locator("#reply").fill("特价不开票")
    banner(one.page, "不要发送")
    assert not [url for url in one.asked if url.endswith("/v1/check")]
    assert not [url for url in one.asked if not url.startswith(server.url)], "something came from elsewhere"
    other = visit("about:blank")
    other.page.add_init_script(
        "window.WebSocket = class { constructor() { this.readyState = 3; } }; WebSocket.OPEN = 1;"
    )
    other.page.goto(server.url)
    other.page.locator("#samples button").first.wait_for()
    other.page.locator("#reply").fill("特价不开票")
    banner(other.page, "不要发送")


HOSTILE = "<img src=x onerror=alert(1)>\u202e加我微信\u2066<script>alert(1)</script>\u200b{{7*7}}"


def test_hostile_text_is_shown_harmlessly(visit: Any, server: Served) -> None:
    page = bench(visit, server)
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    page.get_by_label("说了什么").fill(HOSTILE)
    page.get_by_role("button", name="加一句").click()
    page.locator("#reply").fill(HOSTILE)
    banner(page, "不要发送")
    shown = page.locator("main").inner_text()
    assert "⟨U+202E⟩" in shown and not any(char in shown for char in "\u202e\u2066\u200b")
    assert page.locator("#turns img, #turns script, .result img, .result script").count() == 0
    assert "看不见的字符" in page.locator("#hidden-note").inner_text()
    page.get_by_role("button", name="去掉").click()
    assert "\u202e" not in page.locator("#reply").input_value()


def test_a_hundred_thousand_characters(visit: Any, server: Served) -> None:
    page = bench(visit, server)
    page.evaluate(look("longest"))
    text = ("亲，今天发货的哦，您放心。" * 7700)[:99_900] + "特价不开票的哦"
    page.evaluate(
        "(text) => { const box = document.getElementById('reply'); box.value = text; box.dispatchEvent(new InputEvent('input', { bubbles: true })); }",
        text,
    )
    page.locator("#banner b", has_text="不要发送").wait_for(timeout=15000)
    assert page.evaluate("window.longest") < 300


# --- the supervisors' view -------------------------------------------------------------------------------------------


def test_reviewing_with_the_keyboard(visit: Any, server: Served) -> None:
    record(server, "特价不开票的哦", context=[{"role": "buyer", "text": "能开发票吗"}])
    record(server, "加我微信聊 13800000000", decision="sent", reason="买家要的")
    page = visit(f"{server.url}supervise").page
    page.locator("#rows button").first.wait_for()
    assert (
        "138****" not in page.locator("#rows").inner_text() and "13800000000" not in page.locator("main").inner_text()
    )
    before = page.locator("#rows button").count()
    page.locator("#rows button").first.click()
    page.keyboard.press("j")
    page.locator("#detail .code, #detail code", has_text="invoice-refused").wait_for()
    page.keyboard.press("n")
    page.keyboard.type("买家没要发票")
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    page.locator("#told", has_text="已记为误判").wait_for(state="attached")
    page.locator("#proposals", has_text="特价不开票").wait_for()
    page.get_by_role("radio", name="误判").check()
    page.locator("#rows button", has_text="特价不开票").wait_for()
    assert "买家没要发票" in page.locator("#detail").inner_text()
    page.get_by_role("radio", name="待审").check()
    page.wait_for_function("(before) => document.querySelectorAll('#rows button').length === before - 1", arg=before)
    assert "拒绝开发票" in page.locator("#precision").inner_text()
    assert page.locator("#by-day svg[role=img]").get_attribute("aria-label")
    with page.expect_download() as downloaded:
        page.get_by_role("button", name="下载评测用例").click()
    cases = Path(downloaded.value.path()).read_text(encoding="utf-8").splitlines()
    assert "特价不开票的哦" in [json.loads(case)["text"] for case in cases]


def test_hostile_records_are_shown_harmlessly(visit: Any, server: Served) -> None:
    record(server, HOSTILE, agent="<b>\u202eevil", decision="sent", reason="<svg onload=alert(1)>")
    page = visit(f"{server.url}supervise").page
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    page.locator("#rows button", has_text="evil").first.click()
    page.locator("#detail", has_text="<svg onload").wait_for()
    shown = page.locator("main").inner_text()
    assert (
        not any(char in shown for char in "\u202e\u2066\u200b")
        and page.locator("#detail img, #detail script, #detail svg").count() == 0
    )


# --- both ------------------------------------------------------------------------------------------------------------

LOOKS = [("desktop", {}), ("phone in the dark", PHONE)]


@pytest.mark.parametrize("settings", [row[1] for row in LOOKS], ids=[row[0] for row in LOOKS])
def test_everything_is_named_legible_and_fits(visit: Any, server: Served, settings: dict[str, Any]) -> None:
    record(server, "五星好评返2元")
    page = bench(visit, server, **settings)
    page.locator("#reply").fill("亲，特价不开票的哦")
    banner(page, "不要发送")
    page.wait_for_timeout(250)  # the banner's colour has changed
    for address in ("", "supervise"):
        if address:
            page.goto(server.url + address)
            page.locator("#detail .clause").first.wait_for()
        assert page.evaluate(look("unnamed")) == []
        assert page.evaluate(look("pale")) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "wider than the screen"
    if settings:
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(15, 19, 24)"


def test_a_token_is_asked_for_once_and_kept_in_the_tab(visit: Any, tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "linter", "serve", "token", "主管", "--role", "supervisor"],
        capture_output=True,
        text=True,
        check=True,
    )
    (tmp_path / "tokens.yaml").write_text(made.stdout, encoding="utf-8")
    token = made.stderr.split()[-1]
    server = Served(tmp_path, "-p", "tmall", "--tokens", str(tmp_path / "tokens.yaml"))
    try:
        one = visit(server.url)
        one.page.get_by_label("令牌", exact=True).fill("wrong")
        one.page.get_by_role("button", name="确定").click()
        one.page.locator("dialog", has_text="刚才的令牌不对").wait_for()
        one.page.get_by_label("令牌", exact=True).fill(token)
        one.page.get_by_role("button", name="确定").click()
        one.page.locator("#link.on").wait_for()
        one.page.locator("#reply").fill("特价不开票")
        banner(one.page, "不要发送")
        one.page.goto(f"{server.url}supervise")
        one.page.locator("#link.on").wait_for()
        assert one.page.locator("dialog").count() == 0
        assert one.page.evaluate("JSON.stringify(localStorage)").find(token) < 0
        one.wrong[:] = [
            said for said in one.wrong if "401" not in said
        ]  # the browser's own line about the first answers
    finally:
        server.stop()


def test_the_files_carry_no_markup_from_text_and_nothing_from_elsewhere() -> None:
    for path in WEB.iterdir():
        text = path.read_text(encoding="utf-8")
        for bad in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "<style",
            "javascript:",
        ):
            assert bad not in text, f"{path.name}: {bad}"
        assert "://" not in text.replace("http://www.w3.org/2000/svg", "").replace("http://127.0.0.1", ""), path.name
