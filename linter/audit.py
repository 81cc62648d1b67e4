"""Chat logs in, findings out: `judged` streams and never holds the log.

Only agents are judged; the session's earlier turns are context. A row that cannot be judged is counted and shown, and
the rest goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from linter import reports, service
from linter.engine import Linter
from linter.ledger import identity
from linter.model import Finding, Message
from linter.sources import Listing, Options, Trouble, read
from linter.summary import Summary


class Linters:
    """One linter for each platform that a log names, over one lexicon."""

    def __init__(self, make: Callable[[str], Linter], platform: str) -> None:
        self._make = make
        self._made: dict[str, Linter] = {}
        self.platform = platform

    def of(self, platform: str | None) -> Linter:
        name = platform or self.platform
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]


def judged(
    paths: Iterable[str | Path],
    options: Options,
    linters: Linters,
    summary: Summary,
    clocks: service.Clocks | None = None,
) -> Iterator[tuple[Finding, Message]]:
    """Yield the findings of logs with their messages, counting as it goes."""
    started = time.monotonic()
    for path in paths:
        for item in read(path, options):
            if isinstance(item, Trouble):
                summary.trouble(item)
            elif isinstance(item, Listing):
                yield from _judged_listing(item, linters, summary)
            else:
                if clocks is not None:
                    clocks.see(item, linters.platform)
                yield from _judged_message(item, linters, summary)
            summary.seconds = time.monotonic() - started


def _judged_message(message: Message, linters: Linters, summary: Summary) -> Iterator[tuple[Finding, Message]]:
    if message.role != "agent":
        summary.buyers += message.role == "buyer"
        return
    linter = linters.of(message.origin.platform)
    findings = linter.check_message(message)
    summary.count(message, linter.platforms[0], findings)
    for finding in findings:
        yield finding, message


def _judged_listing(listing: Listing, linters: Linters, summary: Summary) -> Iterator[tuple[Finding, Message]]:
    linter = linters.of(listing.origin.platform)
    findings = [replace(f, origin=listing.origin) for f in linter.check_listing(listing.record)]
    summary.count(Message("", "listing.title", origin=listing.origin), linter.platforms[0], findings)
    for finding in findings:
        yield finding, Message(str(listing.record.get(finding.field or "title", "")), f"listing.{finding.field}")


def write(found: Iterable[tuple[Finding, Message]], folder: Path, *, shown: bool) -> Iterator[Finding]:
    """Write findings.jsonl and findings.csv into a folder as they come; yield the findings on."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        (folder / "findings.jsonl").open("w", encoding="utf-8") as lines,
        (folder / "findings.csv").open("w", encoding="utf-8", newline="") as cells,
    ):
        rows = reports.CsvWriter(cells)
        for finding, message in found:
            data = {"id": identity(finding)} | reports.finding_data(finding, message.text, shown=shown)
            lines.write(reports.dump(data) + "\n")
            rows.write(finding, message.text, shown=shown)
            yield finding
