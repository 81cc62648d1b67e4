"""One message and one rule in, confirmed matches out; and of all matches, those that are worth a finding.

Conditions that do not depend on the place (channel, context, length) come first, then every way the rule's patterns
match is asked the questions of `confirm`. A match that is let go leaves a `Rejection` when somebody wants to know.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from linter import confirm
from linter.compiled import OUTSIDE, Reading
from linter.entries import Find, Lexicon, Rule
from linter.model import VERDICTS, Rejection, Utterance, graver
from linter.pattern import Hit, Pattern, matches
from linter.scan import Hits
from linter.shapes import link_text
from linter.text import SPACE, STOP, Folded, strongest

_UNLESS_REACH = 10  # plain characters
_UNLESS_REACH_OVER_BREAK = 4  # the same where a space or comma stands between: people write them for full stops
_OVER_REACH = 12  # original characters

Verdicts = tuple[tuple[str, str], ...]  # (platform, verdict)


class Match:
    """A confirmed match; offsets are those of the scene's original text."""

    __slots__ = ("end", "hits", "rule", "start", "verdict", "verdicts")

    def __init__(self, rule: Rule, hits: tuple[Hit, ...], start: int, end: int, verdicts: Verdicts) -> None:
        self.rule = rule
        self.hits = hits
        self.start = start
        self.end = end
        self.verdicts = verdicts
        self.verdict = _gravest(verdicts)


def _gravest(verdicts: Verdicts) -> str:
    found = "none"
    for _, verdict in verdicts:
        found = graver(verdict, found)
    return found


class Scene:
    """One message made ready. Fragments of the agent's turns just before it may stand in front: `offset` of them.

    `category` and `brand` are those of the listing record, where there is one.
    """

    __slots__ = ("brand", "category", "message", "offset", "reading")

    def __init__(
        self, message: Utterance, reading: Reading, offset: int = 0, category: str = "", brand: str = ""
    ) -> None:
        self.message = message
        self.reading = reading
        self.offset = offset
        self.category = category
        self.brand = brand


class Court:
    """Judges one scene by rules, on the platforms asked for. `read` folds and scans a turn of the context."""

    __slots__ = ("_heard", "lexicon", "platforms", "read", "rejections")

    def __init__(
        self,
        lexicon: Lexicon,
        platforms: tuple[str, ...],
        read: Callable[[str], Reading],
        rejections: list[Rejection] | None = None,
    ) -> None:
        self.lexicon = lexicon
        self.platforms = platforms
        self.read = read
        self.rejections = rejections
        self._heard: dict[str, list[Reading]] = {}

    def matches(self, scene: Scene, rule: Rule, find: Find, patterns: Sequence[Pattern]) -> list[Match]:
        """Return the confirmed matches of some patterns of a rule's find."""
        confirmed: list[Match] = []
        if not self._is_asked(scene, rule, find) or not self._could_fit(scene, find):
            return confirmed
        reading = scene.reading
        ways: list[tuple[Pattern, list[tuple[Hit, ...]]]] = []
        for pattern in patterns:
            found = matches(pattern, reading.hits, reading.folded, reading.start, reading.end)
            if found or OUTSIDE in pattern.names:
                ways.append((pattern, found))
        if not ways or not self._fits(scene, find):
            return confirmed  # most finds end here: the words are there, but not beside each other
        for platforms in self._platform_groups(find):
            verdicts = self.verdicts(rule, find.verdict, platforms, scene.message.channel)
            if _gravest(verdicts) != "none":
                confirmed += self._confirmed(scene, rule, find, ways, verdicts)
        return confirmed

    def verdicts(self, rule: Rule, own: str | None, platforms: Sequence[str], channel: str) -> Verdicts:
        """Return the verdict on every platform: the find's own, the rulebook's, or the rule's default."""
        book = self.lexicon.rulebooks.verdict
        return tuple([(p, own or book(rule.id, p, channel) or rule.verdict) for p in platforms])

    def _platform_groups(self, find: Find) -> list[tuple[str, ...]]:
        asked = tuple([p for p in self.platforms if not find.platforms or p in find.platforms])
        for pattern in find.patterns:
            if OUTSIDE in pattern.names:
                return [(p,) for p in asked]  # which links lead outside depends on the platform
        return [asked] if asked else []

    # --- conditions that do not depend on the place

    def _is_asked(self, scene: Scene, rule: Rule, find: Find) -> bool:
        """Is the find one for this channel, these platforms, and a message of this length?"""
        if scene.message.channel not in (find.channels or rule.channels):
            return False
        if find.platforms and set(find.platforms).isdisjoint(self.platforms):
            return False
        if not find.longest and not find.shortest:
            return True
        length = scene.reading.end - scene.reading.start
        return find.shortest <= length and not (find.longest and length > find.longest)

    def _fits(self, scene: Scene, find: Find) -> bool:
        return self._context_fits(scene, find) and not self._matches_any(find.unless_anywhere, scene.reading)

    def _could_fit(self, scene: Scene, find: Find) -> bool:
        """Could the conditions on earlier turns hold, by the words that were met in them? Most do not."""
        for who, patterns in (("asked", find.asked), ("earlier", find.earlier), ("said", find.said)):
            if patterns and not self._could_be_said(scene, who, patterns):
                return False
        return True

    def _could_be_said(self, scene: Scene, who: str, patterns: Sequence[Pattern]) -> bool:
        for reading in self._turns(scene, who):
            for pattern in patterns:
                if reading.hits.could(pattern):
                    return True
        return False

    def _context_fits(self, scene: Scene, find: Find) -> bool:
        for who, wanted, unwanted in (
            ("asked", find.asked, find.unless_asked),
            ("earlier", find.earlier, find.unless_earlier),
            ("said", find.said, find.unless_said),
            ("category", find.category, find.unless_category),
        ):
            if wanted and not self._said(scene, who, wanted):
                return False
            if unwanted and self._said(scene, who, unwanted):
                return False
        return True

    def _said(self, scene: Scene, who: str, patterns: Sequence[Pattern]) -> bool:
        for reading in self._turns(scene, who):
            if self._matches_any(patterns, reading):
                return True
        return False

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

    def _matches_any(self, patterns: Sequence[Pattern], reading: Reading) -> bool:
        for pattern in patterns:
            if reading.hits.could(pattern):
                for match in matches(pattern, reading.hits, reading.folded, reading.start, reading.end):
                    if _is_whole(match, reading.folded):
                        return True
        return False

    # --- the place

    def _confirmed(
        self,
        scene: Scene,
        rule: Rule,
        find: Find,
        ways: Sequence[tuple[Pattern, list[tuple[Hit, ...]]]],
        verdicts: Verdicts,
    ) -> list[Match]:
        reading = scene.reading
        confirmed: list[Match] = []
        seen: set[tuple[int, int]] = set()
        for pattern, found in ways:
            if OUTSIDE in pattern.names:
                hits = self._outside_links(reading, verdicts[0][0])
                found = matches(pattern, hits, reading.folded, reading.start, reading.end)
            for match in found:
                first, last = match[0], match[len(match) - 1]
                place = (first.start, last.end)
                start, end = reading.folded.original_span(first.start, last.end)
                if end <= scene.offset or place in seen:
                    continue
                reason = self._reason(scene, rule, find, match, start, end)
                if reason:
                    self.reject(scene, rule, start, end, reason)
                    continue
                seen.add(place)
                confirmed.append(Match(rule, match, start, end, verdicts))
        return confirmed

    def _reason(self, scene: Scene, rule: Rule, find: Find, match: Sequence[Hit], start: int, end: int) -> str:
        """Return why the match is let go, or ''."""
        folded, hits = scene.reading.folded, scene.reading.hits
        if not find.weak and confirm.is_too_weak(match):
            return "too-weak"
        if find.other_brand and not _is_other_brand(match, scene.brand):
            return "own-brand"
        for hit in match:
            if confirm.is_swallowed(hit, folded):
                return f"swallowed-by-a-word: {folded.plain[hit.start : hit.end]}"
        clear = rule.clear if find.clear is None else find.clear
        for name, question in confirm.CLEARING:
            if name in clear and question(match, hits, folded):
                return name
        if "quoted" in clear and confirm.is_quoted(start, end, folded.original):
            return "quoted"
        return self._excused(scene.reading, find.unless, match) or self._excused(scene.reading, rule.unless, match)

    def _excused(self, reading: Reading, unless: Sequence[Pattern], match: Sequence[Hit]) -> str:
        """Return which `unless` pattern matches nearby, or ''."""
        for pattern in unless:
            if reading.hits.could(pattern) and self._nearby(reading, pattern, match):
                return f"unless: {pattern.source}"
        return ""

    def _nearby(self, reading: Reading, pattern: Pattern, match: Sequence[Hit]) -> bool:
        """Does an `unless` pattern match near the match, in the same sentence?"""
        gaps = reading.folded.gaps
        head, tail = match[0], match[len(match) - 1]
        low, high = head.start, tail.end
        for other in matches(pattern, reading.hits, reading.folded, reading.start, reading.end):
            head, tail = other[0], other[len(other) - 1]
            first, last = head.start, tail.end
            if _is_inside(first, last, match):
                continue
            distance = max(first - high, low - last, 0)
            between = strongest(gaps, min(high, last), max(low, first) + 1) if distance or first >= high else 0
            reach = _UNLESS_REACH if between < SPACE else _UNLESS_REACH_OVER_BREAK
            if distance <= reach and between < STOP and _is_whole(other, reading.folded):
                return True
        return False

    def _outside_links(self, reading: Reading, platform: str) -> _Marked:
        """Return the hits with those links marked whose host is not the platform's own."""
        own = self.lexicon.domains.get(platform, ())
        outside = []
        for hit in reading.hits.get("@link"):
            address = link_text(reading.folded, hit.start, hit.end)
            host = re.split(r"[/?#:]", re.sub(r"^(?:h(?:tt|xx)ps?:?//)?(?:www\.)?", "", address))[0]
            if not any(host == domain or host.endswith("." + domain) for domain in own):
                outside.append(Hit(hit.start, hit.end, OUTSIDE, hit.spelling))
        return _Marked(reading.hits, outside)

    def reject(self, scene: Scene, rule: Rule, start: int, end: int, reason: str) -> None:
        """Note what was let go and why, where somebody wants to know."""
        if self.rejections is None:
            return
        start, end = max(start - scene.offset, 0), end - scene.offset
        rejection = Rejection(rule.id, start, end, scene.message.text[start:end], reason)
        if rejection not in self.rejections:
            self.rejections.append(rejection)


class _Marked:
    """Hits, with those links beside them that lead outside."""

    __slots__ = ("_hits", "_outside")

    def __init__(self, hits: Hits, outside: list[Hit]) -> None:
        self._hits = hits
        self._outside = outside

    def get(self, name: str) -> list[Hit]:
        return self._outside if name == OUTSIDE else self._hits.get(name)


def _is_other_brand(match: Sequence[Hit], brand: str) -> bool:
    """Does the listing name its brand, and the match another?"""
    own = brand.lower()
    return bool(own) and not any(hit.spelling in own or own in hit.spelling for hit in match)


def _is_inside(start: int, end: int, match: Sequence[Hit]) -> bool:
    """Is a place only a piece of one of the match's own words (有货 in 没有货)?"""
    for hit in match:
        if hit.start <= start and end <= hit.end and end - start < hit.end - hit.start:
            return True
    return False


def _is_whole(match: Sequence[Hit], folded: Folded) -> bool:
    for hit in match:
        if confirm.is_swallowed(hit, folded):
            return False
    return True


# --- settling: one meaning, one finding ------------------------------------------------------------------------------


def settle(found: Sequence[Match], folded: Folded) -> list[Match]:
    """Keep one match of a rule a sentence, the gravest and then the first; drop what a more specific rule covers."""
    if len(found) < 2:
        return list(found)
    merged: list[Match] = []
    for match in sorted(found, key=_by_rule):
        last = merged[len(merged) - 1] if merged else None
        if last is not None and last.rule is match.rule and _same_sentence(last, match, folded):
            merged[len(merged) - 1] = _merge(last, match)
        else:
            merged.append(match)
    kept = [match for match in merged if not _is_covered(match, merged)]
    return sorted(kept, key=_by_place)


def _is_covered(match: Match, others: Sequence[Match]) -> bool:
    for other in others:
        if _covers(other, match):
            return True
    return False


def _by_rule(match: Match) -> tuple[str, int, int]:
    return match.rule.id, match.start, match.end


def _by_place(match: Match) -> tuple[int, int, str]:
    return match.start, match.end, match.rule.id


def _same_sentence(one: Match, other: Match, folded: Folded) -> bool:
    low, high = one.hits[len(one.hits) - 1].end, other.hits[0].start
    return low >= high or strongest(folded.gaps, low, high + 1) < STOP


def _merge(one: Match, other: Match) -> Match:
    both = dict(one.verdicts)
    for platform, verdict in other.verdicts:
        both[platform] = graver(verdict, both.get(platform, "none"))
    weightier = other if _weight(other) > _weight(one) else one
    return Match(weightier.rule, weightier.hits, weightier.start, weightier.end, tuple(both.items()))


def _weight(match: Match) -> tuple[int, int, int]:
    """Rank matches of one rule in one sentence: the graver, the fewer weak spellings, the more parts (ties: the first)."""
    return VERDICTS.index(match.verdict), -sum([hit.weak for hit in match.hits]), len(match.hits)


def _covers(one: Match, other: Match) -> bool:
    """Does the rule of `one` speak for the words of `other`? (`over:` in the rule file)"""
    near = one.start <= other.end + _OVER_REACH and other.start <= one.end + _OVER_REACH
    return other.rule.id in one.rule.over and near
