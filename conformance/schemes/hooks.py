"""Calling a hook: ask, note the steps as they come, and hand back the last line."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from conformance.model.events import NOT_SUPPORTED
from conformance.schemes.contract import Question, StepLine, check_site, read_as, read_object
from conformance.schemes.executables import Execution, HookError
from conformance.schemes.hook_settings import Hook
from conformance.schemes.webhooks import Posting
from conformance.settings import Settings

L = TypeVar("L", bound=Settings)
OnStep = Callable[[StepLine], None]
_RESERVED = frozenset({"begin", "end", NOT_SUPPORTED})


@dataclass(frozen=True)
class Caller:
    """Calls hooks: commands start in ``folder``, and what they write to stderr is added to ``log``."""

    folder: Path
    log: Path | None

    def call(self, hook: Hook, question: Question, kind: type[L], on_step: OnStep) -> L:
        """Ask, and wait for the last line. HookError, in a sentence, when the hook does not keep to the contract."""
        shown = f"{hook.shown} ({question.operation})"
        last: L | None = None
        with closing(self._open(hook, question, shown)) as call, closing(call.lines()) as lines:
            for line in lines:
                if not line.strip():
                    continue
                said = read_object(line, shown)
                if last is not None:
                    raise HookError(f"{shown} went on after its last line: a line with 'step' comes before it.")
                if "step" in said:
                    step = read_as(said, StepLine, shown)
                    if step.step in _RESERVED:
                        raise HookError(f"{shown} names a step {step.step!r}: the harness notes that by itself.")
                    check_site(step.site, question.sites, shown)
                    on_step(step)
                else:
                    last = read_as(said, kind, shown)
        status = call.status if isinstance(call, Execution) else 0
        if status:
            raise HookError(f"{shown} should exit with 0; it exited with {status}.{self._see()}")
        if last is None:
            raise HookError(f"{shown} ended without its last line, the one with 'ok'.{self._see()}")
        return last

    def check(self, arguments: tuple[str, ...], question: Question, timeout_s: float) -> bool:
        """Ask an executable whether something holds: exit status 0 says yes, 1 no. HookError on any other."""
        shown = f"{arguments[0]} ({question.operation})"
        with closing(self._execute(arguments, question, timeout_s, shown)) as call, closing(call.lines()) as lines:
            for _ in lines:
                pass
        if call.status not in (0, 1):
            raise HookError(f"{shown} should exit with 0 or 1; it exited with {call.status}.{self._see()}")
        return call.status == 0

    def _open(self, hook: Hook, question: Question, shown: str) -> Execution | Posting:
        if hook.run is not None:
            return self._execute(hook.run, question, hook.timeout_s, shown)
        headers = {name: os.environ.get(variable, "") for name, variable in hook.headers.items()}
        return Posting(
            str(hook.post), question.encoded(), timeout_s=hook.timeout_s, headers=headers, shown=f"POST {shown}"
        )

    def _execute(self, arguments: tuple[str, ...], question: Question, timeout_s: float, shown: str) -> Execution:
        clouds = next((site.clouds_yaml for site in question.sites if site.clouds_yaml), None)
        return Execution(
            arguments,
            question.encoded(),
            timeout_s=timeout_s,
            folder=self.folder,
            environment={} if clouds is None else {"OS_CLIENT_CONFIG_FILE": str(clouds)},
            log=self.log,
            shown=shown,
        )

    def _see(self) -> str:
        return "" if self.log is None else f" What it said is in {self.log.name} of the scenario's folder."
