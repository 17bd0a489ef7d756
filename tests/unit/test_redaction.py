"""Secrets never reach a file: planted ones are looked for in every form."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance import redaction
from conformance.model import Event
from conformance.redaction import HIDDEN, forms, redact, redacted, remember, remember_in, scrub
from conformance.store import EventLog, write_json

SECRET = 'pass/wo"rd & <ünlucky>'


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    redaction.forget()
    yield
    redaction.forget()


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        json.dumps(SECRET)[1:-1],
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        quote(SECRET, safe="").replace("%2F", "%2f").replace("%22", "%22"),
        html.escape(SECRET),
        SECRET.encode().hex(),
        base64.b64encode(SECRET.encode()).decode().rstrip("=")[:-1],
        base64.urlsafe_b64encode(f"user:{SECRET}!".encode()).decode(),
    ],
)
def test_a_known_secret_is_hidden_in_every_form(form: str) -> None:
    remember(SECRET)
    clean = redact(f"before {form} after")
    assert HIDDEN in clean
    assert not any(f in clean for f in forms(SECRET))


@given(st.text(min_size=10, max_size=40), st.binary(max_size=8), st.binary(max_size=8))
def test_base64_of_anything_around_a_secret_hides_it(secret: str, before: bytes, after: bytes) -> None:
    redaction.forget()
    try:
        raw = secret.encode()
    except UnicodeEncodeError:
        return
    remember(secret)
    text = base64.b64encode(before + raw + after).decode()
    assert HIDDEN in redact(text)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("http://admin:hunter2@127.0.0.1:8474/x", f"http://{HIDDEN}@127.0.0.1:8474/x"),
        ("X-Auth-Token: 0123456789abcdef", f"X-Auth-Token: {HIDDEN}"),
        ('{"password": "hunter2", "user": "admin"}', f'{{"password": "{HIDDEN}", "user": "admin"}}'),
        ("db_password=hunter2 host=b", f"db_password={HIDDEN} host=b"),
        ("Authorization: Basic YWRtaW46aHVudGVyMg==", f"Authorization: Basic {HIDDEN}"),
        ("it said gAAAAA" + "x" * 90 + "== there", f"it said {HIDDEN} there"),
        ("a\n-----BEGIN OPENSSH PRIVATE KEY-----\nabc\ndef\n-----END OPENSSH PRIVATE KEY-----\nb", f"a\n{HIDDEN}\nb"),
        ("console: -----BEGIN RSA PRIVATE KEY-----\nMIIE cut", f"console: {HIDDEN}"),
    ],
)
def test_what_looks_like_a_secret_is_hidden_though_nobody_named_it(text: str, clean: str) -> None:
    assert redact(text) == clean
    assert redact(clean) == clean


@pytest.mark.parametrize(
    "text",
    [
        "A token, a network and a server were made.",
        "The VIM of site-b issued a token, listed, made a network and booted a server.",
        "http://127.11.255.1:5000/v3 did not answer in 5 s",
        "12 of 40 acknowledged writes are lost; ask operator@example.org",
    ],
)
def test_sentences_that_hold_no_secret_stay_as_they_are(text: str) -> None:
    assert redact(text) == text


def test_a_short_secret_is_hidden_in_sentences_and_costs_the_record_nothing() -> None:
    remember("write")
    value = {"type": "ok", "f": "write", "key": "write", "error": "login with write was refused, rewrite it"}
    assert redacted(value) == {**value, "error": f"login with {HIDDEN} was refused, rewrite it"}


def test_a_field_named_like_a_secret_is_hidden_and_numbers_stay() -> None:
    seen = {"admin_password": "x", "token": "y", "token_s": 0.1, "secret": None, "deep": [{"api_key": "z"}]}
    assert redacted(seen) == {
        "admin_password": HIDDEN,
        "token": HIDDEN,
        "token_s": 0.1,
        "secret": None,
        "deep": [{"api_key": HIDDEN}],
    }


def test_the_secrets_of_a_clouds_entry_are_remembered_and_its_names_are_not() -> None:
    remember_in(
        {
            "auth": {"username": "operator-east", "password": "swordfish-1", "auth_url": "https://u:carp-pike-2@x/v3"},
            "application_credential_secret": "herring-trout",
            "region_name": "RegionOne",
        }
    )
    clean = redact("operator-east swordfish-1 carp-pike-2 herring-trout RegionOne")
    assert clean == f"operator-east {HIDDEN} {HIDDEN} {HIDDEN} RegionOne"


def test_the_store_writes_no_secret(tmp_path: Path) -> None:
    remember(SECRET)
    write_json(tmp_path / "outcome.json", {"error": f"console: login {SECRET} failed", "duration_s": 1.5})
    log = EventLog(tmp_path / "events.jsonl")
    log.append(Event(1, "fault", "site-loss", "verified", "site-a", True, SECRET, {"tail": [SECRET], "n": 3}))
    log.close()
    written = (tmp_path / "outcome.json").read_text() + (tmp_path / "events.jsonl").read_text()
    assert not any(form in written for form in forms(SECRET))
    assert json.loads((tmp_path / "outcome.json").read_text())["duration_s"] == 1.5


def test_what_other_processes_wrote_is_gone_through_and_the_rest_keeps_its_bytes(tmp_path: Path) -> None:
    remember(SECRET)
    clean = b'{"i":1,"p":0,"type":"ok","t":3,"error":null}\n'
    bad = json.dumps({"i": 2, "type": "info", "error": f"said {SECRET}"}).encode() + b"\n"
    token = b'{"i":3,"type":"fail","error":"X-Auth-Token: abcdef0123456789"}\n'
    cut = b'{"i":4,"type":"fa'
    (tmp_path / "history.jsonl").write_bytes(clean + bad + token + cut)
    (tmp_path / "workload.log").write_text(f"login {SECRET}\nfine\n")
    (tmp_path / "probes.jsonl").write_bytes(clean)
    assert scrub(tmp_path) == ("history.jsonl", "workload.log")
    first, second, third, last = (tmp_path / "history.jsonl").read_bytes().split(b"\n")
    assert (first + b"\n", last) == (clean, cut)
    assert json.loads(second)["error"] == f"said {HIDDEN}"
    assert json.loads(third)["error"] == f"X-Auth-Token: {HIDDEN}"
    assert (tmp_path / "workload.log").read_text() == f"login {HIDDEN}\nfine\n"
    assert scrub(tmp_path) == ()
