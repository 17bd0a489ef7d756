"""Reading everything back from one site, after all writing has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from conformance.model import Outcome
from conformance.workloads.recording import HistoryRecorder
from conformance.workloads.service import Answer, Endpoint, Service

PAGE = 1000
RETRY_INTERVAL = 0.1


class FinalRead:
    """Pages through all records of a site and uses every session there, as operations of ``process``.

    A page or session that got no answer is asked for again, as a new operation, at the site's next front-end.
    """

    def __init__(
        self,
        process: int,
        endpoints: Sequence[Endpoint],
        service: Service,
        history: HistoryRecorder,
        patience: float,
    ) -> None:
        self.process = process
        self.endpoints = list(endpoints)
        self.service = service
        self.history = history
        self.patience = patience

    async def run(self, sessions: Sequence[tuple[str, str]], timeout: float) -> bool:
        """Whether every record was read and every session asked for within ``timeout`` seconds."""
        try:
            async with asyncio.timeout(timeout):
                after: int | None = 0
                while after is not None:
                    after = await self.page(after)
                for subscriber, token in sessions:
                    await self.session(subscriber, token)
                return True
        except TimeoutError:
            return False

    async def page(self, after: int) -> int | None:
        """Read the page behind record ``after``; where the next one begins, None when this was the last."""
        while True:
            endpoint = self.endpoints[0]
            cursor = str(after) if after else None
            i = self.history.invoke(self.process, "scan", endpoint.site, key=cursor, final=True)
            path = f"/records?after={after}&limit={PAGE}"
            answer = await self.service.ask("GET", endpoint, path, timeout=self.patience)
            if answer.outcome is not Outcome.OK:
                await self.turn(i, answer)
                continue
            try:
                items = [[key, value] for _, key, value in answer.body["items"]]
                following: int | None = answer.body["next"]
            except (KeyError, TypeError, ValueError):
                await self.turn(i, Answer(Outcome.INFO, answer.status, "the answer is no page of records"))
                continue
            self.history.complete(i, self.process, Outcome.OK, None, items=items, complete=following is None)
            return following

    async def session(self, subscriber: str, token: str) -> None:
        """Use one session; that it is unknown is an answer, too."""
        while True:
            endpoint = self.endpoints[0]
            i = self.history.invoke(self.process, "use-session", endpoint.site, key=subscriber, value=token, final=True)
            answer = await self.service.ask("GET", endpoint, f"/sessions/{token}", timeout=self.patience)
            if answer.outcome is Outcome.OK or answer.status in (401, 404):
                self.history.complete(i, self.process, answer.outcome, answer.error)
                return
            await self.turn(i, answer)

    async def turn(self, i: int, answer: Answer) -> None:
        """Record that operation ``i`` got no answer and turn to the next front-end."""
        self.history.complete(i, self.process, answer.outcome, answer.error)
        self.endpoints.append(self.endpoints.pop(0))
        await asyncio.sleep(RETRY_INTERVAL)
