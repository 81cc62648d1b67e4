"""One message and one rule in, confirmed matches out; and of all matches, those that are worth a finding.

Conditions that do not depend on the place (channel, context, length) come first, then every way the rule's patterns
match is asked the questions of `confirm`. A match that is let go leaves a `Rejection` when somebody wants to know.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from linter import confirm
from linter.compiled import OUTSIDE, Reading
from linter.entries import Find, Lexicon, Rule
from linter.model import VERDICTS, Message, Rejection, graver
from linter.pattern import Hit, Pattern, matches
from linter.scan import Hits
from linter.shapes import link_text
from linter.text import SPACE, STOP, Folded

_UNLESS_REACH = 10  # plain characters
_UNLESS_REACH_OVER_BREAK = 4  # the same where a space or comma stands between: people write them for full stops
_OVER_REACH = 12  # original characters

Verdicts = tuple[tuple[str, str], ...]  # (platform, verdict)


@dataclass(frozen=True, slots=True)
class Match:
    """A confirmed match; offsets are those of the scene's original text."""

    rule: Rule
    hits: tuple[Hit, ...]
    start: int
    end: int
    verdicts: Verdicts

    @property
    def verdict(self) -> str:
        return max((verdict for _, verdict in self.verdicts), key=VERDICTS.index)


class Scene(NamedTuple):
    """One message made ready. Fragments of the agent's turns just before it may stand in front: `offset` of them."""

    message: Message
    reading: Reading
    offset: int
    category: str = ""  # of the listing record, where there is one
    brand: str = ""  # the same


@dataclass
class Court:
    """Judges scenes by rules, on the platforms asked for. `read` folds and scans a turn of the context."""

    lexicon: Lexicon
    platforms: tuple[str, ...]
    read: Callable[[str], Reading]
    rejections: list[Rejection] | None = None
    _heard: dict[str, list[Reading]] = field(default_factory=dict)

    def matches(
        self, scene: Scene, rule: Rule, find: Find, patterns: Sequence[Pattern], *, sifted: bool = False
    ) -> Iterator[Match]:
        """Yield the confirmed matches of some patterns of a rule's find; `sifted`: their order and distance are known."""
        if not self._is_asked(scene, rule, find) or not self._could_fit(scene, find):
            return
        hits = scene.reading.hits
        ways = [
            (p, self._ways(scene, p, hits)) for p in patterns if sifted or hits.may_follow(p, *scene.reading.bounds)
        ]
        ways = [(pattern, found) for pattern, found in ways if found or OUTSIDE in pattern.names]
        if not ways or not self._fits(scene, find):
            return  # most finds end here: the words are there, but not beside each other
        for platforms in self._platform_groups(find):
            verdicts = self.verdicts(rule, find.verdict, platforms, scene.message.channel)
            if any(verdict != "none" for _, verdict in verdicts):
                yield from self._confirmed(scene, rule, find, ways, verdicts)

    def _ways(self, scene: Scene, pattern: Pattern, hits: Hits) -> list[tuple[Hit, ...]]:
        reading = scene.reading
        return list(matches(pattern, hits, reading.folded, reading.start, reading.end))

    def verdicts(self, rule: Rule, own: str | None, platforms: Sequence[str], channel: str) -> Verdicts:
        """Return the verdict on every platform: the find's own, the rulebook's, or the rule's default."""
        book = self.lexicon.rulebooks.verdict
        return tuple((p, own or book(rule.id, p, channel) or rule.verdict) for p in platforms)

    def _platform_groups(self, find: Find) -> list[tuple[str, ...]]:
        asked = tuple(p for p in self.platforms if not find.platforms or p in find.platforms)
        if any(OUTSIDE in pattern.names for pattern in find.patterns):
            return [(p,) for p in asked]  # which links lead outside depends on the platform
        return [asked] if asked else []

    # --- conditions that do not depend on the place

    def _is_asked(self, scene: Scene, rule: Rule, find: Find) -> bool:
        """Is the find one for this channel, these platforms, and a message of this length?"""
        if scene.message.channel not in (find.channels or rule.channels):
            return False
        if find.platforms and not any(p in find.platforms for p in self.platforms):
            return False
        if not find.longest and not find.shortest:
            return True
        length = scene.reading.end - scene.reading.start
        return find.shortest <= length and not (find.longest and length > find.longest)

    def _fits(self, scene: Scene, find: Find) -> bool:
        return self._context_fits(scene, find) and not self._anywhere(scene, find.unless_anywhere)

    def _could_fit(self, scene: Scene, find: Find) -> bool:
        """Could the conditions on earlier turns hold, by the words that were met in them? Most do not."""
        for who, patterns in (("asked", find.asked), ("earlier", find.earlier), ("said", find.said)):
            if patterns and not any(r.hits.could(p) for r in self._turns(scene, who) for p in patterns):
                return False
        return True

    def _context_fits(self, scene: Scene, find: Find) -> bool:
        wanted = (("asked", find.asked), ("earlier", find.earlier), ("said", find.said), ("category", find.category))
        unwanted = (
            ("asked", find.unless_asked),
            ("earlier", find.unless_earlier),
            ("said", find.unless_said),
            ("category", find.unless_category),
        )
        return all(not patterns or self._said(scene, who, patterns) for who, patterns in wanted) and not any(
            patterns and self._said(scene, who, patterns) for who, patterns in unwanted
        )

    def _said(self, scene: Scene, who: str, patterns: Sequence[Pattern]) -> bool:
        return any(self._matches_any(patterns, reading) for reading in self._turns(scene, who))

    def _turns(self, scene: Scene, who: str) -> list[Reading]:
        """Return what was asked (the buyer's last two turns), said by the agent, or said earlier by anybody."""
        found = self._heard.get(who)
        if found is None:
            turns = scene.message.context
            if who == "asked":
                texts = [turn.text for turn in turns if turn.role == "buyer"][-2:]
            elif who == "said":
                texts = [turn.text for turn in turns if turn.role == "agent"]
            elif who == "earlier":
                texts = [turn.text for turn in turns]
            else:
                texts = [scene.category] if scene.category else []
            found = self._heard[who] = [self.read(text) for text in texts]
        return found

    def _anywhere(self, scene: Scene, patterns: Sequence[Pattern]) -> bool:
        return self._matches_any(patterns, scene.reading)

    def _matches_any(self, patterns: Sequence[Pattern], reading: Reading) -> bool:
        folded = reading.folded
        return any(
            _is_whole(match, folded)
            for p in patterns
            if reading.hits.could(p) and reading.hits.may_follow(p, *reading.bounds)
            for match in matches(p, reading.hits, folded, *reading.bounds)
        )

    # --- the place

    def _confirmed(
        self,
        scene: Scene,
        rule: Rule,
        find: Find,
        ways: Sequence[tuple[Pattern, list[tuple[Hit, ...]]]],
        verdicts: Verdicts,
    ) -> Iterator[Match]:
        reading = scene.reading
        seen: set[tuple[int, int]] = set()
        for pattern, found in ways:
            if OUTSIDE in pattern.names:
                found = self._ways(scene, pattern, self._outside_links(reading, verdicts[0][0]))
            for match in found:
                place = (match[0].start, match[-1].end)
                start, end = reading.folded.original_span(*place)
                if end <= scene.offset or place in seen:
                    continue
                reason = self._reason(scene, rule, find, match, start, end)
                if reason:
                    self._reject(scene, rule, start, end, reason)
                    continue
                seen.add(place)
                yield Match(rule, match, start, end, verdicts)

    def _reason(self, scene: Scene, rule: Rule, find: Find, match: Sequence[Hit], start: int, end: int) -> str:
        """Return why the match is let go, or ''."""
        folded, hits = scene.reading.folded, scene.reading.hits
        if not find.weak and confirm.is_too_weak(match):
            return "too-weak"
        if find.other_brand and not _is_other_brand(match, scene.brand):
            return "own-brand"
        swallowed = next((hit for hit in match if confirm.is_swallowed(hit, folded)), None)
        if swallowed:
            return f"swallowed-by-a-word: {folded.plain[swallowed.start : swallowed.end]}"
        clear = rule.clear if find.clear is None else find.clear
        for name, question in confirm.CLEARING.items():
            if name in clear and question(match, hits, folded):
                return name
        if "quoted" in clear and confirm.is_quoted(start, end, folded.original):
            return "quoted"
        for pattern in (*find.unless, *rule.unless):
            if self._nearby(scene.reading, pattern, match):
                return f"unless: {pattern.source}"
        return ""

    def _nearby(self, reading: Reading, pattern: Pattern, match: Sequence[Hit]) -> bool:
        """Does an `unless` pattern match near the match, in the same sentence?"""
        if not reading.hits.could(pattern) or not reading.hits.may_follow(pattern, *reading.bounds):
            return False
        gaps = reading.folded.gaps
        low, high = match[0].start, match[-1].end
        for other in matches(pattern, reading.hits, reading.folded, reading.start, reading.end):
            first, last = other[0].start, other[-1].end
            if _is_inside(first, last, match):
                continue
            distance = max(first - high, low - last, 0)
            between = max(gaps[min(high, last) : max(low, first) + 1], default=0) if distance or first >= high else 0
            reach = _UNLESS_REACH if between < SPACE else _UNLESS_REACH_OVER_BREAK
            if distance <= reach and between < STOP and _is_whole(other, reading.folded):
                return True
        return False

    def _outside_links(self, reading: Reading, platform: str) -> Hits:
        """Return the hits with those links marked whose host is not the platform's own."""
        own = self.lexicon.domains.get(platform, ())
        outside = []
        for hit in reading.hits.get("@link"):
            address = link_text(reading.folded, hit.start, hit.end)
            host = re.split(r"[/?#:]", re.sub(r"^(?:h(?:tt|xx)ps?:?//)?(?:www\.)?", "", address))[0]
            if not any(host == domain or host.endswith("." + domain) for domain in own):
                outside.append(hit._replace(concept=OUTSIDE))
        return reading.hits.with_(OUTSIDE, outside)

    def _reject(self, scene: Scene, rule: Rule, start: int, end: int, reason: str) -> None:
        if self.rejections is None:
            return
        start, end = max(start - scene.offset, 0), end - scene.offset
        rejection = Rejection(rule.id, start, end, scene.message.text[start:end], reason)
        if rejection not in self.rejections:
            self.rejections.append(rejection)


def _is_other_brand(match: Sequence[Hit], brand: str) -> bool:
    """Does the listing name its brand, and the match another?"""
    own = brand.lower()
    return bool(own) and not any(hit.spelling in own or own in hit.spelling for hit in match)


def _is_inside(start: int, end: int, match: Sequence[Hit]) -> bool:
    """Is a place only a piece of one of the match's own words (有货 in 没有货)?"""
    return any(hit.start <= start and end <= hit.end and end - start < hit.end - hit.start for hit in match)


def _is_whole(match: Sequence[Hit], folded: Folded) -> bool:
    return not any(confirm.is_swallowed(hit, folded) for hit in match)


# --- settling: one meaning, one finding ------------------------------------------------------------------------------


def settle(found: Sequence[Match], folded: Folded) -> list[Match]:
    """Keep one match of a rule a sentence, the gravest and then the first; drop what a more specific rule covers."""
    merged: list[Match] = []
    for match in sorted(found, key=lambda m: (m.rule.id, m.start, m.end)):
        last = merged[-1] if merged else None
        if last and last.rule is match.rule and _same_sentence(last, match, folded):
            merged[-1] = _merge(last, match)
        else:
            merged.append(match)
    kept = [match for match in merged if not any(_covers(other, match) for other in merged)]
    return sorted(kept, key=lambda m: (m.start, m.end, m.rule.id))


def _same_sentence(one: Match, other: Match, folded: Folded) -> bool:
    low, high = one.hits[-1].end, other.hits[0].start
    return low >= high or max(folded.gaps[low : high + 1], default=0) < STOP


def _merge(one: Match, other: Match) -> Match:
    both = dict(one.verdicts)
    for platform, verdict in other.verdicts:
        both[platform] = graver(verdict, both.get(platform, "none"))
    return replace(max(one, other, key=_weight), verdicts=tuple(both.items()))


def _weight(match: Match) -> tuple[int, int, int]:
    """Rank matches of one rule in one sentence: the graver, the fewer weak spellings, the more parts (ties: the first)."""
    return VERDICTS.index(match.verdict), -sum(hit.weak for hit in match.hits), len(match.hits)


def _covers(one: Match, other: Match) -> bool:
    """Does the rule of `one` speak for the words of `other`? (`over:` in the rule file)"""
    near = one.start <= other.end + _OVER_REACH and other.start <= one.end + _OVER_REACH
    return other.rule.id in one.rule.over and near
