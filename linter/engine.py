"""Messages in, findings out: `Linter` joins the stages fold, scan, confirm and prices what is left.

A linter is immutable after it was made and safe to share between threads. The question a reader may ask: why is a
message judged rule by rule on its hits, and not hit by hit? Because a hit alone means nothing; a rule says which hits
together do, and in which context.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from linter import cache, measures
from linter.compiled import Compiled, Reading, Tried, compiled
from linter.entries import Lexicon, Rule
from linter.judge import Court, Match, Scene, settle
from linter.markup import mask_html
from linter.model import (
    CHANNELS,
    LISTING_FIELDS,
    PLATFORMS,
    Clause,
    Finding,
    KefulintError,
    Message,
    Origin,
    Rejection,
    Turn,
    Utterance,
    milder,
)
from linter.pattern import Hit
from linter.prefilter import Prefilter
from linter.reading.evidence import Heard, Said
from linter.reading.reader import Scored, hear, reader_of, said
from linter.scan import native

_FRAGMENT = 4  # an agent's turn of so few characters may be a piece of a split word
_LONG = 1200  # characters; a longer text is judged in windows
_WINDOW, _OVERLAP = 600, 120
_BATCH = 8192  # messages that are looked at together
_FEW = 1024  # texts that are sooner read one by one than a prefilter is made for
_KNOWN = 16_384  # bare texts whose findings a run over many remembers
_NOTHING: tuple[Finding, ...] = ()
_CONTEXT = 6  # earlier turns that count as context
_GIVES = {
    "line": "a single message",
    "conversation": "a conversation",
    "record": "a listing",
    "set": "a set of listings",
    "times": "a conversation with times",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """What was found in a message and what was let go, and why."""

    findings: list[Finding]
    rejections: list[Rejection]


class Linter:
    """The compiled lexicons for one or several platforms.

    `lexicons` are folders of a shop's own concepts, rules and rulebooks; `rules` restricts the work to some rules,
    `ignore` leaves some out;
    `as_of` (ISO date) prices by the figures of that day; `drafts` runs rules that are not stable yet; `reader` is a file of
    weights (`make weights`) that decides the rules it has learned, on trial: without one the rules' own cues decide.
    Raises KefulintError for unknown platforms or rules and LexiconError for lexicons that do not load.
    """

    def __init__(
        self,
        platform: str | Sequence[str] = "taobao",
        lexicons: Sequence[str | Path] = (),
        *,
        lexicon: Lexicon | None = None,
        rules: Sequence[str] = (),
        ignore: Iterable[str] = (),
        as_of: str | None = None,
        drafts: bool = False,
        reader: str | Path | None = None,
    ) -> None:
        self.platforms = (platform,) if isinstance(platform, str) else tuple(platform)
        unknown = [p for p in self.platforms if p not in PLATFORMS]
        if unknown or not self.platforms:
            raise KefulintError(f"unknown platform '{', '.join(unknown)}', expected one of {', '.join(PLATFORMS)}")
        self._compiled: Compiled = compiled(lexicon) if lexicon else cache.ready(tuple(map(str, lexicons)))
        self.lexicon = self._compiled.lexicon
        self.rules = _selected(self.lexicon, rules, drafts).difference(ignore)
        self._asked_for = tuple(rules)
        self._reader = reader_of(Path(reader)) if reader else None
        self._learned = self._reader_rules()
        self._said = lru_cache(maxsize=4096)(self._hear_turn)
        self.as_of = as_of
        self._measured_rules = [rule for rule in self._compiled.measured if rule.id in self.rules]
        self._measuring = {
            channel: [
                r
                for r in self._measured_rules
                if channel in r.channels and r.measure in ("repeated-text", "repeated-words")
            ]
            for channel in CHANNELS
        }
        self._read = lru_cache(maxsize=64)(self._compiled.read)
        self._clauses = lru_cache(maxsize=1024)(self._clauses_of)
        self._probes = lru_cache(maxsize=None)(
            lambda channel: self._compiled.probes(channel, self.rules, self.platforms)
        )
        self._prefilters: dict[str, Prefilter] = {}
        self._asked = 0  # texts, without a prefilter

    def _reader_rules(self) -> frozenset[str]:
        """Return the rules that the reader decides: those it has learned, as long as no shop has put its own in their place."""
        known = self._reader.rules if self._reader else ()
        return frozenset(rule for rule in known if rule in self.rules and not self.lexicon.rules[rule].own)

    def _prefilter(self, channel: str, coming: int = 1) -> Prefilter | None:
        """Return what tells quickly which finds could match one of `coming` texts.

        None as long as few were asked about, which are sooner read, and where the compiled part was not built.
        """
        found = self._prefilters.get(channel)
        if found is None and native:
            self._asked += coming
            if self._asked > _FEW:
                probes = self._compiled.each_probe(channel, self.rules, self.platforms)
                found = self._prefilters[channel] = Prefilter(self._compiled, probes)
        return found

    @property
    def version(self) -> str:
        """The version of the lexicons, in every finding."""
        return self.lexicon.version

    # --- the public ways in

    def check(
        self, text: str, channel: str = "chat", context: Iterable[Turn] = (), role: str = "agent"
    ) -> list[Finding]:
        """Judge one message; return its findings in order of place."""
        return self.check_message(Message(text, channel, context, role))

    def check_message(self, message: Utterance) -> list[Finding]:
        """Judge one Message. A buyer's message has no findings."""
        self._require("line", "conversation")
        return self._judge(_with_shown_context(message), None)

    def check_many(self, messages: Iterable[str | Utterance]) -> Iterator[list[Finding]]:
        """Judge messages in order; the same answers as `check`, at batch speed."""
        self._require("line", "conversation")
        given = iter(messages)
        known: dict[str, Sequence[Finding]] = {}  # what bare texts gave: real chat repeats itself
        while batch := list(islice(given, _BATCH)):
            if len(known) > _KNOWN:
                known.clear()
            for found in self._judge_batch(batch, known):
                yield list(found)

    def _judge_batch(
        self, batch: Sequence[str | Utterance], known: dict[str, Sequence[Finding]]
    ) -> list[Sequence[Finding]]:
        """Judge a batch: first look for what could be found in all, then judge what is left, which keeps either work hot.

        The values of a batch hold no cycles: looking for some is put off meanwhile.
        """
        collecting = gc.isenabled()
        gc.disable()
        try:
            found: list[Sequence[Finding]] = []
            waiting: list[tuple[int, str, Sequence[int] | None]] = []
            prefilter = self._prefilter("chat", len(batch))
            for one in batch:
                if not isinstance(one, str):
                    found.append(self._judge(one, None))
                    continue
                before = known.get(one)
                if before is None and ("<" in one or "&" in one):
                    before = known[one] = self._judge(Message(one), None)
                if before is None:
                    numbers = prefilter.numbers(one) if prefilter and len(one) <= _LONG else None
                    if numbers or numbers is None or self._may_mean(Message(one)):
                        waiting.append((len(found), one, numbers))
                    else:
                        known[one] = _NOTHING
                found.append(before or _NOTHING)
            for place, text, numbers in waiting:
                if text not in known:
                    finds = prefilter.finds(numbers, text) if prefilter and numbers else None
                    known[text] = self._judge(Message(text), None, finds=finds)
                found[place] = known[text]
            return found
        finally:
            if collecting:
                gc.enable()

    def check_conversation(self, turns: Sequence[Turn]) -> list[list[Finding]]:
        """Judge every agent's turn in the light of those before; one list of findings a turn."""
        self._require("line", "conversation", "times")
        found: list[list[Finding]] = []
        for index, turn in enumerate(turns):
            before = turns[max(0, index - _CONTEXT) : index]
            message = Message(turn.text, context=before, role=turn.role, origin=Origin(time=turn.time))
            found.append(self.check_message(message))
        for index, seconds in measures.waits(turns):
            found[index] += self._late(turns[index], seconds)
        return found

    def _late(self, turn: Turn, seconds: float) -> Iterator[Finding]:
        """Yield a finding where an answer took longer than every platform's own measure allows."""
        rule = self.lexicon.rules.get("slow-first-reply")
        if rule is None or rule.id not in self.rules:
            return
        limits = {p: self._reply_limit(p) for p in self.platforms}
        verdicts = tuple((p, rule.verdict if seconds > limit else "none") for p, limit in limits.items())
        late = [limit for limit in limits.values() if seconds > limit]
        if late and turn.text:
            waited = f"（等了 {seconds:.0f} 秒，时限 {max(late):.0f} 秒）"
            yield Finding(
                rule.id, rule.verdict, 0, len(turn.text), turn.text, rule.message.replace("{text}", turn.text) + waited,
                rule.suggestion, self.clauses(rule.id), verdicts, version=self.version,
            )  # fmt: skip

    def _reply_limit(self, platform: str) -> float:
        """Return the seconds a platform's strictest measure gives for an answer; without one, no limit."""
        known = self.lexicon.rulebooks.measures.values()
        return min((one.within for one in known if one.platform == platform and one.within), default=float("inf"))

    def check_listing(self, record: Mapping[str, Any]) -> list[Finding]:
        """Judge one listing: its texts (LISTING_FIELDS, HTML allowed), and the title against freight and category.

        `Finding.field` says which field a span lies in; spans count code points of the field as given.
        """
        self._require("line", "record")
        return [
            finding
            for name in LISTING_FIELDS
            if record.get(name)
            for finding in self._judge_field(record, name, str(record[name]))
        ]

    def check_listings(self, records: Iterable[Mapping[str, Any]]) -> list[Finding]:
        """Judge a shop's listings against each other: findings across records carry `ids`."""
        self._require("set")
        shops: dict[str, list[Mapping[str, Any]]] = {}
        for record in records:
            shops.setdefault(str(record.get("shop") or ""), []).append(record)
        rules = [rule for rule in self._measured_rules if rule.needs == "set"]
        return [finding for rule in rules for listed in shops.values() for finding in self._judge_set(rule, listed)]

    def explain(self, message: Utterance) -> Explanation:
        """Judge one message and keep the reasons for every candidate that was let go."""
        rejections: list[Rejection] = []
        return Explanation(self._judge(_with_shown_context(message), rejections), rejections)

    def clauses(self, rule: str, channel: str = "chat", platforms: Sequence[str] = ()) -> tuple[Clause, ...]:
        """Return the clauses behind a rule on some platforms (default: this linter's), priced as of its day."""
        return self._clauses(rule, channel, tuple(platforms) or self.platforms)

    def _clauses_of(self, rule: str, channel: str, platforms: tuple[str, ...]) -> tuple[Clause, ...]:
        books = self.lexicon.rulebooks
        found: dict[str, Clause] = {}
        for platform in platforms:
            for clause in books.clauses(rule, platform, channel, self.as_of):
                found.setdefault(clause.id, clause)
        return tuple(sorted(found.values(), key=lambda clause: clause.platform in ("any", "law")))

    # --- the stages

    def _judge(
        self,
        message: Utterance,
        rejections: list[Rejection] | None,
        record: Mapping[str, Any] | None = None,
        finds: Sequence[Tried] | None = None,
    ) -> list[Finding]:
        if message.role != "agent" or not message.text:
            return []
        if "<" in message.text or "&" in message.text:
            return self._judge_markup(message, rejections, record)
        return self._judge_shown(message, rejections, record, finds)

    def _judge_markup(
        self, message: Utterance, rejections: list[Rejection] | None, record: Mapping[str, Any] | None
    ) -> list[Finding]:
        """Judge what a buyer sees of HTML; what is found is said in the words as they stand."""
        text = message.text
        shown = replace_text(message, mask_html(text))
        found = self._judge_shown(shown, rejections, record)
        return found if shown.text == text else [as_written(finding, text) for finding in found]

    def _judge_shown(
        self,
        message: Utterance,
        rejections: list[Rejection] | None,
        record: Mapping[str, Any] | None = None,
        finds: Sequence[Tried] | None = None,
    ) -> list[Finding]:
        if len(message.text) > _LONG:
            return self._judge_long(message, rejections, record)
        before = _fragments(message) if message.context else ()
        if finds is None and record is None and rejections is None:  # what is let go must be looked at
            prefilter = self._prefilter(message.channel)
            finds = prefilter.could(message.text, before, message.context) if prefilter else None
        measuring = self._measuring.get(message.channel)
        if measuring:
            measuring = [rule for rule in measuring if _may_measure(rule, message)]
        if finds is not None and not finds and not measuring and not self._may_mean(message):
            return []
        scene = self._scene(message, before, record or {})
        if finds is None:
            finds = self._probes(message.channel).wanted(scene.reading, bool(message.context))
        return self._judge_scene(scene, finds, measuring or (), rejections, record)

    def _judge_long(
        self, message: Utterance, rejections: list[Rejection] | None, record: Mapping[str, Any] | None
    ) -> list[Finding]:
        """Judge a very long text window by window: words that break a rule stand near each other, time stays linear."""
        found: dict[tuple[str, int], Finding] = {}
        probes = self._probes(message.channel)
        for start, end in _windows(message.text):
            window = replace_text(message, message.text[start:end])
            scene = self._scene(window, _fragments(window), record or {})
            first = scene.reading.start if start == 0 else -1  # the start of a window is not that of the message
            last = scene.reading.end if end == len(message.text) else _LONG * 10
            scene.reading = scene.reading.bounded(first, last)
            seen = len(rejections) if rejections is not None else 0
            finds = probes.wanted(scene.reading, bool(message.context))
            measuring = [rule for rule in self._measuring.get(message.channel, ()) if _may_measure(rule, window)]
            for finding in self._judge_scene(scene, finds, measuring, rejections, record):
                moved = replace(finding, start=finding.start + start, end=finding.end + start, origin=message.origin)
                found.setdefault((moved.rule, moved.end), moved)
            if rejections is not None:
                rejections[seen:] = [replace(r, start=r.start + start, end=r.end + start) for r in rejections[seen:]]
        return sorted(found.values(), key=lambda finding: (finding.start, finding.end, finding.rule))

    def _judge_scene(
        self,
        scene: Scene,
        finds: Sequence[Tried],
        measuring: Sequence[Rule],
        rejections: list[Rejection] | None,
        record: Mapping[str, Any] | None,
    ) -> list[Finding]:
        """Judge a scene by the finds that could match it."""
        court = Court(self.lexicon, self.platforms, self._read, rejections)
        settled = self._settled(scene, finds, measuring, court, record)
        if self._learned:
            settled = self._read_out(scene, settled, court)
        return [self._finding(match, scene) for match in settled]

    def _settled(
        self,
        scene: Scene,
        finds: Sequence[Tried],
        measuring: Sequence[Rule],
        court: Court,
        record: Mapping[str, Any] | None,
    ) -> list[Match]:
        """Return what the rules' own cues find."""
        found: list[Match] = []
        for rule, find, patterns in finds:
            if self._applies(rule, record):
                found += court.matches(scene, rule, find, patterns)
        for rule in measuring:
            found += self._measured(rule, scene, court)
        return settle(found, scene.reading.folded)

    def _matched(self, message: Utterance) -> tuple[Scene, list[Match]]:
        """Return a message made ready and what the rules' own cues find in it: what the reader is taught with."""
        scene = self._scene(message, _fragments(message) if message.context else (), {})
        finds = self._probes(message.channel).wanted(scene.reading, bool(message.context))
        court = Court(self.lexicon, self.platforms, self._read)
        return scene, self._settled(scene, finds, (), court, None)

    # --- the reader

    def _may_mean(self, message: Utterance) -> bool:
        """Could the reader find anything in the message? Most are told by their characters alone."""
        if not self._learned or self._reader is None:
            return False
        fold = self._compiled.folding.fold
        asked = [turn.text for turn in message.context if turn.role == "buyer"][-2:]
        return self._reader.may_mean(
            fold(message.text).plain, [fold(t).plain for t in reversed(asked)], message.channel
        )

    def _hear_turn(self, text: str) -> Said:
        assert self._reader is not None
        return said(self._compiled.read(text), self._reader.names)

    def _heard(self, scene: Scene, platform: str, matches: Sequence[Match]) -> Heard:
        assert self._reader is not None
        found = [(match.rule.id, dict(match.verdicts).get(platform, "none")) for match in matches]
        found = [(rule, verdict) for rule, verdict in found if verdict in ("error", "warning")]
        return hear(scene.message, scene.reading, self._said, self._reader.names, platform, found)

    def _read_out(self, scene: Scene, matches: Sequence[Match], court: Court) -> list[Match]:
        """Let the reader decide the rules it has learned; what it lets go is named where somebody wants to know."""
        assert self._reader is not None
        if not matches and not self._may_mean(scene.message):
            return []
        scores = {platform: self._reader.scores(self._heard(scene, platform, matches)) for platform in self.platforms}
        decided = [match for match in matches if self._stands(match, scores, scene, court)]
        seen = {match.rule.id for match in decided}
        for number, name in enumerate(self._reader.rules):
            rule = self.lexicon.rules.get(name)
            if rule and name in self._learned and name not in seen and scene.message.channel in rule.channels:
                told = {
                    platform: milder(self._verdict(rule, platform, scene.message.channel), scored[number].verdict)
                    for platform, scored in scores.items()
                }
                if any(verdict != "none" for verdict in told.values()):
                    decided.append(self._read_match(rule, told, scene))
        return sorted(decided, key=lambda match: (match.start, match.end, match.rule.id))

    def _stands(self, match: Match, scores: Mapping[str, Sequence[Scored]], scene: Scene, court: Court) -> bool:
        """Does what a rule's own cues found stand? The reader lets it go where it is sure that nothing is meant."""
        if match.rule.id not in self._learned or match.rule.measure:
            return True
        for scored in scores.values():
            if any(one.kept for one in scored if one.rule == match.rule.id):
                return True
        court.reject(scene, match.rule, match.start, match.end, "the reader: nothing is meant")
        return False

    def _read_match(self, rule: Rule, told: Mapping[str, str], scene: Scene) -> Match:
        """Return a match of a rule that the reader alone finds, at the words that weigh most for it."""
        assert self._reader is not None
        folded = scene.reading.folded
        own = folded.plain_span(scene.offset, len(folded.original))
        start, end = self._reader.place(folded.plain[own[0] : own[1]], rule.id)
        first, last = folded.original_span(own[0] + start, own[0] + end)
        return Match(rule, (), first, last, tuple(told.items()))

    def _scene(self, message: Utterance, before: Sequence[str], record: Mapping[str, Any]) -> Scene:
        category, brand = str(record.get("category") or ""), str(record.get("brand") or "")
        if not before:
            return Scene(message, self._read(message.text), 0, category, brand)
        offset = sum(len(piece) + 1 for piece in before)
        reading = self._read(" ".join([*before, message.text]))
        # `^` is the start of this message, not of the pieces before it
        own = reading.folded.plain_span(offset, len(reading.folded.original))[0]
        reading = reading.bounded(max(reading.start, own), reading.end)
        return Scene(message, reading, offset, category, brand)

    def _applies(self, rule: Rule, record: Mapping[str, Any] | None) -> bool:
        """Does the input give what the rule needs? A record rule also asks the record."""
        if rule.needs in ("line", "conversation"):
            return True
        if rule.needs != "record" or record is None:
            return False
        if rule.measure == "freight":
            return measures.charged_freight(record, dict(rule.settings).get("excepted", "").split()) is not None
        return True

    def _measured(self, rule: Rule, scene: Scene, court: Court) -> Iterator[Match]:
        settings = dict(rule.settings)
        span = None
        if rule.measure == "repeated-text" and scene.message.context:
            span = measures.repeated_text(scene.message, scene.reading, settings)
        elif rule.measure == "repeated-words":
            span = measures.repeated_words(scene.reading, settings)
        if span:
            start, end = scene.reading.folded.original_span(*span)
            verdicts = court.verdicts(rule, None, self.platforms, scene.message.channel)
            yield Match(rule, (Hit(*span, f"@{rule.measure}", ""),), start, end, verdicts)

    def _judge_field(self, record: Mapping[str, Any], name: str, text: str) -> list[Finding]:
        found = self._judge(Message(text, LISTING_FIELDS[name]), None, record)
        return [replace(f, field=name) for f in found]

    def _judge_set(self, rule: Rule, records: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
        settings = dict(rule.settings)
        titles = [measures.take_apart(record, self._compiled.read, settings) for record in records]
        verdicts = tuple((p, self._verdict(rule, p, "listing.title")) for p in self.platforms)
        for group in measures.near_duplicates(titles, self._compiled.scanner.sounds):
            differences = "；".join(group.differences) or "完全相同"
            yield Finding(
                rule.id,
                max((verdict for _, verdict in verdicts), key=("none", "info", "warning", "error").index),
                0,
                len(group.titles[0]),
                group.titles[0],
                rule.message.replace("{text}", "、".join(group.ids)) + f"（不同之处：{differences}）",
                rule.suggestion,
                self.clauses(rule.id, "listing.title"),
                verdicts,
                ids=group.ids,
                field="title",
                version=self.version,
            )

    def _verdict(self, rule: Rule, platform: str, channel: str) -> str:
        return self.lexicon.rulebooks.verdict(rule.id, platform, channel) or rule.verdict

    def _finding(self, match: Match, scene: Scene) -> Finding:
        rule, message = match.rule, scene.message
        start, end = max(match.start - scene.offset, 0), match.end - scene.offset
        text = message.text[start:end]
        verdicts = dict(match.verdicts)
        return Finding(
            rule=rule.id,
            verdict=match.verdict,
            start=start,
            end=end,
            text=text,
            message=rule.message.replace("{text}", text),
            suggestion=rule.suggestion,
            clauses=self.clauses(
                rule.id, message.channel, [p for p in self.platforms if verdicts.get(p, "none") != "none"]
            ),
            verdicts=tuple((p, verdicts.get(p, "none")) for p in self.platforms),
            spelled=self._spelled(match, scene),
            field=message.channel.partition(".")[2] or None,
            origin=message.origin,
            version=self.version,
        )

    def _spelled(self, match: Match, scene: Scene) -> tuple[str, ...]:
        """Name the disguises and folding steps it took to read the words."""
        names = [hit.how for hit in match.hits if hit.how]
        for hit in match.hits:
            if not hit.concept.startswith("@"):
                names += self._compiled.folding.steps(scene.reading.folded, hit.start, hit.end)
        return tuple(dict.fromkeys(names))

    def _require(self, *given: str) -> None:
        """Raise KefulintError where a rule asked for by name needs more than the input gives."""
        for name in self._asked_for:
            needs = self.lexicon.rules[name].needs
            if needs not in given:
                wanted = _GIVES.get(needs, needs)
                raise KefulintError(
                    f"rule '{name}' needs {wanted}, expected input that gives one, got {_GIVES[given[0]]}"
                )


def _selected(lexicon: Lexicon, rules: Sequence[str], drafts: bool) -> frozenset[str]:
    unknown = [name for name in rules if name not in lexicon.rules]
    if unknown:
        raise KefulintError(f"unknown rule '{unknown[0]}', expected one of {', '.join(sorted(lexicon.rules))}")
    statuses = ("stable", "draft") if drafts else ("stable",)
    return frozenset(r.id for r in lexicon.rules.values() if r.status in statuses and (not rules or r.id in rules))


def _may_measure(rule: Rule, message: Utterance) -> bool:
    """Could a rule that measures find the message? Told without reading it."""
    return rule.measure != "repeated-text" or measures.may_repeat(message, rule.settings)


def replace_text(message: Utterance, text: str) -> Message:
    """Return the message with another text."""
    return Message(text, message.channel, message.context, message.role, message.origin)


def as_written(finding: Finding, text: str) -> Finding:
    """Return a finding with the words of the text as it stands."""
    words = text[finding.start : finding.end]
    return replace(finding, text=words, message=finding.message.replace(finding.text, words))


def _with_shown_context(message: Utterance) -> Utterance:
    """Return the message with what was seen of its earlier turns, where they are HTML."""
    if not any("<" in turn.text or "&" in turn.text for turn in message.context):
        return message
    turns = [
        Turn(turn.role, mask_html(turn.text), turn.time) for turn in message.context
    ]  # a server's are of another kind
    return Message(message.text, message.channel, turns, message.role, message.origin)


def _windows(text: str) -> Iterator[tuple[int, int]]:
    """Cut a long text into windows that overlap by more than any rule reaches, at line ends where there are some."""
    start = 0
    while True:
        end = start + _WINDOW
        if end >= len(text):
            yield start, len(text)
            return
        cut = max(text.rfind(mark, start + _WINDOW // 2, end) for mark in "\n。！？")
        end = cut + 1 if cut >= 0 else end
        yield start, end
        start = end - _OVERLAP


def _fragments(message: Utterance) -> list[str]:
    """Return the very short agent turns directly before the message: a word may be split over them."""
    pieces: list[str] = []
    for turn in reversed(message.context):
        if turn.role != "agent" or len(turn.text.strip()) > _FRAGMENT:
            break
        pieces.append(turn.text)
    return pieces[::-1]


__all__ = ["Explanation", "Linter", "Reading"]
