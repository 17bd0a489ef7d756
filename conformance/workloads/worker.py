"""A subscriber: opens a session, then writes unique keys at its pace, at whichever site serves it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence

from conformance.model import Outcome
from conformance.workloads.pace import wait_or_stop
from conformance.workloads.plan import WorkloadPlan, key_of, value_of
from conformance.workloads.recording import HistoryRecorder
from conformance.workloads.service import Answer, Endpoint, Service
from conformance.workloads.tally import Tally


class Worker:
    """One process of the history: one operation at a time, none ever repeated.

    After an answer other than ok it turns to the next front-end, with a new operation: first it uses its
    session there, then it writes on. A session that a writable front-end does not know is replaced by a new
    one, so that the loss of a session is on record and does not look like an outage.
    """

    def __init__(
        self,
        number: int,
        plan: WorkloadPlan,
        endpoints: Sequence[Endpoint],
        service: Service,
        history: HistoryRecorder,
        tally: Tally,
    ) -> None:
        self.number = number
        self.plan = plan
        self.service = service
        self.history = history
        self.tally = tally
        self.endpoints = endpoints
        at_first_site = sum(endpoint.site == endpoints[0].site for endpoint in endpoints)
        self.at = number % at_first_site
        self.sessions: list[tuple[str, str]] = []  # every (subscriber, token) that was acknowledged, the latest last
        self.greeted = False  # whether the front-end in use is known to know the session
        self.refused = False  # whether the front-end in use does not know it
        self._writes = itertools.count()
        self._subscribers = itertools.count()

    @property
    def endpoint(self) -> Endpoint:
        """The front-end in use."""
        return self.endpoints[self.at]

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop``; the operation under way is seen through."""
        clock = asyncio.get_running_loop().time
        period = 1 / self.plan.rate
        due = clock() + period * self.number / self.plan.workers
        while not await wait_or_stop(stop, due - clock()):
            await self.step()
            due = max(due + period, clock())

    async def step(self) -> None:
        """The next operation, and where to turn after it."""
        opening = not self.sessions or self.refused
        if opening:
            answer = await self.open_session()
        elif not self.greeted:
            answer = await self.use_session()
        else:
            answer = await self.write()
        self.greeted = answer.outcome is Outcome.OK
        self.refused = answer.status in (401, 404) and not opening
        if not self.greeted and not self.refused:
            self.at = (self.at + 1) % len(self.endpoints)

    async def open_session(self) -> Answer:
        """Ask for a session."""
        subscriber = f"subscriber-{self.number}-{next(self._subscribers)}"
        i = self.history.invoke(self.number, "open-session", self.endpoint.site, key=subscriber)
        body = f'{{"subscriber": "{subscriber}"}}'
        answer = await self.service.ask(
            "POST", self.endpoint, "/sessions", timeout=self.plan.operation_timeout, body=body
        )
        token = answer.body.get("session") if answer.outcome is Outcome.OK else None
        if answer.outcome is Outcome.OK and not isinstance(token, str):
            answer = Answer(Outcome.INFO, answer.status, "the answer holds no session")
        self.history.complete(i, self.number, answer.outcome, answer.error, value=token)
        if token is not None:
            self.sessions.append((subscriber, token))
        return answer

    async def use_session(self) -> Answer:
        """Ask whether the session is known here."""
        subscriber, token = self.sessions[-1]
        i = self.history.invoke(self.number, "use-session", self.endpoint.site, key=subscriber, value=token)
        answer = await self.service.ask("GET", self.endpoint, f"/sessions/{token}", timeout=self.plan.operation_timeout)
        self.history.complete(i, self.number, answer.outcome, answer.error)
        return answer

    async def write(self) -> Answer:
        """Write the next key."""
        key = key_of(self.number, next(self._writes))
        value = value_of(self.plan.seed, key)
        i = self.history.invoke(self.number, "write", self.endpoint.site, key=key, value=value)
        answer = await self.service.ask(
            "PUT",
            self.endpoint,
            f"/records/{key}",
            timeout=self.plan.operation_timeout,
            body=value,
            session=self.sessions[-1][1],
        )
        self.history.complete(i, self.number, answer.outcome, answer.error)
        self.tally.write(self.number, answer.outcome)
        return answer
