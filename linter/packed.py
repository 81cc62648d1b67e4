"""Values in, bytes out, and back: what the compiled lexicons are kept in between two runs.

The bytes are a pickle that may name nothing but our own values and a few plain types: a file that somebody tampered with
can be wrong, but it cannot call anything. `Later` holds a part that most runs never open.
"""

from __future__ import annotations

import io
import pickle
from typing import Any, BinaryIO, Generic, TypeVar

T = TypeVar("T")
_OURS = {
    "linter.compiled": {"Compiled"},
    "linter.entries": {"Before", "Concept", "Example", "Find", "Fixing", "Lexicon", "Rule", "Wording"},
    "linter.model": {"Clause", "Source", "Step", "Turn"}, "linter.packed": {"Later", "_later"},
    "linter.pattern": {"Item", "Pattern"},
    "linter.rulebook": {"Account", "Entry", "Measure", "Rulebooks", "Threshold", "_Dated", "_Listed"},
    "linter.scan": {"Scanner"}, "linter.terms": {"Terms", "_terms"}, "linter.text": {"Folding", "Sounds"},
    "linter.words": {"Words"},
}  # fmt: skip
_PLAIN = {
    "ahocorasick": {"Automaton"}, "builtins": {"frozenset", "object", "set"}, "copyreg": {"_reconstructor", "__newobj__"},
    "decimal": {"Decimal"},
}  # fmt: skip
_KNOWN = {(module, name) for known in (_OURS, _PLAIN) for module, names in known.items() for name in names}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _KNOWN:
            raise pickle.UnpicklingError(f"{module}.{name} is not for us to load")
        return super().find_class(module, name)


def pack(value: Any) -> bytes:
    """Return a value as bytes."""
    return pickle.dumps(value, protocol=5)


def unpack(data: bytes | BinaryIO) -> Any:
    """Return the value of some bytes or of a file; raise pickle.UnpicklingError for any that name what they may not.

    Of a file, long parts are read straight to where they belong: a copy of it all costs a short run a tenth of its time.
    """
    return _Unpickler(io.BytesIO(data) if isinstance(data, bytes) else data).load()


class Later(Generic[T]):
    """A value that is unpacked when it is first asked for."""

    __slots__ = ("_packed", "_value")

    def __init__(self, value: T | None, packed: bytes = b"") -> None:
        self._value = value
        self._packed = packed

    @property
    def value(self) -> T:
        if self._value is None:
            self._value = unpack(self._packed)
        return self._value

    def __reduce__(self) -> tuple[Any, ...]:
        return _later, (self._packed or pack(self._value),)


def _later(packed: bytes) -> Later[Any]:
    return Later(None, packed)
