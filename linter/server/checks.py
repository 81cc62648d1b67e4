"""The operations that judge and explain: one message, a batch, the rules, what the server is."""

from __future__ import annotations

from typing import Any

from linter import __version__, explaining
from linter.engine import Linter
from linter.model import CHANNELS, PLATFORMS, KefulintError
from linter.reports import PLATFORM_NAMES, VERDICT_NAMES
from linter.server.api import Call, Operation, Reply, Surroundings, said
from linter.server.bodies import (
    About,
    Answered,
    AnsweredBatch,
    Batch,
    Check,
    Health,
    Ready,
    Reloaded,
    RuleAnswer,
    RuleList,
)
from linter.server.errors import Refused

JUDGING_ERRORS = (413, 422, 429, 503)


def operations(around: Surroundings) -> list[Operation]:
    """Return the operations that need no database."""
    checks = _Checks(around)
    server: dict[str, Any] = {"tag": "server", "gated": False}
    return [
        Operation("POST", "/v1/check", "Judge one message", checks.check,
                  body=Check, gives=Answered, errors=JUDGING_ERRORS),
        Operation("POST", "/v1/check/batch", "Judge several messages", checks.batch,
                  body=Batch, gives=AnsweredBatch, errors=JUDGING_ERRORS),
        Operation("GET", "/v1/rules", "List the rules", checks.rules, gives=RuleList, tag="rules", errors=(429, 503)),
        Operation("GET", "/v1/rules/{id}", "Explain a rule: verdicts, clauses and sources on every platform", checks.rule,
                  gives=RuleAnswer, tag="rules", errors=(404, 429, 503)),
        Operation("GET", "/v1/meta", "Say what the server knows: platforms, channels, verdicts, lexicons", checks.meta,
                  role=None, gives=About, **server),
        Operation("POST", "/v1/reload", "Replace the lexicons by what is on disk now", checks.reload,
                  role="admin", gives=Reloaded, errors=(422, 503), **server),
        Operation("GET", "/healthz", "Is the process alive?", checks.health, role=None, gives=Health, **server),
        Operation("GET", "/readyz", "Should it be sent requests?", checks.ready, role=None, gives=Ready, statuses=(200, 503), **server),
        Operation("GET", "/metrics", "Numbers for Prometheus", checks.metrics, gives="text/plain", **server),
    ]  # fmt: skip


class _Checks:
    def __init__(self, around: Surroundings) -> None:
        self.desk = around.desk
        self.door = around.door
        self.reloading = around.reload

    async def check(self, call: Call) -> Any:
        return await self.desk.answered(call.body)

    async def batch(self, call: Call) -> Any:
        return {"answers": await self.desk.all_answered(call.body.messages)}

    async def rules(self, call: Call) -> Any:
        now = self.desk.bench
        listed = [
            {"id": rule.id, "group": rule.group, "title": rule.title, "verdict": rule.verdict, "channels": list(rule.channels)}
            for rule in sorted(now.lexicon.rules.values(), key=lambda rule: (rule.group, rule.id))
            if rule.status == "stable"
        ]  # fmt: skip
        return {"rules": listed, "lexicon": now.version}

    async def rule(self, call: Call) -> Any:
        now = self.desk.bench
        if call.path["id"] not in now.lexicon.rules:
            raise Refused(404, "unknown-rule", "no such rule, expected an id of /v1/rules")
        linter: Linter = now.linters[PLATFORMS]
        return explaining.rule_data(linter, call.path["id"]) | {"lexicon": now.version}

    async def meta(self, call: Call) -> Any:
        now = self.desk.bench
        return {
            "name": "kefulint", "version": __version__, "lexicon": now.version,
            "platforms": [{"id": name, "name": PLATFORM_NAMES[name]} for name in PLATFORMS],
            "default_platforms": list(now.platforms), "channels": list(CHANNELS), "verdicts": VERDICT_NAMES,
            "tokens": bool(self.door.tokens),
        }  # fmt: skip

    async def reload(self, call: Call) -> Any:
        try:
            fresh = await self.reloading()
        except KefulintError as error:
            message = "what is on disk is broken, the old set stays"
            raise Refused(422, "lexicon", message, problems=error.problems, lexicon=self.desk.bench.version) from None
        return {"lexicon": fresh.version, "rules": len(fresh.lexicon.rules)}

    async def health(self, call: Call) -> Any:
        return {"alive": True}

    async def ready(self, call: Call) -> Any:
        desk = self.desk
        data: dict[str, Any] = {"ready": not desk.stopping, "lexicon": desk.bench.version}
        data["reload"] = "refused" if desk.problems else "ok"
        data["problems"] = [] if self.door.tokens else list(desk.problems)  # the lines may quote a shop's own rules
        return said(data, 503 if desk.stopping else 200)

    async def metrics(self, call: Call) -> Any:
        running, waiting = self.desk.load
        self.desk.metrics.running.set(running)
        self.desk.metrics.waiting.set(waiting)
        return Reply(self.desk.metrics.text(), kind=b"text/plain; version=0.0.4; charset=utf-8")
