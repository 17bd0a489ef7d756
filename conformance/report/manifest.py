"""manifest.json: the SHA-256 and size of every file of a run folder, so that a change afterwards is seen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conformance.errors import HarnessError

MANIFEST_FILE = "manifest.json"
SIGNATURE_FILE = "manifest.sig"
SCHEMA_VERSION = "1.0"

Entry = dict[str, Any]


class ManifestError(HarnessError):
    """A manifest could not be made, or read."""


def render_manifest(folder: Path) -> str:
    """The text of manifest.json for ``folder`` as it is now; paths are relative, with /, sorted.

    ManifestError when something in the folder is not a plain file: what a hash cannot stand for is not left out
    silently.
    """
    files = entries(folder)
    return json.dumps({"schema_version": SCHEMA_VERSION, "algorithm": "sha256", "files": files}, indent=1) + "\n"


def verify(folder: Path) -> tuple[str, ...]:
    """Sentences about everything in ``folder`` that is not as its manifest says; empty when all of it is.

    Changed, missing and added files are each named. A manifest that cannot be read is a problem, not an exception.
    """
    try:
        return tuple(altered(folder).values())
    except ManifestError as error:
        return (str(error),)


def altered(folder: Path) -> dict[str, str]:
    """Name of each file that is not as the manifest says, and a sentence about it. ManifestError without manifest."""
    path = folder / MANIFEST_FILE
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        raise ManifestError(f"Expected the manifest {path}, which is not there.") from None
    except OSError as error:
        raise ManifestError(f"Cannot read the manifest {path}: {error}.") from None
    return differences(parse_manifest(text, str(path)), entries(folder))


def entries(folder: Path) -> dict[str, Entry]:
    """SHA-256 and size of every file by its path relative to ``folder``, but of the manifest and its signature."""
    return {name: _entry(path) for name, path in record_files(folder).items()}


def record_files(folder: Path) -> dict[str, Path]:
    """Every file that a manifest lists, sorted. ManifestError for what is not a plain file."""
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise ManifestError(
                f"Expected only plain files in the run folder {folder}; {name} is a link or a special file. Remove it."
            )
        if path.is_file() and name not in (MANIFEST_FILE, SIGNATURE_FILE):
            found[name] = path
    return found


def differences(listed: Mapping[str, Entry], present: Mapping[str, Entry]) -> dict[str, str]:
    """For each file that is missing, added or changed a sentence, by its name."""
    problems = {}
    for name in sorted(listed.keys() | present.keys()):
        if name not in present:
            problems[name] = f"{name} is listed in {MANIFEST_FILE} and is not there."
        elif name not in listed:
            problems[name] = f"{name} is there and is not listed in {MANIFEST_FILE}."
        elif present[name]["size"] != listed[name]["size"]:
            sizes = f"{listed[name]['size']} bytes are listed, {present[name]['size']} are there"
            problems[name] = f"{name} has changed: {sizes}."
        elif present[name]["sha256"] != listed[name]["sha256"]:
            hashes = f"its SHA-256 is {present[name]['sha256']}, {listed[name]['sha256']} is listed"
            problems[name] = f"{name} has changed: {hashes}."
    return problems


def parse_manifest(text: bytes, where: str) -> dict[str, Entry]:
    """The files that a manifest lists. ManifestError when it is none; ``where`` is how its sentence names it."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"Cannot read the manifest {where}: {error}.") from None
    files = document.get("files") if isinstance(document, dict) else None
    if not isinstance(files, dict) or not all(_is_entry(entry) for entry in files.values()):
        raise ManifestError(f"{where} is not a manifest: expected an object 'files' of {{sha256, size}} by path.")
    if document.get("algorithm") != "sha256":
        raise ManifestError(f"{where} names the algorithm {document.get('algorithm')!r}; only sha256 is known here.")
    return files


def _entry(path: Path) -> Entry:
    try:
        with path.open("rb") as file:
            return {"sha256": hashlib.file_digest(file, "sha256").hexdigest(), "size": path.stat().st_size}
    except OSError as error:
        raise ManifestError(f"Cannot read {path} to hash it: {error.strerror}.") from None


def _is_entry(entry: object) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("sha256"), str)
        and isinstance(entry.get("size"), int)
        and entry.keys() == {"sha256", "size"}
    )
