"""Secrets stay out of files. What a cloud's configuration keeps secret is remembered, and never written.

Three nets, because one forgotten place is enough: everything written through conformance.store passes ``redacted``;
what other processes wrote is gone through by ``scrub`` when a run ends; and both know, beside the secrets that were
remembered, what secrets look like. The sessions of a workload's own subscribers are its test data and stay.
"""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from functools import lru_cache
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

HIDDEN = "***"

# Shorter secrets ("secret", "admin") are words that records are made of: they are looked for as whole words, and
# only where sentences stand.
_LONG = 8
_SENTENCES = frozenset(
    ("error", "detail", "reason", "text", "message", "trouble", "notes", "observed", "environment", "command_line")
)
_SECRET_NAME = re.compile(
    r"(?i)^(.*[_-])?(password|passwd|secret|secret[_-]?key|api[_-]?key|private[_-]?key|access[_-]?key|passcode"
    r"|(auth|access|refresh|subject)[_-]?token|token|authorization|x-(auth|subject|service)-token)$"
)
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), HIDDEN),
    (re.compile(r"(\b[a-zA-Z][\w+.-]*://)[^/\s@\"'<>]+@"), rf"\1{HIDDEN}@"),
    (re.compile(r"(?i)\b(authorization[\"']?\s*[:=]\s*[\"']?(?:[a-z]+\s+)?)[^\s\"',}]{6,}"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer\s+)[\w.~+/=-]{16,}"), rf"\1{HIDDEN}"),
    (
        re.compile(
            r"(?i)((?:password|passwd|passcode|secret|(?:api|access|private|secret)[_-]?key)[\"']?\s*[:=]\s*[\"']?)"
            r"(?!\*\*\*)[^\s\"',;}&]+"
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"(?i)(token[\"']?\s*[:=]\s*[\"']?)(?!\*\*\*)[^\s\"',;}&]{8,}"), rf"\1{HIDDEN}"),
    (re.compile(r"\bgAAAAA[\w-]{40,}={0,2}"), HIDDEN),  # Fernet: what Keystone's tokens are
    (re.compile(r"\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]+"), HIDDEN),  # JSON web tokens
)

_known: set[str] = set()


def remember(secret: str) -> None:
    """From now on ``secret`` is never written, in any of the forms in which it may turn up."""
    if len(secret) > 2 and secret != HIDDEN:
        _known.add(secret)
        _matchers.cache_clear()


def remember_in(settings: Mapping[str, Any]) -> None:
    """Remember every secret of a cloud's configuration: what stands under a name like password, token or key."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            remember_in(value)
        elif isinstance(value, str):
            if _SECRET_NAME.match(str(name)):
                remember(value)
            remember_url(value)


def remember_url(url: str) -> None:
    """Remember what stands before the @ of a URL."""
    try:
        password = urlsplit(url).password
    except ValueError:
        return
    if password:
        remember(password)


def forget() -> None:
    """Forget every secret."""
    _known.clear()
    _matchers.cache_clear()


def redact(text: str, *, sentence: bool = True) -> str:
    """``text`` without secrets. ``sentence`` is False for names and values that records are held together by."""
    if sentence:
        for shape, instead in _SHAPES:
            text = shape.sub(instead, text)
    for matcher, short in _matchers():
        if sentence or not short:
            text = matcher.sub(HIDDEN, text)
    return text


def redacted(value: Any, *, sentence: bool = False) -> Any:
    """A copy of a JSON value without secrets. Names of fields stay; so does every number."""
    if isinstance(value, str):
        return redact(value, sentence=sentence or "://" in value or "PRIVATE KEY" in value)
    if isinstance(value, Mapping):
        return {name: _field(str(name), inner, sentence) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [redacted(inner, sentence=sentence) for inner in value]
    return value


def _field(name: str, value: Any, sentence: bool) -> Any:
    if isinstance(value, str) and value and _SECRET_NAME.match(name):
        return HIDDEN
    return redacted(value, sentence=sentence or name in _SENTENCES)


def scrub(folder: Path) -> tuple[str, ...]:
    """Take secrets out of every file of a run folder, whoever wrote it. Returns the names of files that had any."""
    return tuple(
        path.relative_to(folder).as_posix()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink() and _scrub_file(path)
    )


def _scrub_file(path: Path) -> bool:
    by_line = path.suffix == ".jsonl"
    clean = dict(_clean_lines(path)) if by_line else {}
    if not by_line:
        raw = path.read_bytes()
        whole = _scrub_text(raw, structured=path.suffix == ".json")
        if whole == raw:
            return False
    elif not clean:
        return False
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as copy:
        if by_line:
            with path.open("rb") as lines:
                copy.writelines(clean.get(number, line) for number, line in enumerate(lines))
        else:
            copy.write(whole)
    partial.replace(path)
    return True


def _clean_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Number and clean text of each line of a record that held a secret. A record can be a million requests long:
    unless a remembered secret is somewhere in it, only requests that went wrong hold sentences of anybody else."""
    if not path.stat().st_size:
        return
    needles = [needle.encode() for secret in _known for needle in forms(secret)]
    with path.open("rb") as file:
        with mmap(file.fileno(), 0, access=ACCESS_READ) as content:
            everything = any(content.find(needle) >= 0 for needle in needles)
        for number, line in enumerate(file):
            if everything or b'"error": "' in line or b'"error":"' in line:
                clean = _scrub_text(line, structured=True)
                if clean != line:
                    yield number, clean


def _scrub_text(raw: bytes, *, structured: bool) -> bytes:
    text = raw.decode("utf-8", "surrogateescape")
    if structured:
        try:
            value = json.loads(text)
            clean = redacted(value)
        except (ValueError, RecursionError):
            pass  # a line that was cut, or is rubbish: it is redacted as text
        else:
            if clean == value:
                return raw
            text = json.dumps(clean, indent=1 if "\n " in text else None)
            return (text + ("\n" if raw.endswith(b"\n") else "")).encode()
    return redact(text).encode("utf-8", "surrogateescape")


def forms(secret: str) -> tuple[str, ...]:
    """Every way in which a secret is looked for: as it is, escaped, percent-encoded, in hexadecimal, in base64."""
    raw = secret.encode()
    found = dict.fromkeys(
        (
            secret,
            json.dumps(secret)[1:-1],
            json.dumps(secret, ensure_ascii=False)[1:-1],
            repr(secret)[1:-1],
            html.escape(secret),
            shlex.quote(secret).strip("'"),
            quote(secret, safe=""),
            quote(secret),
            quote_plus(secret),
            re.sub(r"%[0-9A-F]{2}", lambda m: m[0].lower(), quote(secret, safe="")),
            "".join(f"%{byte:02X}" for byte in raw),
            raw.hex(),
            raw.hex().upper(),
            *_base64(raw),
        )
    )
    return tuple(f for f in found if f == secret or len(f) >= _LONG)


def _base64(raw: bytes) -> Iterator[str]:
    """The characters that the secret alone decides, wherever in a longer text (``user:secret``) it begins."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw).decode().rstrip("=")
        whole = (before + len(raw)) * 8 // 6
        inner = encoded[-(-before * 8 // 6) : whole]
        yield inner
        yield inner.replace("+", "-").replace("/", "_")


def _pattern(form: str) -> str:
    """A form as an expression; percent-encoding may be in capitals, in small letters, or mixed."""
    return re.sub(r"%([0-9A-Fa-f]{2})", r"%(?i:\1)", re.escape(form).replace(r"\%", "%"))


@lru_cache(maxsize=1)
def _matchers() -> tuple[tuple[re.Pattern[str], bool], ...]:
    """One expression for everything that is unmistakable and one for short secrets, which must stand alone."""
    long = sorted({f for s in _known for f in forms(s) if len(f) >= _LONG}, key=len, reverse=True)
    short = sorted({s for s in _known if len(s) < _LONG}, key=len, reverse=True)
    return tuple(
        (re.compile(pattern.format("|".join(map(_pattern, words)))), is_short)
        for words, pattern, is_short in ((long, "{}", False), (short, r"(?<!\w)(?:{})(?!\w)", True))
        if words
    )
