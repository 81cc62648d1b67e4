"""Messages in, findings out: `Linter` holds the compiled lexicons and joins the stages fold, scan, confirm.

A linter is immutable after it was made and safe to share between threads. The question a reader may ask: why is one
message judged rule by rule on its hits, and not hit by hit? Because a hit alone means nothing; a rule says which hits
together do, and in which context.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from linter import confirm
from linter.lexicon import Find, Lexicon, Rule, load_lexicon
from linter.model import PLATFORMS, VERDICTS, Finding, KefulintError, Message, Rejection, Turn, graver
from linter.pattern import Hit, Pattern, matches
from linter.scan import Hits, Scanner
from linter.shapes import link_text
from linter.spellings import Disguises, Term
from linter.text import STOP, Folded, Folding, Sounds

_FRAGMENT = 4  # an agent's turn of so few characters may be a piece of a split word
_OUTSIDE = "@outside-link"


@dataclass(frozen=True, slots=True)
class _Match:
    rule: Rule
    find: Find
    hits: tuple[Hit, ...]
    start: int  # original offsets
    end: int
    verdicts: tuple[tuple[str, str], ...]

    @property
    def verdict(self) -> str:
        return max((v for _, v in self.verdicts), key=VERDICTS.index)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What was found in a message and what was let go, and why."""

    findings: list[Finding]
    rejections: list[Rejection]


@dataclass(frozen=True, slots=True)
class _Scene:
    """One message made ready: its folded text, hits, and those of its context."""

    message: Message
    folded: Folded
    hits: Hits
    offset: int  # of the message's own text in the folded original (fragments of earlier turns stand before it)
    start: int  # plain bounds between the fillers
    end: int


class Linter:
    """The compiled lexicons for one or several platforms."""

    def __init__(
        self,
        platform: str | Sequence[str] = "taobao",
        lexicons: Sequence[str | Path] = (),
        lexicon: Lexicon | None = None,
        as_of: str | None = None,
        drafts: bool = False,
    ) -> None:
        self.platforms = (platform,) if isinstance(platform, str) else tuple(platform)
        unknown = [p for p in self.platforms if p not in PLATFORMS]
        if unknown or not self.platforms:
            raise KefulintError(f"unknown platform '{', '.join(unknown)}', expected one of {', '.join(PLATFORMS)}")
        self.lexicon = lexicon or load_lexicon(lexicons)
        self.as_of = as_of
        self._drafts = drafts
        self._compiled = compiled(self.lexicon)
        self._scene_of = lru_cache(maxsize=2048)(self._read)

    @property
    def version(self) -> str:
        """The version of the lexicons, in every finding."""
        return self.lexicon.version

    # --- the public ways in

    def check(
        self,
        text: str,
        channel: str = "chat",
        context: Iterable[Turn] = (),
        role: str = "agent",
    ) -> list[Finding]:
        """Judge one message; return its findings in order of place."""
        return self.check_message(Message(text, channel, context, role))

    def check_message(self, message: Message) -> list[Finding]:
        """Judge one Message. A buyer's message has no findings."""
        return self._judge(message, None)

    def check_many(self, messages: Iterable[str | Message]) -> Iterator[list[Finding]]:
        """Judge messages in order; the same answers as `check`, at batch speed."""
        for message in messages:
            yield self._judge(Message(message) if isinstance(message, str) else message, None)

    def check_conversation(self, turns: Sequence[Turn]) -> list[list[Finding]]:
        """Judge every agent's turn in the light of those before; one list of findings a turn."""
        found: list[list[Finding]] = []
        for index, turn in enumerate(turns):
            message = Message(turn.text, context=turns[max(0, index - 6) : index], role=turn.role)
            found.append(self._judge(message, None))
        return found

    def explain(self, message: Message) -> Explanation:
        """Judge one message and keep the reasons for every candidate that was let go."""
        rejections: list[Rejection] = []
        return Explanation(self._judge(message, rejections), rejections)

    # --- the stages

    def _judge(self, message: Message, rejections: list[Rejection] | None) -> list[Finding]:
        if message.role != "agent" or not message.text:
            return []
        scene = self._scene(message)
        found: list[_Match] = []
        for rule, finds in self._compiled.candidates(scene.hits):
            if rule.status == "stable" or self._drafts:
                found += _Court(self, scene, rule, rejections).matches(finds)
        return [self._finding(match, scene) for match in _settle(found, scene)]

    def _scene(self, message: Message) -> _Scene:
        before = _fragments(message)
        offset = sum(len(piece) + 1 for piece in before)
        folded, hits, start, end = self._scene_of("\n".join([*before, message.text]))
        return _Scene(message, folded, hits, offset, start, end)

    def _read(self, text: str) -> tuple[Folded, Hits, int, int]:
        folded = self._compiled.folding.fold(text)
        hits = self._compiled.scanner.hits(folded)
        return folded, hits, *self._compiled.core(folded.plain)

    def read_context(self, text: str) -> tuple[Folded, Hits, int, int]:
        """Fold and scan a turn of the context (cached: the same turns come again and again)."""
        return self._scene_of(text)

    def verdicts(self, rule: Rule, find: Find, platforms: Sequence[str], channel: str) -> tuple[tuple[str, str], ...]:
        """Return the verdict on every platform: the find's own, the rulebook's, or the rule's default."""
        books = self.lexicon.rulebooks
        return tuple((p, find.verdict or books.verdict(rule.id, p, channel) or rule.verdict) for p in platforms)

    def domains(self, platform: str) -> tuple[str, ...]:
        return self.lexicon.domains.get(platform, ())

    def _finding(self, match: _Match, scene: _Scene) -> Finding:
        rule, message = match.rule, scene.message
        start, end = max(match.start - scene.offset, 0), match.end - scene.offset
        text = message.text[start:end]
        clauses = [
            clause
            for platform, verdict in match.verdicts
            if verdict != "none"
            for clause in self.lexicon.rulebooks.clauses(rule.id, platform, message.channel, self.as_of)
        ]
        return Finding(
            rule=rule.id,
            verdict=match.verdict,
            start=start,
            end=end,
            text=text,
            message=rule.message.replace("{text}", text),
            suggestion=rule.suggestion,
            clauses=tuple(dict.fromkeys(clauses)),
            verdicts=match.verdicts,
            spelled=tuple(self._spelled(match, scene)),
            field=message.channel.partition(".")[2] or None,
            origin=message.origin,
            version=self.version,
        )

    def _spelled(self, match: _Match, scene: _Scene) -> list[str]:
        names = [hit.how for hit in match.hits if hit.how]
        for hit in match.hits:
            if not hit.concept.startswith("@"):
                names += self._compiled.folding.steps(scene.folded, hit.start, hit.end)
        return list(dict.fromkeys(names))


class _Court:
    """Judges one rule on one scene."""

    def __init__(self, linter: Linter, scene: _Scene, rule: Rule, rejections: list[Rejection] | None) -> None:
        self.linter, self.scene, self.rule, self.rejections = linter, scene, rule, rejections

    def matches(self, finds: Sequence[Find]) -> Iterator[_Match]:
        """Yield the confirmed matches of the rule's finds."""
        for find in finds:
            for platforms in self._platform_groups(find):
                verdicts = self.linter.verdicts(self.rule, find, platforms, self.scene.message.channel)
                if any(verdict != "none" for _, verdict in verdicts) and self._fits(find):
                    yield from self._confirmed(find, platforms, verdicts)

    def _platform_groups(self, find: Find) -> list[tuple[str, ...]]:
        asked = self.linter.platforms
        if find.platforms:
            asked = tuple(p for p in asked if p in find.platforms)
        if any(_OUTSIDE in pattern.names for pattern in find.patterns):
            return [(p,) for p in asked]
        return [asked] if asked else []

    def _fits(self, find: Find) -> bool:
        """Check the conditions that do not depend on the place of the match."""
        scene, message = self.scene, self.scene.message
        if message.channel not in (find.channels or self.rule.channels):
            return False
        if find.longest and scene.end - scene.start > find.longest:
            return False
        buyer = [turn.text for turn in message.context if turn.role == "buyer"][-2:]
        everyone = [turn.text for turn in message.context]
        agents = [turn.text for turn in message.context if turn.role == "agent"]
        return (
            (not find.asked or self._said(find.asked, buyer))
            and not self._said(find.unless_asked, buyer)
            and (not find.earlier or self._said(find.earlier, everyone))
            and not self._said(find.unless_earlier, everyone)
            and (not find.said or self._said(find.said, agents))
            and not self._anywhere(find.unless_anywhere)
        )

    def _said(self, patterns: Sequence[Pattern], texts: Sequence[str]) -> bool:
        for text in texts:
            folded, hits, start, end = self.linter.read_context(text)
            for pattern in patterns:
                if any(self._whole(m, folded) for m in matches(pattern, hits, folded, start, end)):
                    return True
        return False

    def _whole(self, match: Sequence[Hit], folded: Folded) -> bool:
        return not any(confirm.is_swallowed(hit, folded) for hit in match)

    def _anywhere(self, patterns: Sequence[Pattern]) -> bool:
        s = self.scene
        return any(self._whole(m, s.folded) for p in patterns for m in matches(p, s.hits, s.folded, s.start, s.end))

    def _confirmed(
        self, find: Find, platforms: tuple[str, ...], verdicts: tuple[tuple[str, str], ...]
    ) -> Iterator[_Match]:
        s = self.scene
        hits = self._outside_links(platforms[0]) if any(_OUTSIDE in p.names for p in find.patterns) else s.hits
        seen: set[tuple[int, int]] = set()
        for pattern in find.patterns:
            for match in matches(pattern, hits, s.folded, s.start, s.end):
                start, end = s.folded.original_span(match[0].start, match[-1].end)
                if end <= s.offset or (match[0].start, match[-1].end) in seen:
                    continue
                reason = self._reason(find, match, start, end)
                if reason:
                    self._reject(start, end, reason)
                    continue
                seen.add((match[0].start, match[-1].end))
                yield _Match(self.rule, find, match, start, end, verdicts)

    def _reason(self, find: Find, match: Sequence[Hit], start: int, end: int) -> str:
        """Return why the match is let go, or ''."""
        s = self.scene
        if not find.weak and confirm.is_too_weak(match):
            return "too-weak"
        swallowed = next((hit for hit in match if confirm.is_swallowed(hit, s.folded)), None)
        if swallowed:
            return f"swallowed-by-a-word: {s.folded.plain[swallowed.start : swallowed.end]}"
        clear = self.rule.clear if find.clear is None else find.clear
        for name, question in confirm.CLEARING.items():
            if name in clear and question(match, s.hits, s.folded):
                return name
        if "quoted" in clear and confirm.is_quoted(start, end, s.folded.original):
            return "quoted"
        for pattern in (*find.unless, *self.rule.unless):
            if self._nearby(pattern, match):
                return f"unless: {pattern.source}"
        return ""

    def _nearby(self, pattern: Pattern, match: Sequence[Hit]) -> bool:
        """Does an `unless` pattern match within ten characters of the match, in the same sentence?"""
        s = self.scene
        low, high = match[0].start, match[-1].end
        for other in matches(pattern, s.hits, s.folded, s.start, s.end):
            first, last = other[0].start, other[-1].end
            if first > high + 10 or last < low - 10:
                continue
            between = s.folded.gaps[min(high, last) : max(low, first) + 1]
            if max(between, default=0) < STOP and self._whole(other, s.folded):
                return True
        return False

    def _outside_links(self, platform: str) -> Hits:
        """Links whose host is not the platform's own."""
        s = self.scene
        own = self.linter.domains(platform)
        outside = []
        for hit in s.hits.get("@link", []):
            host = re.sub(r"^(?:h(?:tt|xx)ps?:?//)?(?:www\.)?", "", link_text(s.folded, hit.start, hit.end))
            host = re.split(r"[/?#:]", host)[0]
            if not any(host == domain or host.endswith("." + domain) for domain in own):
                outside.append(hit._replace(concept=_OUTSIDE))
        return s.hits.with_(_OUTSIDE, outside)

    def _reject(self, start: int, end: int, reason: str) -> None:
        if self.rejections is not None:
            offset = self.scene.offset
            start, end = max(start - offset, 0), end - offset
            text = self.scene.message.text[start:end]
            rejection = Rejection(self.rule.id, start, end, text, reason)
            if rejection not in self.rejections:
                self.rejections.append(rejection)


def _fragments(message: Message) -> list[str]:
    """Return the very short agent turns directly before the message: a word may be split over them."""
    pieces: list[str] = []
    for turn in reversed(message.context):
        if turn.role != "agent" or len(turn.text.strip()) > _FRAGMENT:
            break
        pieces.append(turn.text)
    return pieces[::-1]


# --- settling: one meaning, one finding ------------------------------------------------------------------------------


def _settle(found: list[_Match], scene: _Scene) -> list[_Match]:
    """Keep one match of a rule a sentence, the gravest and then the first; drop what a more specific rule covers."""
    merged: list[_Match] = []
    for match in sorted(found, key=lambda m: (m.rule.id, m.start, m.end)):
        last = merged[-1] if merged else None
        if last and last.rule is match.rule and _same_sentence(last, match, scene.folded):
            merged[-1] = _merge(last, match)
        else:
            merged.append(match)
    kept = [m for m in merged if not any(_covers(other, m) for other in merged)]
    return sorted(kept, key=lambda m: (m.start, m.end, m.rule.id))


def _same_sentence(one: _Match, other: _Match, folded: Folded) -> bool:
    low, high = one.hits[-1].end, other.hits[0].start
    return low >= high or max(folded.gaps[low : high + 1], default=0) < STOP


def _merge(one: _Match, other: _Match) -> _Match:
    both = dict(one.verdicts)
    for platform, verdict in other.verdicts:
        both[platform] = graver(verdict, both.get(platform, "none"))
    graver_one = other if VERDICTS.index(other.verdict) > VERDICTS.index(one.verdict) else one
    return replace(graver_one, verdicts=tuple(both.items()))


def _covers(one: _Match, other: _Match) -> bool:
    """Does the rule of `one` speak for the words of `other`? (`over:` in the rule file)"""
    near = one.start <= other.end + 12 and other.start <= one.end + 12
    return other.rule.id in one.rule.over and near


# --- compiled lexicons -----------------------------------------------------------------------------------------------


@dataclass
class _Compiled:
    """What is made once from a lexicon and shared by all linters of it."""

    folding: Folding
    scanner: Scanner
    index: dict[str, list[tuple[Rule, Find]]]
    shapes: tuple[str, ...]  # the names in `index` that are told by shape
    fillers: tuple[re.Pattern[str], re.Pattern[str]]

    def candidates(self, hits: Hits) -> Iterator[tuple[Rule, list[Find]]]:
        """Yield the rules (with their finds) that could match, judged by the concepts present."""
        wanted: dict[str, tuple[Rule, list[Find]]] = {}
        present = [name for name in hits if name in self.index]
        present += [name for name in self.shapes if name not in present and name in hits]
        for name in present:
            for rule, find in self.index[name]:
                finds = wanted.setdefault(rule.id, (rule, []))[1]
                if find not in finds:
                    finds.append(find)
        for key in sorted(wanted):
            yield wanted[key]

    def core(self, plain: str) -> tuple[int, int]:
        """Return the bounds of what stands between the fillers at both ends."""
        first, last = self.fillers
        head = first.match(plain)
        start = head.end() if head else 0
        tail = last.match(plain[::-1])
        end = len(plain) - (tail.end() if tail else 0)
        return min(start, end), max(start, end)


@lru_cache(maxsize=8)
def compiled(lexicon: Lexicon) -> _Compiled:
    """Compile a lexicon, once for all linters that share it."""
    return _compile(lexicon)


def _compile(lexicon: Lexicon) -> _Compiled:
    written = {c for concept in lexicon.concepts.values() for s in (*concept.strong, *concept.weak) for c in s}
    plain = Folding(lexicon.reads)
    kept = {c for c in written if not plain.read(c) and not c.isspace()}
    folding = Folding(lexicon.reads, kept)
    sounds = Sounds()
    disguises = Disguises(sounds, lexicon.components, lexicon.lookalikes)
    scanner = Scanner.of(_terms(lexicon, folding, disguises), sounds)
    index = _index(lexicon)
    shapes = tuple(name for name in index if name[0] == "@")
    return _Compiled(folding, scanner, index, shapes, _fillers(lexicon, folding))


def _terms(lexicon: Lexicon, folding: Folding, disguises: Disguises) -> Iterator[Term]:
    for concept in lexicon.concepts.values():
        for spelling in concept.excepts:
            yield Term(folding.normal(spelling), concept.id, spelling, excepts=True)
        for weak, spellings in ((False, concept.strong), (True, concept.weak)):
            for spelling in spellings:
                text = folding.normal(spelling)
                yield Term(text, concept.id, text, weak=weak, word=concept.word)
                if concept.disguise and not weak:
                    yield from disguises.of(concept.id, text)


def _index(lexicon: Lexicon) -> dict[str, list[tuple[Rule, Find]]]:
    """Index the finds by the rarest thing they need: the item with the fewest names of each pattern."""
    index: dict[str, list[tuple[Rule, Find]]] = {}
    for rule in lexicon.rules.values():
        for find in rule.finds:
            for pattern in find.patterns:
                needed = [item for item in pattern.items if not item.optional]
                literal_free = [i for i in needed if not any(n.startswith("@") for n in i.names)] or needed
                for name in min(literal_free, key=lambda item: len(item.names)).names:
                    entry = index.setdefault("@link" if name == _OUTSIDE else name, [])
                    if (rule, find) not in entry:
                        entry.append((rule, find))
    return index


def _fillers(lexicon: Lexicon, folding: Folding) -> tuple[re.Pattern[str], re.Pattern[str]]:
    filler = lexicon.concepts.get("filler")
    words = sorted({folding.normal(s) for s in filler.strong} if filler else set(), key=len, reverse=True)
    if not words:
        return re.compile(""), re.compile("")
    forward = "|".join(map(re.escape, words))
    backward = "|".join(re.escape(w[::-1]) for w in words)
    return re.compile(f"(?:{forward})*"), re.compile(f"(?:{backward})*")
