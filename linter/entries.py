"""The nouns of the lexicons: concepts, rules and their wordings, and the folders they are read from.

They stand apart from their reader (`lexicon`), which most runs never need: they load what was compiled before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from linter.model import Turn
from linter.packed import Later
from linter.pattern import Pattern

if TYPE_CHECKING:
    from linter.rulebook import Rulebooks

_Read = TypeVar("_Read")


class Wording(NamedTuple):
    """One way to say it. `replace`: only these words are replaced; otherwise all that `over` reaches. '' deletes."""

    say: str
    over: str
    replace: tuple[str, ...]
    safe: bool
    place: str
    channels: tuple[str, ...] = ()  # only there; empty: everywhere


@dataclass(frozen=True, slots=True)
class Before(Generic[_Read]):
    """An example of a fix: the message (an example like all others), and how it reads afterwards."""

    example: _Read
    after: str


@dataclass(frozen=True, slots=True)
class Fixing(Generic[_Read]):
    """All wordings of a rule, the safe ones first, and the examples that prove them."""

    wordings: tuple[Wording, ...] = ()
    examples: tuple[Before[_Read], ...] = ()


class Concept(NamedTuple):
    """One meaning with its spellings. `word`: ask the tokenizer about every hit; `disguise`: generate disguises."""

    id: str
    title: str
    strong: tuple[str, ...]
    weak: tuple[str, ...] = ()
    excepts: tuple[str, ...] = ()
    disguise: bool = True
    word: bool = False
    place: str = ""


class Find(NamedTuple):
    """One way a rule is found: any of `patterns`, under the conditions that are set."""

    patterns: tuple[Pattern, ...]
    place: str
    verdict: str | None = None
    channels: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    clear: tuple[str, ...] | None = None
    asked: tuple[Pattern, ...] = ()
    unless_asked: tuple[Pattern, ...] = ()
    earlier: tuple[Pattern, ...] = ()
    unless_earlier: tuple[Pattern, ...] = ()
    said: tuple[Pattern, ...] = ()
    unless_said: tuple[Pattern, ...] = ()
    category: tuple[Pattern, ...] = ()
    unless_category: tuple[Pattern, ...] = ()
    unless: tuple[Pattern, ...] = ()
    unless_anywhere: tuple[Pattern, ...] = ()
    longest: int = 0
    shortest: int = 0
    weak: bool = False
    other_brand: bool = False


class Example(NamedTuple):
    """A text with its marked spans; the rule must find (violates) or must not (passes)."""

    text: str
    spans: tuple[tuple[int, int], ...]
    platform: str
    channel: str
    context: tuple[Turn, ...]
    verdict: str | None
    place: str


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One rule file."""

    id: str
    group: str
    title: str
    verdict: str
    status: str
    since: str
    needs: str
    channels: tuple[str, ...]
    clear: tuple[str, ...]
    over: tuple[str, ...]
    why: str
    message: str
    suggestion: str
    finds: tuple[Find, ...]
    unless: tuple[Pattern, ...]
    examples: Later[tuple[tuple[Example, ...], tuple[Example, ...]]]  # violates, passes
    place: str
    measure: str = ""
    settings: tuple[tuple[str, str], ...] = ()
    fix: Fixing[Example] | None = None
    own: bool = False  # a shop's, not a shipped one

    @property
    def violates(self) -> tuple[Example, ...]:
        """The texts in which the rule must find what is marked."""
        return self.examples.value[0]

    @property
    def passes(self) -> tuple[Example, ...]:
        """The texts in which it must find nothing."""
        return self.examples.value[1]


@dataclass(frozen=True, slots=True, eq=False)
class Lexicon:
    """Everything that was loaded, by id, and a version made from the bytes of the files."""

    all_concepts: Later[dict[str, Concept]]
    rules: dict[str, Rule]
    all_rulebooks: Later[Rulebooks]
    reads: dict[str, str]
    components: dict[str, tuple[str, ...]]
    lookalikes: dict[str, str]
    domains: dict[str, tuple[str, ...]]
    version: str

    @property
    def concepts(self) -> dict[str, Concept]:
        return self.all_concepts.value

    @property
    def rulebooks(self) -> Rulebooks:
        return self.all_rulebooks.value


def shipped_folder() -> Path:
    """Return the folder of the shipped lexicons: inside the package when installed, beside it in a checkout."""
    inside = Path(__file__).parent / "lexicons"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "lexicons"


def files(folders: Sequence[Path]) -> list[Path]:
    """Return the YAML files of the folders, in a fixed order."""
    return [path for folder in folders for path in sorted(folder.rglob("*.yaml"))]
