"""How often one caller may ask: a bucket a caller, filled by the second, emptied by requests."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from linter.server.access import Caller
from linter.server.errors import Refused

_MOST = 10_000  # callers remembered


class Rates:
    """Counts requests by token, or by address where there are no tokens. `rate` 0: no limit."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._left: dict[str, tuple[float, float]] = {}  # caller -> requests left, when that was

    def check(self, caller: Caller, scope: Mapping[str, Any]) -> None:
        """Take one request; raise Refused (429) where none is left."""
        if not self.rate:
            return
        key = caller.name or str((scope.get("client") or ("",))[0])
        now = time.monotonic()
        left, since = self._left.get(key, (float(self.rate), now))
        left = min(float(self.rate), left + (now - since) * self.rate)
        if left < 1:
            raise Refused(429, "rate", f"more than {self.rate} requests a second, try again later", retry_after=1)
        if len(self._left) >= _MOST:
            self._left.clear()
        self._left[key] = (left - 1, now)
