"""Findings in, fixes out: wordings of the rule files laid over the message, each judged again before it is offered.

A fix that leaves its finding, or brings in another, is dropped, whatever the rule file says of it: wording depends on
what stands around it. Judging again is what fixes cost, so one message has a budget of it: a long one in which much is
wrong gets the fixes that were found until it was spent. It is counted in characters and not in seconds, so that the same
message gets the same fixes everywhere. The question a reader may ask: why may a fix not touch a placeholder? Because what
it stands for would be lost, and nobody looks at a canned reply again that a program has put right.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import regex

from linter.engine import Linter, replace_text
from linter.entries import Before, Example, Lexicon, Wording
from linter.markup import mask_html
from linter.model import CHANNELS, LISTING_FIELDS, PLATFORMS, Finding, Fix, Message

_STOP = "。！？!?\n\r…;；"
_CLAUSE = re.compile(rf"[{_STOP}，,、~～\s]+")
_SENTENCE = re.compile(rf"[{_STOP}]+")
Judge = Callable[[str], Sequence[Finding]]
_WORTH = 6_000  # characters that are judged again for one message at most
_EACH = 20  # characters that judging any text comes to besides its own
_MOST = 12  # fixes of one message, so that wordings that call for each other end


@dataclass(frozen=True, slots=True)
class Repair:
    """A message after its fixes. `left` are the findings that stay."""

    text: str
    fixes: tuple[Fix, ...]  # each over the text that the one before left
    left: tuple[Finding, ...]


class Trials:
    """Changed texts of one message in, their findings out: each is judged once, and no more of them than they are worth.

    `beside` is how many characters are judged along with each; once `stopped` says so, CancelledError is raised.
    """

    def __init__(self, judge: Judge, beside: int = 0, stopped: Callable[[], bool] = bool) -> None:
        self._judge = judge
        self._each = beside + _EACH
        self._stopped = stopped
        self._left = _WORTH
        self._known: dict[str, Sequence[Finding]] = {}

    def __call__(self, text: str) -> Sequence[Finding] | None:
        """Return the findings of a text, or None where the budget is spent."""
        if text in self._known:
            return self._known[text]
        if self._stopped():
            raise CancelledError
        self._left -= len(text) + self._each
        if self._left < 0:
            return None
        found = self._known[text] = self._judge(text)
        return found


def trials_of(linter: Linter, message: Message, stopped: Callable[[], bool] = bool) -> Trials:
    """Return the trials of a message: a changed text is judged as a message like it."""
    return Trials(lambda text: linter.check_message(replace_text(message, text)), stopped=stopped)


def with_fixes(
    linter: Linter, message: Message, findings: Sequence[Finding], original: str = "", trials: Trials | None = None
) -> list[Finding]:
    """Return the findings of a message with their fixes: the safe one where there is one that works, else the other.

    `original` is the message as written where `message` has something masked; what is masked is never replaced.
    """
    trials = trials or trials_of(linter, message)
    return [replace(f, fix=fix_of(linter, message, findings, f, original=original, trials=trials)) for f in findings]


def with_listing_fixes(linter: Linter, record: Mapping[str, Any], findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings of a listing with their fixes, each field judged again as part of the whole record."""
    fields = dict.fromkeys(finding.field or "title" for finding in findings)
    trials = {field: _trials_of_field(linter, record, field) for field in fields}
    found = []
    for finding in findings:
        field = finding.field or "title"
        text = str(record.get(field) or "")
        message = Message(mask_html(text), LISTING_FIELDS[field])
        mine = [f for f in findings if f.field == field]
        fix = fix_of(linter, message, mine, finding, original=text, trials=trials[field])
        found.append(replace(finding, fix=fix))
    return found


def _trials_of_field(linter: Linter, record: Mapping[str, Any], field: str) -> Trials:
    def judge(words: str) -> list[Finding]:
        return [f for f in linter.check_listing({**record, field: words}) if f.field == field]

    return Trials(judge, sum(len(str(record.get(name) or "")) for name in ("title", "detail") if name != field))


def fix_of(
    linter: Linter, message: Message, findings: Sequence[Finding], finding: Finding, *, original: str = "",
    unsafe: bool = True, trials: Trials | None = None,
) -> Fix | None:  # fmt: skip
    """Return the first wording of the finding's rule that clears it and brings in nothing else.

    `trials` judge a changed text; without some it is judged as a message like the one given.
    """
    trials = trials or trials_of(linter, message)
    rule = linter.lexicon.rules.get(finding.rule)
    if rule is None or rule.fix is None or finding.ids or message.text[finding.start : finding.end] == "":
        return None
    for wording in rule.fix.wordings:
        if not (wording.safe or unsafe) or message.channel not in (wording.channels or CHANNELS):
            continue
        for fix in _laid(wording, message.text, finding, linter.lexicon):
            is_whole = original[fix.start : fix.end] in ("", message.text[fix.start : fix.end])
            if is_whole and _clears(trials, linter.lexicon, _with(message.text, fix), findings, finding):
                return fix
    return None


def repair(
    linter: Linter, message: Message, *, unsafe: bool = False, rules: frozenset[str] = frozenset(), trials: Trials | None = None
) -> Repair:  # fmt: skip
    """Fix a message finding by finding, judging it anew each time; `rules` restricts which findings are fixed."""
    fixes: list[Fix] = []
    trials = trials or trials_of(linter, message)
    findings: Sequence[Finding] = linter.check_message(message)
    while True:
        wanted = (f for f in findings if not rules or f.rule in rules)
        offers = (fix_of(linter, message, findings, f, unsafe=unsafe, trials=trials) for f in wanted)
        fix = next((fix for fix in offers if fix), None) if len(fixes) < _MOST else None
        if fix is None:
            return Repair(message.text, tuple(fixes), tuple(findings))
        fixes.append(fix)
        message = replace_text(message, _with(message.text, fix))
        findings = trials(message.text) or ()  # known: the fix was tried


def rewrite(
    message: Message | str, findings: Sequence[Finding], linter: Linter, *, unsafe: bool = False, trials: Trials | None = None
) -> str | None:  # fmt: skip
    """Return the whole message in a wording without errors and warnings, or None where some finding has no fix.

    None too where there is nothing to put right.
    """
    if not any(f.verdict in ("error", "warning") for f in findings):
        return None
    grave = frozenset(f.rule for f in findings if f.verdict in ("error", "warning"))
    known = (linter.lexicon.rules.get(rule) for rule in grave)
    if not any(wording.safe or unsafe for rule in known if rule and rule.fix for wording in rule.fix.wordings):
        return None  # told without judging again
    message = Message(message) if isinstance(message, str) else message
    repaired = repair(linter, message, unsafe=unsafe, rules=grave, trials=trials)
    return None if any(f.verdict in ("error", "warning") for f in repaired.left) else repaired.text


def _with(text: str, fix: Fix) -> str:
    return text[: fix.start] + fix.replacement + text[fix.end :]


def _clears(trials: Trials, lexicon: Lexicon, text: str, findings: Sequence[Finding], finding: Finding) -> bool:
    """Is the changed text better: something is left of it, this finding is gone, and none has come?"""
    if _nothing(lexicon).fullmatch(text):
        return False
    found = trials(text)
    if found is None:
        return False
    before, after = Counter(f.rule for f in findings), Counter(f.rule for f in found)
    return after[finding.rule] < before[finding.rule] and after <= before


# --- laying a wording over a message ---------------------------------------------------------------------------------


def _laid(wording: Wording, text: str, finding: Finding, lexicon: Lexicon) -> Iterator[Fix]:
    """Yield the ways to lay a wording over a finding."""
    if wording.replace:
        yield from _replaced(wording, text, finding)
        return
    start, end = _reach(wording.over, text, finding, lexicon)
    say = wording.say
    if say and say in text[:start] + text[end:]:  # said already: twice would be once too much
        say = ""
    if not say:
        start, end = _without_sign(text, start, end)
    yield Fix(start, end, say, wording.safe)


def _replaced(wording: Wording, text: str, finding: Finding) -> Iterator[Fix]:
    """Yield the words of `replace` that overlap the finding, the longest first; at most one at a place."""
    for words in sorted(wording.replace, key=len, reverse=True):
        start = text.find(words, max(finding.start - len(words) + 1, 0))
        if 0 <= start < finding.end:
            yield Fix(start, start + len(words), wording.say, wording.safe)


def _reach(over: str, text: str, finding: Finding, lexicon: Lexicon) -> tuple[int, int]:
    """Return the span that a wording takes the place of; the address in front (亲，您好，) stays."""
    if over == "words":
        return finding.start, finding.end
    if over == "message":
        start, end = 0, len(text)
    else:
        breaks = (_CLAUSE if over == "clause" else _SENTENCE).finditer(text)
        edges = [match.span() for match in breaks]
        start = max((last for _, last in edges if last <= finding.start), default=0)
        end = min((first for first, _ in edges if first >= finding.end), default=len(text))
    address = _address(lexicon).match(text, start, finding.start)
    start = address.end() if address else start
    end -= len(text[start:end]) - len(text[start:end].rstrip())
    return start, end


def _without_sign(text: str, start: int, end: int) -> tuple[int, int]:
    """Take in the sign behind what is deleted, or the one before it where nothing follows."""
    behind = _CLAUSE.match(text, end)
    if behind and behind.end() < len(text):
        return start, behind.end()
    before = re.search(r"[，,、~～\s]+\Z", text[:start])
    return (before.start() if before else start), end


@lru_cache(maxsize=4)
def _address(lexicon: Lexicon) -> regex.Pattern[str]:
    """Return the pattern of polite words that stand by themselves at the start of a sentence."""
    return regex.compile(rf"(?:(?:{_fillers(lexicon)})*+[，,、~～!！。\s]++)*+")


@lru_cache(maxsize=4)
def _nothing(lexicon: Lexicon) -> regex.Pattern[str]:
    """Return the pattern of a message that says nothing."""
    return regex.compile(rf"(?:{_fillers(lexicon)}|\W)*+")


def _fillers(lexicon: Lexicon) -> str:
    filler = lexicon.concepts.get("filler")
    words = sorted(filler.strong if filler else (), key=len, reverse=True)
    return "|".join(map(re.escape, words)) or "(?!)"


# --- the examples of rule files --------------------------------------------------------------------------------------


def check_fixes(lexicon: Lexicon, only: Sequence[str] = ()) -> list[str]:
    """Run the examples of every `fix:`; return what fails as `path:line: what, expected what`.

    What a fix leaves must stand on every platform, not only on the one of the example.
    """
    everywhere = Linter(PLATFORMS, lexicon=lexicon, drafts=True)
    linters = {platform: Linter(platform, lexicon=lexicon, drafts=True) for platform in PLATFORMS}
    problems: list[str] = []
    for rule in lexicon.rules.values():
        if rule.fix is None or rule.status == "retired" or (only and rule.id not in only):
            continue
        said: set[str] = set()
        for shown in rule.fix.examples:
            message = Message(shown.example.text, shown.example.channel, shown.example.context)
            repaired = repair(linters[shown.example.platform], message, unsafe=True, rules=frozenset({rule.id}))
            said |= {fix.replacement for fix in repaired.fixes}
            left = everywhere.check_message(replace_text(message, repaired.text))
            problems += [f"{shown.example.place}: {what}" for what in _failures(shown, repaired.text, left)]
        unshown = [wording for wording in rule.fix.wordings if wording.say not in said]
        problems += [f"{w.place}: no example comes to say '{w.say}', expected one for every wording" for w in unshown]
    return problems


def _failures(shown: Before[Example], text: str, left: Sequence[Finding]) -> Iterator[str]:
    if text != shown.after:
        yield f"'{shown.example.text}' is fixed as '{text}', expected '{shown.after}'"
    for finding in left:
        if finding.verdict in ("error", "warning"):
            yield f"the fix leaves {finding.rule} at '{finding.text}', expected nothing of the kind"
