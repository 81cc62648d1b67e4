"""A message made ready in, what the compact reader sees of it out: characters, concepts, the question, what rules found.

Evidence is a set of numbers (`grams`). What a shop's own lexicon adds (its concepts, its rules) is not among it: the reader
has learned the shipped ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from linter.reading.grams import grams, named
from linter.shapes import SHAPES

_OWN = 400  # characters of the message
_ASKED = 100  # of each of the buyer's turns


class Said(NamedTuple):
    """A text as it was read: its plain view, and the concepts and shapes in it."""

    plain: str
    concepts: tuple[str, ...]


class Heard(NamedTuple):
    """A message and its surroundings."""

    own: Said
    asked: tuple[Said, ...]  # the buyer's last two turns, the last one first
    said: tuple[Said, ...]  # the agent's
    channel: str
    platform: str
    found: tuple[tuple[str, str], ...]  # rule and verdict of what the rules' own cues found


def gate_numbers(plain: str, asked: Sequence[str], channel: str) -> set[int]:
    """Return what tells at a glance whether anything could be meant: characters alone."""
    found = grams(f"^{plain[:_OWN]}$", 4, "c") | named((f"ch{channel}",))
    for turn in asked:
        found |= grams(f"^{turn[:_ASKED]}$", 3, "B")
    return found


def numbers(heard: Heard) -> set[int]:
    """Return all evidence of a message."""
    return gate_numbers(heard.own.plain, [turn.plain for turn in heard.asked], heard.channel) | named(_names(heard))


def _names(heard: Heard) -> Iterable[str]:
    own = heard.own
    size = len(own.plain)
    yield f"pl{heard.platform}"
    yield f"len{min(size // 4, 12)}"
    yield f"ctx{bool(heard.asked)}"
    for concept in own.concepts:
        yield f"k{concept}"
        yield f"pk{heard.platform}{concept}"
    for turn in heard.asked:
        for concept in turn.concepts:
            yield f"bk{concept}"
            yield f"xf{concept}*{own.plain[:2]}"
            yield f"xl{concept}*{min(size // 3, 6)}"
            for answer in own.concepts:
                yield f"x{concept}*{answer}"
    for turn in heard.said:
        for concept in turn.concepts:
            yield f"ak{concept}"
    for rule, verdict in heard.found:
        yield f"E{rule}"
        yield f"EV{rule}{verdict}"


def shapes() -> tuple[str, ...]:
    """Return the names of what is told by its shape."""
    return tuple(SHAPES)
