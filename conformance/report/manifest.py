"""manifest.json: the SHA-256 and size of every file of a run folder, so that a change afterwards is seen."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from conformance.errors import HarnessError

MANIFEST_FILE = "manifest.json"
SCHEMA_VERSION = "1.0"


class ManifestError(HarnessError):
    """A manifest could not be made."""


def render_manifest(folder: Path) -> str:
    """The text of manifest.json for ``folder`` as it is now; paths are relative, with /, sorted.

    ManifestError when something in the folder is not a plain file: what a hash cannot stand for is not left out
    silently.
    """
    files = {name: _entry(path) for name, path in _files(folder).items()}
    return json.dumps({"schema_version": SCHEMA_VERSION, "algorithm": "sha256", "files": files}, indent=1) + "\n"


def verify(folder: Path) -> tuple[str, ...]:
    """Sentences about everything in ``folder`` that is not as its manifest says; empty when all of it is.

    Changed, missing and added files are each named. A manifest that cannot be read is a problem, not an exception.
    """
    try:
        listed = _read(folder / MANIFEST_FILE)
        present = _files(folder)
    except ManifestError as error:
        return (str(error),)
    problems = []
    for name in sorted(listed.keys() | present.keys()):
        if name not in present:
            problems.append(f"{name} is listed in {MANIFEST_FILE} and is not there.")
        elif name not in listed:
            problems.append(f"{name} is there and is not listed in {MANIFEST_FILE}.")
        else:
            problems.extend(_compare(name, listed[name], present[name]))
    return tuple(problems)


def _files(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise ManifestError(
                f"Expected only plain files in the run folder {folder}; {name} is a link or a special file. Remove it."
            )
        if path.is_file() and name != MANIFEST_FILE:
            found[name] = path
    return found


def _entry(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return {"sha256": hashlib.file_digest(file, "sha256").hexdigest(), "size": path.stat().st_size}
    except OSError as error:
        raise ManifestError(f"Cannot read {path} to hash it: {error.strerror}.") from None


def _compare(name: str, listed: dict[str, Any], path: Path) -> tuple[str, ...]:
    try:
        seen = _entry(path)
    except ManifestError as error:
        return (str(error),)
    if seen == listed:
        return ()
    if seen["size"] != listed["size"]:
        return (f"{name} has changed: {listed['size']} bytes are listed, {seen['size']} are there.",)
    return (f"{name} has changed: its SHA-256 is {seen['sha256']}, {listed['sha256']} is listed.",)


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ManifestError(f"Expected the manifest {path}, which is not there.") from None
    except (OSError, ValueError) as error:
        raise ManifestError(f"Cannot read the manifest {path}: {error}.") from None
    files = document.get("files") if isinstance(document, dict) else None
    if not isinstance(files, dict) or not all(_is_entry(entry) for entry in files.values()):
        raise ManifestError(f"{path} is not a manifest: expected an object 'files' of {{sha256, size}} by path.")
    if document.get("algorithm") != "sha256":
        raise ManifestError(f"{path} names the algorithm {document.get('algorithm')!r}; only sha256 is known here.")
    return files


def _is_entry(entry: object) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("sha256"), str)
        and isinstance(entry.get("size"), int)
        and entry.keys() == {"sha256", "size"}
    )
