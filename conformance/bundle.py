"""The evidence bundle: a run folder as one archive that shows whether anything in it was altered.

A gzipped tar of plain files below one folder named after the run, the manifest first. It is deterministic: the same
folder always gives the same bytes, so an archive that differs from what its own files make was tampered with, even
where no file is. The signature is the 64 bytes of Ed25519 over manifest.json, so that openssl can check it as well.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import tarfile
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from conformance.errors import HarnessError, UsageError
from conformance.report.formats import is_report
from conformance.report.manifest import (
    MANIFEST_FILE,
    SIGNATURE_FILE,
    Entry,
    ManifestError,
    altered,
    differences,
    entries,
    parse_manifest,
    record_files,
    verify,
)
from conformance.signing import check_signature

_CHUNK = 1 << 20
_SAFE_NAME = re.compile(r"[\w.-]+")


class BundleError(HarnessError):
    """An archive is not what `multisite-ha bundle` writes, or was altered since."""


@dataclass(frozen=True)
class Inspection:
    """What looking at a bundle or a run folder showed. ``problems`` name what is not as it was written; ``signature``
    is a sentence about the signature; ``files`` is how many files the manifest lists."""

    problems: tuple[str, ...]
    signature: str
    files: int


def pack(folder: Path, run_id: str, out: Path, key: Ed25519PrivateKey | None = None) -> None:
    """Write ``folder`` as an archive to ``out``. BundleError when the folder is not as its manifest says."""
    problems = verify(folder)
    if problems:
        raise BundleError(f"{folder} is not what the run wrote, so it was not packed: {' '.join(problems[:5])}")
    if not _SAFE_NAME.fullmatch(run_id) or set(run_id) == {"."}:
        raise BundleError(f"{folder} names its run {run_id!r}, which cannot be the name of a folder.")
    manifest = (folder / MANIFEST_FILE).read_bytes()
    partial = out.with_name(out.name + ".partial")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed:
            files: dict[str, Path | bytes] = {MANIFEST_FILE: manifest}
            if key is not None:
                files[SIGNATURE_FILE] = key.sign(manifest)
            _write_tar(packed, run_id, [*files.items(), *record_files(folder).items()])
        partial.replace(out)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise UsageError(f"Cannot write the bundle {out}: {error.strerror}. Choose another with --out.") from None
    problems = inspect(out).problems
    if problems:  # the folder was still being written, for one
        out.unlink()
        raise BundleError(f"{folder} changed while it was packed: {' '.join(problems[:5])}")


def inspect(path: Path, key: Ed25519PublicKey | None = None) -> Inspection:
    """Look at a bundle or a run folder. Everything amiss is a problem in the answer, not an exception."""
    try:
        if path.is_dir():
            manifest, signature = _beside(path)
            found, problems = entries(path), list[str]()
        else:
            with _unpacked(path) as (tar, problems):
                manifest, signature, found = _look_through(tar, problems)
        listed = parse_manifest(manifest, f"{path}: {MANIFEST_FILE}")
        problems += differences(listed, found).values()
    except (BundleError, ManifestError) as error:
        return Inspection((str(error),), "Its signature was not looked at.", 0)
    said, wrong = check_signature(manifest, signature, key)
    return Inspection((*problems, *wrong), said, len(listed))


@contextmanager
def opened(path: Path) -> Iterator[Path]:
    """The run folder ``path``, or the bundle ``path`` unpacked into a folder that is there meanwhile.

    BundleError when anything in the bundle, or in the record of the folder, was altered; UsageError when there is
    nothing to open."""
    if not path.is_file():
        check_record(path)
        yield path
        return
    seen = inspect(path)
    if seen.problems:
        raise BundleError(f"{path} is not what was packed, so nothing was judged: {' '.join(seen.problems[:5])}")
    with tempfile.TemporaryDirectory(prefix="multisite-ha-bundle-") as scratch, _unpacked(path) as (tar, _):
        for member in tar:
            target = Path(scratch) / member.name
            target.parent.mkdir(parents=True, exist_ok=True)
            with _content(tar, member) as source, target.open("wb") as copy:
                while chunk := source.read(_CHUNK):
                    copy.write(chunk)
        yield next(Path(scratch).iterdir())


def check_record(folder: Path, *reports: str) -> None:
    """BundleError when the record in a run folder is not what its manifest lists, or one of these reports is not.

    Reports can be made again, so that others may differ or be gone; a run that was killed has no manifest."""
    if not (folder / MANIFEST_FILE).exists():
        return
    changed = [problem for name, problem in altered(folder).items() if not is_report(name) or name in reports]
    if changed:
        raise BundleError(
            f"The record in {folder} is not what the run wrote, so nothing was judged and nothing written: "
            f"{' '.join(changed[:5])} Get the unaltered folder, or remove {MANIFEST_FILE} to judge it all the same."
        )


def _write_tar(sink: gzip.GzipFile, run_id: str, files: Iterable[tuple[str, Path | bytes]]) -> None:
    with tarfile.open(fileobj=sink, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in files:
            member = tarfile.TarInfo(f"{run_id}/{name}")
            member.mode = 0o644
            if isinstance(content, bytes):
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
            else:
                member.size = content.stat().st_size
                with content.open("rb") as file:
                    tar.addfile(member, file)


@contextmanager
def _unpacked(path: Path) -> Iterator[tuple[tarfile.TarFile, list[str]]]:
    """The archive's tar, and sentences about bytes of the archive that are no file's and not as they were written."""
    with tempfile.TemporaryFile(prefix="multisite-ha-bundle-") as plain:
        problems = _decompress(path, plain)
        plain.seek(0)
        try:
            with tarfile.open(fileobj=plain, mode="r:") as tar:
                members = _members(tar, problems)
                _refuse_unsafe(path, members)
                if not problems and _digest_of_rewritten(tar, members) != _digest_of(plain):
                    problems.append(f"{path.name}: something beside its files was altered (headers, order or padding).")
                yield tar, problems
        except tarfile.TarError as error:
            raise BundleError(
                f"{path} is damaged, or not a bundle: {error}. {' '.join(problems)} Get the unaltered archive."
            ) from None


def _members(tar: tarfile.TarFile, problems: list[str]) -> list[tarfile.TarInfo]:
    try:
        return tar.getmembers()
    except tarfile.ReadError:
        problems.append("The archive is cut short.")
        return list(tar.members)  # type: ignore[attr-defined]


def _digest_of_rewritten(tar: tarfile.TarFile, members: list[tarfile.TarInfo]) -> str:
    """SHA-256 of the tar that the members make when they are packed as `pack` does."""
    digest = _Digest()
    with tarfile.open(fileobj=digest, mode="w", format=tarfile.PAX_FORMAT) as again:  # type: ignore[call-overload]
        for member in members:
            same = tarfile.TarInfo(member.name)
            same.mode, same.size = 0o644, member.size
            with _content(tar, member) as source:
                again.addfile(same, source)
    return digest.hexdigest()


class _Digest:
    """A file that keeps nothing but the SHA-256 of what is written to it."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._position = 0

    def write(self, data: bytes) -> int:
        """Take more bytes."""
        self._hash.update(data)
        self._position += len(data)
        return len(data)

    def tell(self) -> int:
        """How many bytes were written."""
        return self._position

    def hexdigest(self) -> str:
        """The SHA-256 so far."""
        return self._hash.hexdigest()


def _digest_of(file: IO[bytes]) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def _decompress(path: Path, plain: IO[bytes]) -> list[str]:
    """Unpack as much as can be, so that the files that are damaged can still be named."""
    engine = zlib.decompressobj(wbits=31)
    try:
        with path.open("rb") as raw:
            head = raw.read(10)
            if head[:3] != b"\x1f\x8b\x08":
                raise BundleError(f"{path} is not a bundle: a gzipped tar was expected.")
            problems = [] if head[3:] == b"\0\0\0\0\0\0\xff" else [f"{path.name}: its first bytes were altered."]
            raw.seek(0)
            while chunk := raw.read(_CHUNK):
                plain.write(engine.decompress(chunk))
    except OSError as error:
        raise BundleError(f"Cannot read the bundle {path}: {error.strerror}.") from None
    except zlib.error as error:
        return [f"{path.name}: its compressed bytes were altered ({error})."]
    if not engine.eof:
        problems.append(f"{path.name}: its end is missing.")
    if engine.unused_data:
        problems.append(f"{path.name}: something was appended to it.")
    return problems


def _refuse_unsafe(path: Path, members: list[tarfile.TarInfo]) -> None:
    if not members:
        raise BundleError(f"{path} is an empty archive, or damaged at its beginning.")
    names = [member.name for member in members]
    for member in members:
        parts = member.name.split("/")
        if not member.isreg() or len(parts) < 2 or any(part in ("", ".", "..") for part in parts):
            raise BundleError(f"{path} holds {member.name!r}, which is not a plain file below one folder.")
        if parts[0] != names[0].split("/")[0]:
            raise BundleError(f"{path} holds more than one folder: {parts[0]!r} beside {names[0].split('/')[0]!r}.")
    if len(set(names)) != len(names):
        raise BundleError(f"{path} holds a file twice.")


def _look_through(tar: tarfile.TarFile, problems: list[str]) -> tuple[bytes, bytes | None, dict[str, Entry]]:
    found: dict[str, Entry] = {}
    special: dict[str, bytes] = {}
    for member in _members(tar, []):
        name = _relative(member)
        with _content(tar, member) as source:
            if name in (MANIFEST_FILE, SIGNATURE_FILE):
                special[name] = source.read()
                continue
            digest = _Digest()
            try:
                while chunk := source.read(_CHUNK):
                    digest.write(chunk)
            except tarfile.ReadError:
                problems.append(f"{name} is cut short.")
        found[name] = {"sha256": digest.hexdigest(), "size": digest.tell()}
    if MANIFEST_FILE not in special:
        raise BundleError(f"The bundle holds no {MANIFEST_FILE}. {' '.join(problems)}")
    return special[MANIFEST_FILE], special.get(SIGNATURE_FILE), found


def _relative(member: tarfile.TarInfo) -> str:
    return member.name.partition("/")[2]


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    source = tar.extractfile(member)
    if source is None:
        raise BundleError(f"{member.name} in the bundle is not a file.")
    return source


def _beside(folder: Path) -> tuple[bytes, bytes | None]:
    """A run folder's manifest and its signature, if it has one."""
    try:
        manifest = (folder / MANIFEST_FILE).read_bytes()
        signature = folder / SIGNATURE_FILE
        return manifest, signature.read_bytes() if signature.exists() else None
    except FileNotFoundError:
        raise BundleError(f"Expected the manifest {folder / MANIFEST_FILE}, which is not there.") from None
    except OSError as error:
        raise BundleError(f"Cannot read the manifest of {folder}: {error.strerror}.") from None
