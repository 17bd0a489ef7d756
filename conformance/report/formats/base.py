"""What every format is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from conformance.errors import HarnessError, UsageError
from conformance.model import Requirement, ScenarioRecord
from conformance.model.results import CheckResult, RunResult, ScenarioResult

LoadRecord = Callable[[str], ScenarioRecord]

EXTRAS: Mapping[str, str] = {"xlsxwriter": "reports"}
"""Package → the extra of this product that brings it."""


class FormatError(HarnessError):
    """A format could not be written."""


@dataclass(frozen=True)
class JudgedRun:
    """A judged run: its verdicts, the catalogue they belong to, its records one at a time, and where they lie."""

    result: RunResult
    catalogue: Mapping[str, Requirement]
    load: LoadRecord
    folder: Path

    def judged(self) -> Iterator[tuple[ScenarioResult, CheckResult]]:
        """Every check of every scenario, in order."""
        return ((scenario, check) for scenario in self.result.scenarios for check in scenario.checks)


@dataclass(frozen=True)
class Document:
    """``content`` is a file's text or bytes, or the files of a folder by name; ``problems`` are sentences about what
    could not be shown in it."""

    content: str | bytes | Mapping[str, str | bytes]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Format:
    """``file`` is its place in the run folder, with a slash at its end when it is a folder of files. ``place`` is
    ``module:function`` of what renders it, imported on use, because some need packages that few people want."""

    name: str
    file: str
    purpose: str
    place: str
    by_default: bool = True

    def render(self, run: JudgedRun) -> Document:
        """The format's document. FormatError when a package is missing; anything else is a defect of its writer."""
        module, _, function = self.place.partition(":")
        try:
            render: Callable[[JudgedRun], Document] = getattr(import_module(module), function)
            return render(run)
        except ModuleNotFoundError as error:
            if error.name is None or error.name not in EXTRAS:
                raise
            raise FormatError(
                f"the format {self.name} needs the package {error.name}: install multisite-ha[{EXTRAS[error.name]}]"
            ) from None


def write_document(document: Document, path: Path) -> None:
    """Write a document so that a reader sees the old one or the whole new one. UsageError when that is impossible."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(document.content, (str, bytes)):
            _write(path, document.content)
            return
        path.mkdir(exist_ok=True)
        for name, content in document.content.items():
            _write(path / name, content)
        for old in path.iterdir():
            if old.is_file() and old.name not in document.content:
                old.unlink()
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.") from None


def _write(path: Path, content: str | bytes) -> None:
    partial = path.with_name(f"{path.name}.partial")
    raw = content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace")
    try:
        partial.write_bytes(raw)
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
