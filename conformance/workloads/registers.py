"""A client of the registers: reads, writes and swaps a few shared keys at its pace, at whichever site serves it."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections.abc import Sequence

from conformance.model import Outcome
from conformance.workloads.pace import wait_or_stop
from conformance.workloads.plan import WorkloadPlan, register_of
from conformance.workloads.recording import HistoryRecorder
from conformance.workloads.service import Answer, Endpoint, Service

GET, PUT, CAS = "get", "put", "cas"
SHARES = {GET: 5, PUT: 3, CAS: 2}
MISMATCH = 409


class RegisterClient:
    """One process of the history: one operation at a time, none ever repeated. Every value it writes is unique.

    There are as many registers as clients, so that a few clients are at the same one at a time. After an answer other
    than ok it turns to the next front-end, unless it was told that the register held another value than it expected.
    """

    def __init__(
        self,
        number: int,
        plan: WorkloadPlan,
        endpoints: Sequence[Endpoint],
        service: Service,
        history: HistoryRecorder,
    ) -> None:
        self.number = number
        self.process = plan.workers + 1 + number  # the process between is the final read's
        self.plan = plan
        self.endpoints = endpoints
        self.service = service
        self.history = history
        self.at = 0
        self.chance = random.Random(f"{plan.seed}:register-client:{number}")
        self.known: dict[str, str | None] = {}  # what it last knew each register to hold
        self._values = itertools.count()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop``; the operation under way is seen through."""
        clock = asyncio.get_running_loop().time
        period = 1 / self.plan.rate
        due = clock() + period * self.number / self.plan.registers
        while not await wait_or_stop(stop, due - clock()):
            await self.step()
            due = max(due + period, clock())

    async def step(self) -> None:
        """The next operation, and where to turn after it."""
        key = register_of(self.chance.randrange(self.plan.registers))
        (f,) = self.chance.choices(list(SHARES), list(SHARES.values()))
        answer = await (self.get(key) if f == GET else self.put(key) if f == PUT else self.cas(key))
        if answer.outcome is not Outcome.OK and answer.status != MISMATCH:
            self.at = (self.at + 1) % len(self.endpoints)

    async def get(self, key: str) -> Answer:
        """Ask what a register holds."""
        answer, i = await self.ask(GET, "GET", key, None, None)
        value = answer.body.get("value")
        if answer.outcome is Outcome.OK and ("value" not in answer.body or not isinstance(value, str | None)):
            answer = Answer(Outcome.INFO, answer.status, "the answer holds no value")
        if answer.outcome is Outcome.OK:
            self.known[key] = value
        self.history.complete(
            i, self.process, answer.outcome, answer.error, value=value if answer.outcome is Outcome.OK else None
        )
        return answer

    async def put(self, key: str) -> Answer:
        """Write a register."""
        value = self.next_value()
        answer, i = await self.ask(PUT, "PUT", key, value, value)
        self.told(i, key, value, answer)
        return answer

    async def cas(self, key: str) -> Answer:
        """Swap what the register was last known to hold."""
        old, new = self.known.get(key), self.next_value()
        body = json.dumps({"old": old, "new": new})
        answer, i = await self.ask(CAS, "POST", key, json.dumps([old, new]), body)
        self.told(i, key, new, answer)
        return answer

    async def ask(self, f: str, method: str, key: str, value: str | None, body: str | None) -> tuple[Answer, int]:
        """Record and send one request; its answer and its number. The caller records the outcome."""
        endpoint = self.endpoints[self.at]
        i = self.history.invoke(self.process, f, endpoint.site, key=key, value=value)
        path = f"/registers/{key}"
        return await self.service.ask(method, endpoint, path, timeout=self.plan.operation_timeout, body=body), i

    def told(self, i: int, key: str, value: str, answer: Answer) -> None:
        """Record the outcome of a write."""
        self.history.complete(i, self.process, answer.outcome, answer.error)
        if answer.outcome is Outcome.OK:
            self.known[key] = value

    def next_value(self) -> str:
        """A value that nobody else writes: a report can name whose it was."""
        return f"v{self.number}-{next(self._values):06d}"
