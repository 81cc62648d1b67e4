"""Ledgers in, account statements out: text, JSON, CSV, XLSX, and the year as a picture (SVG).

The picture is drawn here by hand: it is one stepped line with the nodes across it, and a chart library would need a font
with Chinese characters that most servers do not have, while a browser has one.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from html import escape
from pathlib import Path
from typing import Any

from linter import reports
from linter.ledger import Balance, Charge, Ledger
from linter.model import KefulintError
from linter.rulebook import Rulebooks, Threshold

_HEAD = (
    "id", "time", "shop", "agent", "platform", "rule", "clause", "nth", "points", "points_max", "scale", "amount",
    "balance", "node", "repeated",
)  # fmt: skip
_SCALES = {"A": "一般", "B": "严重", "": "未分级"}


def render(risk: Ledger, fallen: Ledger | None, books: Rulebooks, kind: str) -> str:
    """Return the ledgers in a format: text, json, csv or svg."""
    if kind == "json":
        data = {"schema": 1, "at_stake": _data(risk), "charged": _data(fallen) if fallen else None}
        return reports.dump(data, indent=2)
    if kind == "csv":
        return _csv(risk)
    if kind == "svg":
        return picture(risk, books)
    return as_text(risk, fallen)


def as_text(risk: Ledger, fallen: Ledger | None = None) -> str:
    """Return the ledgers for a screen, in Chinese."""
    parts = ["一、可能扣的（没有被驳回的全部算上；只有投诉或抽检成立才真的扣）", _balances(risk)]
    if fallen is not None:
        parts += ["二、已经扣的（确认成立的）", _balances(fallen)]
    crossed = [charge for charge in risk.charges if charge.crossed]
    if crossed:
        parts.append("跨过的节点：\n" + "\n".join(_crossing(charge) for charge in crossed))
    if risk.nexts:
        rows = [
            (n.clause.title, reports.PLATFORM_NAMES[n.clause.platform], str(n.times),
             reports.span(n.step.points, n.step.points_max), reports.money(n.step.amount), n.step.also or "")
            for n in risk.nexts
        ]  # fmt: skip
        head = ("再犯一次", "平台", "今年已有", "扣分", "金额（元）", "还会")
        parts.append(reports.table(head, rows, right=(2, 3, 4)))
    unknown = sum(balance.unknown for balance in risk.balances)
    if unknown:
        parts.append(f"有 {unknown} 次的扣分和金额没有任何资料写明，按未知处理，没有计入。")
    return "\n\n".join(parts)


def _balances(ledger: Ledger) -> str:
    rows = [
        (b.shop or "—", reports.PLATFORM_NAMES[b.platform], b.year or "无日期", f"{b.scale} {_SCALES.get(b.scale, '')}",
         str(b.offences), *_stated(b), str(b.unknown), _ahead(b))
        for b in ledger.balances
    ]  # fmt: skip
    head = ("店铺", "平台", "年份", "账户", "次数", "扣分", "金额（元）", "未知", "离下一个节点")
    return reports.table(head, rows, right=(4, 5, 6, 7)) if rows else "没有"


def _stated(balance: Balance) -> tuple[str, str]:
    """Return the points and the amount of an account; 未知 where no source states any, which is not nought."""
    no_points = balance.points_unknown == balance.offences and not balance.points
    points = None if no_points else balance.points
    amount = None if balance.amount_unknown == balance.offences else balance.amount
    return reports.money(points), reports.money(amount)


def _ahead(balance: Balance) -> str:
    if balance.next_node is None:
        return "最高的节点已过" if balance.past_last else "节点未知" if balance.points else "—"
    at = reports.money(balance.next_at)
    return f"还差 {reports.money(balance.missing)} 分到 {at} 分：{_follows(balance.next_node)}"


def _follows(node: Threshold) -> str:
    money = f"{node.amount_what or '金额'} {reports.money(node.amount)} 元" if node.amount is not None else ""
    return "；".join(part for part in (money, node.also or "") if part) or "后果未知"


def _crossing(charge: Charge) -> str:
    offence = charge.offence
    nodes = "；".join(f"{reports.money(node.at)} 分：{_follows(node)}" for node in charge.crossed)
    title = charge.clause.title if charge.clause else offence.rule
    return f"  {offence.day or '无日期'}  {offence.shop or '—'}  {title} 第 {charge.nth} 次，累计 {reports.money(charge.balance)} 分 → {nodes}"


def _data(ledger: Ledger) -> dict[str, Any]:
    number = reports.number
    return {
        "charges": [dict(zip(_HEAD, row, strict=True)) for row in _rows(ledger)],
        "balances": [
            {"shop": b.shop, "platform": b.platform, "scale": b.scale, "year": b.year, "points": number(b.points),
             "amount": number(b.amount), "offences": b.offences, "unknown": b.unknown,
             "points_unknown": b.points_unknown, "amount_unknown": b.amount_unknown, "brought": number(b.brought),
             "next_node_at": number(b.next_at), "missing": number(b.missing),
             "next_node": _follows(b.next_node) if b.next_node else None}
            for b in ledger.balances
        ],
        "next": [
            {"clause": n.clause.id, "times": n.times, "points": number(n.step.points),
             "points_max": number(n.step.points_max), "scale": n.step.scale, "amount": number(n.step.amount)}
            for n in ledger.nexts
        ],
    }  # fmt: skip


def _rows(ledger: Ledger) -> Iterator[tuple[Any, ...]]:
    for c in ledger.charges:
        o = c.offence
        nodes = "；".join(f"{reports.money(node.at)} 分：{_follows(node)}" for node in c.crossed)
        yield (
            o.id, o.time, o.shop, o.agent, o.platform, o.rule, c.clause.title if c.clause else None, c.nth,
            reports.number(c.points), reports.number(c.points_max), c.scale, reports.number(c.amount),
            reports.number(c.balance), nodes, "yes" if c.repeated else "",
        )  # fmt: skip


def _csv(ledger: Ledger) -> str:
    stream = io.StringIO()
    reports.write_csv(stream, _HEAD, _rows(ledger))
    return stream.getvalue().rstrip("\n")


def write_xlsx(path: Path, risk: Ledger, fallen: Ledger | None = None) -> None:
    """Write the ledgers as a workbook; raise KefulintError where the extra `xlsx` is not installed."""
    try:
        import xlsxwriter
    except ImportError as error:
        raise KefulintError("xlsx needs a library, expected: pip install 'kefulint[xlsx]'") from error
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        bold = book.add_format({"bold": True})
        for title, ledger in (("可能扣的", risk), ("已经扣的", fallen)):
            if ledger is None:
                continue
            sheet = book.add_worksheet(title)
            sheet.write_row(0, 0, _HEAD, bold)
            for number, row in enumerate(_rows(ledger), 1):
                sheet.write_row(number, 0, ["" if cell is None else cell for cell in row])
            sheet.freeze_panes(1, 0)
            sheet = book.add_worksheet(title + "·余额")
            sheet.write_row(
                0, 0, ("店铺", "平台", "年份", "账户", "次数", "扣分", "金额（元）", "未知", "离下一个节点"), bold
            )
            for number, b in enumerate(ledger.balances, 1):
                cells = (b.shop, reports.PLATFORM_NAMES[b.platform], b.year, b.scale, b.offences, *_stated(b),
                         b.unknown, _ahead(b))  # fmt: skip
                sheet.write_row(number, 0, cells)


# --- the picture -----------------------------------------------------------------------------------------------------

_WIDE, _HIGH, _LEFT, _RIGHT, _TOP, _BOTTOM = 900, 320, 56, 200, 36, 40


def picture(ledger: Ledger, books: Rulebooks) -> str:
    """Return the last year of the shop with the most points as an SVG: each account over time, its nodes across."""
    dated = [b for b in ledger.balances if b.scale and b.year]
    if not dated:
        return _svg('<text x="20" y="40">没有带日期和分值的记录</text>', 1)
    fullest = max(dated, key=lambda b: (b.year, b.points, b.shop))
    shown = [b for b in dated if (b.shop, b.platform, b.year) == (fullest.shop, fullest.platform, fullest.year)]
    charts = [
        f'<g transform="translate(0 {_HIGH * number})">\n{_chart(balance, ledger, books)}\n</g>'
        for number, balance in enumerate(shown)
    ]
    return _svg("\n".join(charts), len(shown))


def _chart(balance: Balance, ledger: Ledger, books: Rulebooks) -> str:
    charges = [
        c
        for c in ledger.charges
        if not c.repeated
        and (c.offence.shop, c.offence.platform, c.scale, c.offence.year)
        == (balance.shop, balance.platform, balance.scale, balance.year)
    ]
    account = books.accounts.get((balance.platform, balance.scale))
    lines = [node.at * times for node in (account.nodes if account else ()) for times in _times(node, balance.points)]
    top = max([balance.points, *lines, Decimal(1)]) * Decimal("1.1")
    platform = reports.PLATFORM_NAMES[balance.platform]
    title = f"{balance.shop or '店铺'} · {platform} · {balance.year} 年 · {balance.scale} 类累计扣分（风险）"
    parts = [f'<text x="{_LEFT}" y="22" font-size="15" font-weight="600">{escape(title)}</text>', *_axes(top)]
    for node in account.nodes if account else ():
        parts += [_node_line(node, times, top) for times in _times(node, balance.points)]
    return "\n".join([*parts, _steps(charges, balance, top), *_dots(charges, top)])


def _times(node: Threshold, points: Decimal) -> range:
    return range(1, int(points // node.at) + 2) if node.every else range(1, 2)


def _x(day: str) -> float:
    moment = date.fromisoformat(day)
    return _LEFT + (_WIDE - _LEFT - _RIGHT) * (moment.timetuple().tm_yday - 1) / 365


def _y(points: Decimal, top: Decimal) -> float:
    return _HIGH - _BOTTOM - float(points / top) * (_HIGH - _TOP - _BOTTOM)


def _axes(top: Decimal) -> Iterator[str]:
    floor = _HIGH - _BOTTOM
    yield f'<path d="M{_LEFT} {_TOP}V{floor}H{_WIDE - _RIGHT}" fill="none" stroke="#888"/>'
    for month in range(1, 13):
        x = _x(f"2023-{month:02d}-01")
        yield f'<text x="{x:.0f}" y="{floor + 18}" font-size="11" fill="#666">{month}月</text>'
    for share in (0, Decimal("0.5"), 1):
        points = (top / Decimal("1.1") * share).quantize(Decimal("1"))
        yield f'<text x="{_LEFT - 8}" y="{_y(points, top) + 4:.0f}" font-size="11" fill="#666" text-anchor="end">{points}</text>'


def _node_line(node: Threshold, times: int, top: Decimal) -> str:
    y = _y(node.at * times, top)
    words = _follows(node)
    short = words if len(words) <= 16 else words[:15] + "…"
    return (
        f'<g><title>{escape(words)}</title><path d="M{_LEFT} {y:.1f}H{_WIDE - _RIGHT}" stroke="#c33" stroke-dasharray="4 3"/>'
        f'<text x="{_WIDE - _RIGHT + 6}" y="{y + 4:.1f}" font-size="11" fill="#c33">'
        f"{reports.money(node.at * times)} 分 {escape(short)}</text></g>"
    )


def _steps(charges: list[Charge], balance: Balance, top: Decimal) -> str:
    path = [f"M{_LEFT} {_y(balance.brought, top):.1f}"]
    path += [f"H{_x(charge.offence.day):.1f}V{_y(charge.balance, top):.1f}" for charge in charges]
    path.append(f"H{_WIDE - _RIGHT}")
    return f'<path d="{"".join(path)}" fill="none" stroke="#1763b6" stroke-width="2"/>'


def _dots(charges: list[Charge], top: Decimal) -> Iterator[str]:
    for charge in charges:
        title = charge.clause.title if charge.clause else charge.offence.rule
        words = f"{charge.offence.day} {title} 第 {charge.nth} 次 +{reports.money(charge.points)} → {reports.money(charge.balance)}"
        yield (
            f'<circle cx="{_x(charge.offence.day):.1f}" cy="{_y(charge.balance, top):.1f}" r="4" '
            f'fill="{"#c33" if charge.crossed else "#1763b6"}"><title>{escape(words)}</title></circle>'
        )


def _svg(body: str, charts: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDE} {_HIGH * charts}" role="img" '
        f'font-family="system-ui, PingFang SC, Noto Sans CJK SC, sans-serif">\n{body}\n</svg>'
    )
