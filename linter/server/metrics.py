"""Numbers about the server for Prometheus: how much, how fast, what was decided. No text, no name of a person or shop."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector

from linter.answer import DECISIONS
from linter.model import Finding, graver

_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Requests:
    """The numbers of one path; labels are looked up once."""

    def __init__(self, requests: Counter, seconds: Histogram, path: str) -> None:
        self._seconds = seconds.labels(path)
        self._by_status: dict[int, Counter] = {}
        self._requests, self._path = requests, path

    def count(self, status: int, seconds: float) -> None:
        """Count one request."""
        counter = self._by_status.get(status)
        if counter is None:
            counter = self._by_status[status] = self._requests.labels(self._path, str(status))
        counter.inc()
        self._seconds.observe(seconds)


class Metrics:
    """The counters of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = self._counter("requests", "Requests answered.", "path", "status")
        self._seconds = Histogram(
            "kefulint_request_seconds", "From the request's head to the answer.", ["path"], registry=self.registry,
            buckets=_BUCKETS,
        )  # fmt: skip
        self.answers = self._counter("answers", "Messages judged.", "decision")
        self.findings = self._counter("findings", "Findings.", "rule", "verdict")
        self.engine = self._counter("engine_seconds", "Seconds spent judging.")
        self.refused = self._counter("refused", "Requests turned away.", "reason")
        self.reloads = self._counter("reloads", "Reloads of the lexicons.", "result")
        self.recorded = self._counter("recorded", "Decisions put on record.", "decision")
        self.live = self._gauge("live_connections", "WebSockets that are open.")
        self.running = self._gauge("running", "Requests being answered.")
        self.waiting = self._gauge("waiting", "Long texts being judged or waiting for it.")
        self._version = self._gauge("lexicon_info", "The lexicons that judge now.", "version")
        self._answers = {verdict: self.answers.labels(decision) for verdict, decision in DECISIONS.items()}

    def _counter(self, name: str, says: str, *labels: str) -> Counter:
        return Counter(f"kefulint_{name}", says, labels, registry=self.registry)

    def _gauge(self, name: str, says: str, *labels: str) -> Gauge:
        return Gauge(f"kefulint_{name}", says, labels, registry=self.registry)

    def requests(self, path: str) -> Requests:
        """Return the numbers of one path."""
        return Requests(self._requests, self._seconds, path)

    def judged(self, seconds: float, findings: Sequence[Finding]) -> None:
        """Count one judgement."""
        self.engine.inc(seconds)
        verdict = "none"
        for finding in findings:
            verdict = graver(verdict, finding.verdict)
            self.findings.labels(finding.rule, finding.verdict).inc()
        self._answers[verdict].inc()

    def lexicon(self, version: str) -> None:
        """Name the lexicons that judge now."""
        self._version.clear()
        self._version.labels(version).set(1)

    def text(self) -> bytes:
        """Return everything in Prometheus's text format."""
        return generate_latest(self.registry)
