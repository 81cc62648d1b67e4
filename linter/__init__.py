"""kefulint: the linter for what online shops say to buyers.

`import linter` is cheap: the engine is loaded when a name is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from linter.engine import Explanation, Linter
    from linter.model import Clause, Finding, KefulintError, LexiconError, Message, Origin, SourceError, Turn

__version__ = "0.1.0"
__all__ = [
    "Clause",
    "Explanation",
    "Finding",
    "KefulintError",
    "LexiconError",
    "Linter",
    "Message",
    "Origin",
    "SourceError",
    "Turn",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'linter' has no attribute '{name}'")
    if name in ("Linter", "Explanation"):
        from linter import engine

        return getattr(engine, name)
    from linter import model

    return getattr(model, name)
