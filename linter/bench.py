"""The rule author's bench: lexicons in, problems, pages, schemas and trial runs out.

`check` runs what no load does: every example, spellings that shadow each other, rules that no example hits. `doc` turns
a rule file into the page its readers see. `schema` describes the three kinds of file to editors. `try_rule` shows what
one rule would hit in a log, and what it would let go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from linter.compiled import symbols_spelled
from linter.engine import Linter
from linter.evaluate import check_examples
from linter.fixes import check_fixes
from linter.lexicon import (
    CLEARS,
    CONCEPT_KEYS,
    EXAMPLE_KEYS,
    FIND_KEYS,
    NEEDS,
    RULE_KEYS,
    STATUSES,
    Example,
    Lexicon,
    Rule,
)
from linter.measures import MEASURES
from linter.model import CHANNELS, PLATFORMS, VERDICTS, Clause, Finding, Message, Rejection
from linter.reports import CONFIDENCE_NAMES, PLATFORM_NAMES, VERDICT_NAMES, span
from linter.rulebook import KINDS
from linter.rulebook import schema as rulebook_schema
from linter.text import Folding
from linter.wordings import REACHES, Fixing

CHANNEL_NAMES = {"chat": "聊天", "listing.title": "商品标题", "listing.detail": "商品详情"}


# --- check -----------------------------------------------------------------------------------------------------------


def check(lexicon: Lexicon, only: Sequence[str] = ()) -> list[str]:
    """Return every problem of the lexicons that only running them shows, as `path:line: what, expected what`."""
    problems = [*check_examples(lexicon, only), *check_fixes(lexicon, only)]
    if not only:
        problems += [
            *_duplicate_spellings(lexicon),
            *_unused_concepts(lexicon),
            *_unpriced(lexicon),
            *_unknown_over(lexicon),
        ]
    return problems


def _duplicate_spellings(lexicon: Lexicon) -> Iterator[str]:
    """Yield spellings that fold to the same characters as another of their concept: the second one never counts."""
    folding = Folding(lexicon.reads, symbols_spelled(lexicon))
    for concept in lexicon.concepts.values():
        seen: dict[str, str] = {}
        for spelling in (*concept.strong, *concept.weak):
            folded = folding.normal(spelling)
            if not folded:
                yield f"{concept.place}: '{spelling}' folds to nothing, expected a spelling with letters or characters"
            elif folded in seen:
                yield f"{concept.place}: '{spelling}' reads like '{seen[folded]}', expected one of them only"
            seen.setdefault(folded, spelling)


def _unused_concepts(lexicon: Lexicon) -> Iterator[str]:
    named = {name for rule in lexicon.rules.values() for pattern in _patterns(rule) for name in pattern.names}
    for concept in lexicon.concepts.values():
        built_in = concept.id == "filler" or concept.id.startswith(("clear-", "="))
        if concept.id not in named and not built_in and concept.id not in _settings(lexicon):
            yield f"{concept.place}: no rule names concept '{concept.id}', expected one that does"


def _settings(lexicon: Lexicon) -> set[str]:
    return {word for rule in lexicon.rules.values() for _, value in rule.settings for word in value.split()}


def _patterns(rule: Rule) -> Iterator[Any]:
    yield from rule.unless
    for find in rule.finds:
        for group in (
            find.patterns, find.asked, find.unless_asked, find.earlier, find.unless_earlier, find.said, find.unless,
            find.unless_anywhere,
        ):  # fmt: skip
            yield from group


def _unpriced(lexicon: Lexicon) -> Iterator[str]:
    """Yield stable rules that no rulebook prices on any platform: a finding without a clause cannot be argued."""
    for rule in lexicon.rules.values():
        if rule.status == "stable" and not any(lexicon.rulebooks.clauses(rule.id, p) for p in PLATFORMS):
            yield f"{rule.place}: no rulebook has a clause for '{rule.id}', expected one on a platform or in law"


def _unknown_over(lexicon: Lexicon) -> Iterator[str]:
    for rule in lexicon.rules.values():
        for other in rule.over:
            if other not in lexicon.rules:
                yield f"{rule.place}: 'over' names unknown rule '{other}', expected a rule's id"


# --- doc -------------------------------------------------------------------------------------------------------------


def doc(rule: Rule, lexicon: Lexicon) -> str:
    """Return the rule's page as Markdown, in Chinese: its readers are shop staff."""
    parts = [
        f"# {rule.title}\n\n`{rule.id}` · 默认判定：{VERDICT_NAMES[rule.verdict]} · "
        f"适用：{'、'.join(CHANNEL_NAMES[c] for c in rule.channels)} · 自 {rule.since} 起",
        f"## 查什么\n\n{rule.message.replace('{text}', '……')}。",
        f"## 为什么不能说\n\n{rule.why}",
        _clause_table(rule, lexicon),
        "## 违规示例\n\n" + "\n".join(_shown(example) for example in rule.violates),
        "## 不违规的相近说法\n\n" + "\n".join(_shown(example) for example in rule.passes),
    ]
    if rule.suggestion:
        parts.append(f"## 可以这样说\n\n> {rule.suggestion}")
    if rule.fix:
        parts.append("## 怎样改\n\n" + _fix_table(rule.fix))
    return "\n\n".join(parts) + "\n"


def _fix_table(fix: Fixing[Example]) -> str:
    rows = ["| 原话 | 改为 | 怎么用 |", "|---|---|---|"]
    for before in fix.examples:
        is_safe = any(wording.safe and wording.say in before.after for wording in fix.wordings)
        use = "自动（`--fix`）" if is_safe else "看过再用（`--unsafe-fixes`）"
        rows.append(f"| {_shown(before.example)[2:]} | {before.after} | {use} |")
    return "\n".join(rows)


def _clause_table(rule: Rule, lexicon: Lexicon) -> str:
    rows = [
        "## 各平台条款\n",
        "| 平台 | 判定 | 条款 | 扣分 | 金额（元） | 依据与日期 | 可信度 |",
        "|---|---|---|---|---|---|---|",
    ]
    seen: set[str] = set()
    for platform in PLATFORMS:
        verdict = lexicon.rulebooks.verdict(rule.id, platform, rule.channels[0]) or rule.verdict
        clauses = lexicon.rulebooks.clauses(rule.id, platform, rule.channels[0])
        for clause in clauses:
            if clause.id not in seen:
                seen.add(clause.id)
                rows.append(_clause_row(clause, verdict))
    return "\n".join(rows if seen else [rows[0], "暂无条款出处。"])


def _clause_row(clause: Clause, verdict: str) -> str:
    source = clause.sources[0].name if clause.sources else "未知"
    cells = [
        PLATFORM_NAMES.get(clause.platform, clause.platform), VERDICT_NAMES[verdict], clause.title,
        span(clause.points, clause.points_max), span(clause.amount, clause.amount_max),
        f"{source}（{clause.as_of or '日期未知'}）", CONFIDENCE_NAMES[clause.confidence],
    ]  # fmt: skip
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _shown(example: Example) -> str:
    text, position, parts = example.text, 0, []
    for start, end in example.spans:
        parts += [text[position:start], f"**{text[start:end]}**"]
        position = end
    body = "".join([*parts, text[position:]]).replace("\n", " / ")
    said = "".join(f"{'买家' if turn.role == 'buyer' else '客服'}：{turn.text} → " for turn in example.context)
    where = "" if example.platform == "taobao" else f"（{PLATFORM_NAMES[example.platform]}）"
    return f"- {said}{body}{where}"


def coverage_rows(lexicon: Lexicon) -> list[tuple[str, str, str, str]]:
    """Return every norm of the rulebooks: id, platform, kind, what covers it."""
    return [
        (entry.id, PLATFORM_NAMES[entry.platform], KINDS[entry.kind], "、".join(entry.covered_by))
        for entry in lexicon.rulebooks.coverage()
    ]


def coverage_counts(lexicon: Lexicon) -> str:
    """Return how many norms there are of each kind, in one line."""
    entries = lexicon.rulebooks.coverage()
    kinds = "，".join(f"{name} {sum(entry.kind == kind for entry in entries)}" for kind, name in KINDS.items())
    bare = sum(not entry.covered_by for entry in entries)
    return f"共 {len(entries)} 条：{kinds}；没有着落的 {bare}"


def coverage(lexicon: Lexicon) -> str:
    """Return the table of all norms as Markdown."""
    rows = [
        "# 规则条目与覆盖\n",
        coverage_counts(lexicon) + "。\n",
        "| 条目 | 平台 | 类型 | 由什么覆盖 |",
        "|---|---|---|---|",
    ]
    rows += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in coverage_rows(lexicon)]
    return "\n".join(rows) + "\n"


def index(lexicon: Lexicon) -> str:
    """Return the table of all rules as Markdown."""
    rows = ["# 规则一览\n", "| 规则 | 名称 | 默认判定 | 适用 |", "|---|---|---|---|"]
    for rule in sorted(lexicon.rules.values(), key=lambda r: (r.group, r.id)):
        where = "、".join(CHANNEL_NAMES[c] for c in rule.channels)
        rows.append(f"| [{rule.id}]({rule.id}.md) | {rule.title} | {VERDICT_NAMES[rule.verdict]} | {where} |")
    return "\n".join(rows) + "\n"


# --- try -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Trial:
    """One message in which a rule found, or nearly found, something."""

    message: Message
    findings: tuple[Finding, ...]
    rejections: tuple[Rejection, ...]


def try_rule(rule: str, messages: Iterable[Message], linter: Linter) -> Iterator[Trial]:
    """Yield the messages of a log that a rule hits or lets go, drafts included (make the linter with drafts=True)."""
    for message in messages:
        explanation = linter.explain(message)
        findings = tuple(f for f in explanation.findings if f.rule == rule)
        rejections = tuple(r for r in explanation.rejections if r.rule == rule)
        if findings or rejections:
            yield Trial(message, findings, rejections)


# --- schema ----------------------------------------------------------------------------------------------------------


def schema(kind: str) -> dict[str, Any]:
    """Return the JSON Schema of a kind of file: concept, rule or rulebook."""
    if kind == "rulebook":
        return rulebook_schema()
    texts = _texts()
    flag = {"enum": ["yes", "no"]}
    if kind == "concept":
        body = {key: texts if key in ("strong", "weak", "except") else {"type": "string"} for key in CONCEPT_KEYS}
        return _object(body | {"disguise": flag, "word": flag}, ("title", "strong"), "A kefulint concept")
    patterns = {"anyOf": [{"type": "string"}, texts]}
    find = dict.fromkeys(FIND_KEYS, patterns) | {
        "within": {"type": ["integer", "string"]}, "longest": {"type": ["integer", "string"]},
        "any-order": flag, "across": flag, "weak": flag, "other-brand": flag, "verdict": {"enum": list(VERDICTS)},
        "channels": _some(CHANNELS), "platforms": _some(PLATFORMS), "clear": _some(CLEARS),
    }  # fmt: skip
    example = {key: {"type": "string"} for key in EXAMPLE_KEYS} | {
        "context": texts, "platform": {"enum": list(PLATFORMS)}, "channel": {"enum": list(CHANNELS)},
        "verdict": {"enum": list(VERDICTS)},
    }  # fmt: skip
    examples = {"type": "array", "items": {"anyOf": [{"type": "string"}, _object(example, ("text",))]}}
    body = {key: {"type": "string"} for key in RULE_KEYS} | {
        "verdict": {"enum": list(VERDICTS)}, "status": {"enum": list(STATUSES)}, "needs": {"enum": list(NEEDS)},
        "measure": {"enum": list(MEASURES)}, "channels": _some(CHANNELS), "clear": _some(CLEARS), "over": texts,
        "words": {"type": "object"}, "settings": {"type": "object"}, "fix": _fix_schema(example), "unless": patterns,
        "find": {"type": "array", "items": {"anyOf": [{"type": "string"}, _object(find, ("say",))]}},
        "violates": examples, "passes": examples,
    }  # fmt: skip
    required = ("title", "verdict", "status", "why", "message")
    return _object(body, required, "A kefulint rule")


def _fix_schema(example: dict[str, Any]) -> dict[str, Any]:
    wording = {
        "say": {"type": "string"},
        "over": {"enum": list(REACHES)},
        "replace": _texts(),
        "channels": _some(CHANNELS),
    }
    wordings = {"type": "array", "items": _object(wording, ("say",))}
    shown = _object(example | {"after": {"type": "string"}}, ("text", "after"))
    examples = {"type": "array", "minItems": 2, "items": {"anyOf": [{"type": "string", "pattern": " -> "}, shown]}}
    return _object({"safe": wordings, "unsafe": wordings, "examples": examples}, ("examples",))


def _texts() -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string"}}


def _some(values: Sequence[str]) -> dict[str, Any]:
    return {"type": "array", "items": {"enum": list(values)}}


def _object(properties: dict[str, Any], required: Sequence[str], title: str = "") -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": "object", "properties": properties, "required": list(required), "additionalProperties": False,
    }  # fmt: skip
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title} | made if title else made
