"""The scheme ``command``: real processes and a real HTTP server behind the operations."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event as Flag
from typing import Any

import psutil
import pytest
from click.testing import CliRunner
from hook_rig import OK, Rig, http_hook, saying, sh, stated
from vnf_guests import Guests, guests

from conformance import redaction
from conformance.cli import cli
from conformance.errors import HarnessError, UsageError
from conformance.model import Event
from conformance.resources import fixtures_dir
from conformance.schemes import executables, make_scheme, read_scheme
from conformance.vnf import Endpoint
from conformance.waiting import wait_until

LINK = Endpoint("127.1.254.1", 5432)
STEP = '{"step": "look", "ok": true}'


@pytest.fixture(scope="module")
def vnfs() -> Iterator[tuple[Guests, Guests]]:
    with guests("site-a", "127.77.5.") as first, guests("site-b", "127.77.6.", primary=Endpoint("x", 1)) as second:
        yield first, second


@pytest.fixture
def rig(tmp_path: Path, vnfs: tuple[Guests, Guests]) -> Iterator[Rig]:
    yield Rig(tmp_path, vnfs[0].deployment, vnfs[1].deployment)
    redaction.forget()


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def pid_in(path: Path) -> int:
    return int(wait_until(lambda: path.exists() and path.read_text().strip(), timeout=20, what="a pid") or 0)


# -- settings --


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "field 'protect' is missing"),
        ({"protect": {}}, "expected exactly one of run and post; seen: none"),
        ({"protect": {"run": ["sh"], "post": "http://127.0.0.1/"}}, "expected exactly one of run and post"),
        ({"protect": {"run": []}}, "protect.run"),
        ({"protect": {"run": ["sh"], "timeout_s": 0}}, "protect.timeout_s"),
        ({"protect": {"run": ["sh"], "timeout": 3}}, "Did you mean 'timeout_s'?"),
        ({"protect": {"run": ["sh"]}, "fail-over": {"run": ["sh"]}}, "Did you mean 'failover'?"),
        ({"protect": {"run": ["sh"]}, "standby": "heat"}, "standby"),
        ({"protect": {"run": ["no-such-tool-at-all"]}}, "'no-such-tool-at-all', which is to be run for protect in"),
        ({"protect": {"run": ["./absent"]}}, "'./absent', which is to be run for protect in"),
        ({"protect": {"run": ["./scheme.yaml"]}}, "is not executable: chmod [+]x it"),
        ({"protect": {"post": "ftp://127.0.0.1/"}}, "protect.post"),
        ({"protect": {"post": "http://127.0.0.1:99999/"}}, "it is no URL"),
        ({"protect": {"post": "http://u:hidden-pw@127.0.0.1/"}}, "must not hold a password"),
        ({"protect": {"run": ["sh"], "headers": {"A": "B"}}}, "headers are for post"),
        ({"protect": {"post": "http://127.0.0.1/", "headers": {"A": "MSHA_UNSET"}}}, "MSHA_UNSET, which is not set"),
        ({"protect": {"post": "http://127.0.0.1/", "headers": {"A": "MSHA_ECHOED"}}}, "MSHA_ECHOED, whose value holds"),
        ({"protect": {"post": "http://127.0.0.1/", "headers": {"A B": "PATH"}}}, "protect.headers.A B"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_before_anything_starts(
    rig: Rig, fields: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MSHA_ECHOED", "hidden-pw\n")
    with pytest.raises(UsageError, match=said) as refused:
        read_scheme(f"command:{rig.settings(**fields)}")
    assert "hidden-pw" not in str(refused.value)


def test_a_scheme_that_needs_settings_says_so() -> None:
    with pytest.raises(UsageError, match="needs a file that says what to call: --scheme command:FILE.yaml"):
        read_scheme("command")
    with pytest.raises(UsageError, match="the file with the scheme's settings is missing"):
        read_scheme("command:")
    with pytest.raises(UsageError, match=r"Expected the scheme file nowhere.yaml, which is not there"):
        read_scheme("command:nowhere.yaml")
    with pytest.raises(UsageError, match="The scheme reference takes no settings; 'x.yaml' was given"):
        read_scheme("reference:x.yaml")


def test_the_plan_tells_what_would_be_called_and_neither_arguments_nor_queries(rig: Rig) -> None:
    path = rig.settings(
        protect={"run": ["sh", "--password", "swordfish-1"], "timeout_s": 7},
        failover={"post": "http://127.0.0.1:8080/fail?token=swordfish-2"},
    )
    assert read_scheme(f"command:{path}").plan == (
        "at the second site the VNF is deployed by protect",
        "protect: runs sh with 2 arguments, at most 7 s",
        "failover: POST http://127.0.0.1:8080/fail, at most 120 s",
        "migrate: not supported",
        "failback: not supported",
        "replication: not supported",
        "savepoint: not supported",
        "recover: not supported",
        "status: what the guests say themselves",
    )


def test_a_dry_run_prints_the_plan_and_a_bad_file_ends_it(rig: Rig) -> None:
    path = rig.settings(protect=sh("touch called"))
    shown = CliRunner().invoke(cli, ["run", "--scheme", f"command:{path}", "--dry-run"])
    assert "\n  protect: runs sh with 2 arguments, at most 20 s\n" in shown.output
    assert not (rig.folder / "called").exists()
    refused = CliRunner().invoke(cli, ["run", "--scheme", f"command:{rig.settings()}", "--dry-run"])
    assert isinstance(refused.exception, UsageError)


# -- the contract --


def test_steps_become_events_in_their_order_and_the_last_line_the_result(rig: Rig) -> None:
    scheme = rig.scheme(
        "command",
        protect=saying(OK),
        migrate=saying(
            '{"step": "replicated", "ok": true}',
            '{"step": "second-serving", "ok": true, "detail": "it serves", "observed": {"uncertainty_ns": 5}}',
            '{"step": "first-stopping", "ok": null, "site": "site-a"}',
            '{"step": "first-stopped", "ok": false, "site": "site-a"}',
            '{"ok": false, "detail": "It would not stop."}',
        ),
    )
    result = scheme.migrate(*rig.sites)
    assert (result.ok, result.detail, result.supported) == (False, "It would not stop.", True)
    assert rig.states == [
        ("site-b", "begin", None),
        ("site-b", "replicated", True),
        ("site-b", "second-serving", True),
        ("site-a", "first-stopping", None),
        ("site-a", "first-stopped", False),
        ("site-b", "end", False),
    ]
    serving = rig.events[2]
    assert (serving.kind, serving.name, serving.detail) == ("scheme", "migrate", "it serves")
    assert serving.observed["uncertainty_ns"] == 5
    assert "took_s" in serving.observed
    assert [step.name for step in result.steps] == ["replicated", "second-serving", "first-stopping", "first-stopped"]


def test_a_step_is_an_event_while_the_command_still_runs(rig: Rig) -> None:
    heard = rig.folder / "heard"

    def on_event(event: Event) -> None:
        if event.state == "look":
            heard.touch()

    waiting = f"echo '{STEP}'; while [ ! -e {heard} ]; do sleep 0.02; done; echo '{OK}'"
    scheme = rig.scheme("command", on_event, protect=saying(OK), failover=sh(waiting))
    assert scheme.failover(*rig.sites).ok


def test_the_question_holds_what_a_tool_needs_and_no_secret(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    script = f"cat > asked; printf %s \"$OS_CLIENT_CONFIG_FILE\" > clouds; echo '{OK}'"
    scheme = rig.scheme("command", protect=saying(OK), failback=sh(script))
    result = scheme.failback(rig.sites[1], rig.sites[0], LINK)
    assert result.ok
    asked = json.loads((rig.folder / "asked").read_text())
    assert asked["contract"] == 1
    assert asked["operation"] == "failback"
    assert asked["arguments"] == {"source": "site-b", "target": "site-a"}
    assert asked["link"] == {"host": "127.1.254.1", "port": 5432}
    assert asked["sites"] == [
        {"name": "site-a", "cloud": "cloud-1", "region": "r"},
        {"name": "site-b", "cloud": "cloud-2", "region": "r"},
    ]
    assert asked["marks"]["tag"] == "multisite-ha:run=run"
    first, second = asked["vnf"]["deployments"]
    assert first["management_urls"] == list(rig.first.management_urls)
    assert first["service_urls"] == list(rig.first.service_urls)
    assert [g["server_id"] for g in second["guests"]] == list(rig.second.server_ids)
    assert (first["primary"], second["primary"]) == (None, {"host": "x", "port": 1})
    assert "password" not in json.dumps(asked)
    assert "username" not in json.dumps(asked)
    assert (rig.folder / "clouds").read_text() == str((rig.folder / "clouds.yaml").resolve())


def test_arguments_of_the_other_operations_are_in_the_question(rig: Rig) -> None:
    hook = sh(f"cat >> asked; echo '{OK}'")
    scheme = rig.scheme("command", protect=saying(OK), replication=hook, savepoint=hook, recover=hook)
    assert scheme.replication(False).ok
    assert scheme.savepoint("clean").ok
    assert scheme.recover(*rig.sites, "clean").ok
    asked = [json.loads(line)["arguments"] for line in (rig.folder / "asked").read_text().splitlines()]
    assert asked == [{"wanted": False}, {"name": "clean"}, {"source": "site-a", "target": "site-b", "name": "clean"}]


def test_what_protect_deploys_is_known_from_then_on(rig: Rig) -> None:
    scheme = rig.scheme("command", protect=saying(stated(rig.second, subnets={"oam": "127.77.6.0/24"})))
    scheme._deployments = {}
    result = scheme.protect(rig.first, *rig.sites, LINK)
    assert result.ok
    vnf = result.deployment
    assert (vnf.site, vnf.primary, vnf.subnets) == ("site-b", LINK, {"oam": "127.77.6.0/24"})
    assert sorted(vnf.guests, key=lambda g: g.label) == sorted(rig.second.guests, key=lambda g: g.label)
    assert vnf.blueprint is rig.first.blueprint


def test_a_protection_that_does_not_say_what_it_deployed_is_an_error(rig: Rig) -> None:
    scheme = rig.scheme("command", protect=saying(OK))
    with pytest.raises(HarnessError, match="should say in 'deployment' what it has deployed at site-b, and does not"):
        scheme.protect(rig.first, *rig.sites, LINK)


DEPLOYED = {"role": "frontend", "index": 0, "server_id": "s", "addresses": {"service": "127.0.0.1"}, "label": "f-0"}


def deployed(*guests_: dict[str, Any], site: str = "site-b") -> str:
    return json.dumps({"ok": True, "deployment": {"site": site, "guests": list(guests_)}})


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["we begin"], r"should write one JSON object a line; it wrote 'we begin'"),
        (["[1]"], r"should write one JSON object a line; it wrote '\[1\]'"),
        ([STEP], "ended without its last line, the one with 'ok'. What it said is in scheme.log"),
        ([OK, STEP], "went on after its last line"),
        ([OK, OK], "went on after its last line"),
        (['{"step": "look", "ok": "yes"}'], "A step of .* does not keep to the contract: ok"),
        (['{"step": "look"}'], "A step of .* field 'ok' is missing"),
        (['{"step": "Look At", "ok": true}'], "A step of .* step"),
        (['{"step": "look", "ok": true, "detial": "x"}'], "Did you mean 'detail'?"),
        (['{"step": "end", "ok": true}'], "names a step 'end': the harness notes that by itself"),
        (['{"step": "look", "ok": true, "site": "site-c"}'], "speaks of a site 'site-c', which there is not"),
        (['{"ok": 1}'], "A last line of .* ok"),
        (['{"done": true}'], "A last line of .* field 'done' is not known"),
        ([deployed(DEPLOYED, site="site-a")], "speaks of a deployment at 'site-a': expected 'site-b'"),
        ([deployed()], "deployment.guests"),
        ([deployed(DEPLOYED | {"role": "router"})], "with the role 'router', which .* has not"),
        ([deployed(DEPLOYED | {"addresses": {"oam": "127.0.0.1"}})], "no address in the network service"),
        ([deployed(DEPLOYED | {"addresses": {"service": "nowhere"}})], "deployment.guests.0.addresses.service"),
        ([deployed(DEPLOYED)], "no address in the network oam for every database|speaks of no database"),
    ],
)
def test_an_answer_that_breaks_the_contract_is_a_sentence(rig: Rig, lines: list[str], said: str) -> None:
    scheme = rig.scheme("command", protect=saying(OK), failover=saying(*lines))
    with pytest.raises(HarnessError, match=said):
        scheme.failover(*rig.sites)
    assert "end" not in [event.state for event in rig.events]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (
            f"echo '{OK}'; exit 3",
            r"sh \(failover\) should exit with 0; it exited with 3. What it said is in scheme.log",
        ),
        ("kill -9 $$", "it exited with -9"),
        ("head -c 1100000 /dev/zero", "wrote a line of more than 1048576 bytes"),
    ],
)
def test_a_command_that_ends_badly_is_a_sentence(rig: Rig, script: str, said: str) -> None:
    scheme = rig.scheme("command", protect=saying(OK), failover=sh(script))
    with pytest.raises(HarnessError, match=said):
        scheme.failover(*rig.sites)


def test_an_executable_that_is_gone_meanwhile_is_a_sentence(rig: Rig) -> None:
    tool = rig.folder / "tool"
    shutil.copy("/bin/sh", tool)
    scheme = rig.scheme("command", protect=saying(OK), failover={"run": ["./tool"]})
    tool.unlink()
    with pytest.raises(HarnessError, match=r"Cannot run ./tool \(failover\): No such file"):
        scheme.failover(*rig.sites)


# -- processes --


def test_a_command_that_does_not_end_is_killed_with_all_it_started(rig: Rig) -> None:
    script = "sleep 300 & echo $! > child; echo $$ > itself; wait"
    scheme = rig.scheme("command", protect=saying(OK), failover=sh(script, timeout_s=1))
    with pytest.raises(
        HarnessError, match=r"sh \(failover\) did not end within 1 s; it and all it started were killed"
    ):
        scheme.failover(*rig.sites)
    for name in ("child", "itself"):
        pid = pid_in(rig.folder / name)
        assert wait_until(lambda pid=pid: is_gone(pid), timeout=10, what=f"{name} to be gone")


@pytest.mark.parametrize("where", ["", " >&2"])
def test_a_command_that_never_stops_writing_is_killed_in_time(rig: Rig, where: str) -> None:
    script = f"echo $$ > itself; yes '' {where}"
    scheme = rig.scheme("command", protect=saying(OK), failover=sh(script, timeout_s=1))
    with pytest.raises(HarnessError, match=r"sh \(failover\)"):
        scheme.failover(*rig.sites)
    pid = pid_in(rig.folder / "itself")
    assert wait_until(lambda: is_gone(pid), timeout=10, what="it to be gone")


def test_what_a_command_leaves_running_ends_with_it(rig: Rig) -> None:
    script = f"sleep 300 & echo $! > child; echo '{OK}'"
    scheme = rig.scheme("command", protect=saying(OK), failover=sh(script))
    assert scheme.failover(*rig.sites).ok
    pid = pid_in(rig.folder / "child")
    assert wait_until(lambda: is_gone(pid), timeout=10, what="the child to be gone")


def test_a_daemon_of_the_command_that_keeps_its_stdout_does_not_hold_the_run_up(rig: Rig) -> None:
    script = (
        f"setsid sh -c 'echo $$ > daemon; exec sleep 300' & while [ ! -s daemon ]; do sleep 0.02; done; echo '{OK}'"
    )
    scheme = rig.scheme("command", protect=saying(OK), failover=sh(script))
    try:
        assert scheme.failover(*rig.sites).ok
    finally:
        os.kill(pid_in(rig.folder / "daemon"), signal.SIGKILL)


def test_an_interrupted_call_leaves_nothing_running(rig: Rig) -> None:
    def interrupt(event: Event) -> None:
        if event.state == "look":
            raise KeyboardInterrupt

    script = f"sleep 300 & echo $! > child; echo '{STEP}'; wait"
    scheme = rig.scheme("command", interrupt, protect=saying(OK), failover=sh(script))
    with pytest.raises(KeyboardInterrupt):
        scheme.failover(*rig.sites)
    pid = pid_in(rig.folder / "child")
    assert wait_until(lambda: is_gone(pid), timeout=10, what="the child to be gone")


def test_a_command_and_all_it_started_end_with_a_harness_that_is_killed(tmp_path: Path) -> None:
    """The harness is a process of its own here, killed as by the kernel's lack of memory: it can clean nothing up."""
    script = f"sleep 300 & echo $! > child; echo $$ > itself; echo '{STEP}'; wait"
    harness = f"""
from pathlib import Path
from conformance.schemes.executables import Execution
call = Execution(("sh", "-c", {script!r}), b"{{}}", timeout_s=300, folder=Path({str(tmp_path)!r}), environment={{}},
                 log=None, shown="sh")
for line in call.lines():
    print(line, flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", harness], stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stdout.readline()
        running.kill()
    for name in ("child", "itself"):
        pid = pid_in(tmp_path / name)
        assert wait_until(lambda pid=pid: is_gone(pid), timeout=30, what=f"{name} to be gone")


def test_what_watches_a_command_ends_with_it(rig: Rig) -> None:
    scheme = rig.scheme("command", protect=saying(OK), failover=saying(OK))
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    assert scheme.failover(*rig.sites).ok
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before


def test_a_command_need_not_read_its_question(rig: Rig) -> None:
    many = tuple(replace(g, server_id="x" * 5000) for g in rig.second.guests * 30)
    rig.second = replace(rig.second, guests=many)
    scheme = rig.scheme("command", protect=saying(OK), failover=sh(f"exec <&-; echo '{OK}'"))
    assert scheme.failover(*rig.sites).ok


def test_a_long_question_arrives_whole(rig: Rig) -> None:
    many = tuple(replace(g, server_id="x" * 5000) for g in rig.second.guests * 30)
    rig.second = replace(rig.second, guests=many)
    scheme = rig.scheme("command", protect=saying(OK), failover=sh(f"sleep 0.1; cat > asked; echo '{OK}'"))
    assert scheme.failover(*rig.sites).ok
    assert len(json.loads((rig.folder / "asked").read_text())["vnf"]["deployments"][1]["guests"]) == 90


def test_what_a_command_complains_of_is_in_the_log_without_secrets(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENDOR_PASSWORD", "swordfish-of-the-environment")
    hook = {"run": ["sh", "-c", f"echo \"$VENDOR_PASSWORD $2 at work\" >&2; echo '{OK}'", "sh", "--token", "argued-1"]}
    scheme = rig.scheme("command", protect=saying(OK), failover=hook)
    assert scheme.failover(*rig.sites).ok
    assert rig.log.read_text() == "== sh (failover)\n*** *** at work\n"
    assert "argued-1" not in repr(rig.events)


def test_without_a_log_complaints_go_nowhere_and_harm_nothing(rig: Rig) -> None:
    path = rig.settings(protect=saying(OK), failover=sh(f"head -c 300000 /dev/zero >&2; echo '{OK}'"))
    scheme: Any = make_scheme(f"command:{path}", on_event=rig.events.append)
    scheme._sites, scheme._deployments = rig.sites, {"site-a": rig.first, "site-b": rig.second}
    assert scheme.failover(*rig.sites).ok


def test_a_log_that_cannot_be_written_is_a_sentence_and_leaves_nothing_running(rig: Rig) -> None:
    scheme = rig.scheme("command", protect=saying(OK), failover=sh("echo $$ > itself; sleep 300"))
    rig.log.mkdir()
    with pytest.raises(HarnessError, match="Cannot write .*scheme.log, where stderr of a scheme's tools goes"):
        scheme.failover(*rig.sites)
    assert not (rig.folder / "itself").exists()


# -- what is not given --


def test_an_operation_that_is_not_given_is_not_supported_and_nothing_ends(rig: Rig) -> None:
    scheme = rig.scheme("command", protect=saying(OK))
    a, b = rig.sites
    results = {
        "failover": scheme.failover(a, b),
        "migrate": scheme.migrate(a, b),
        "failback": scheme.failback(b, a, LINK),
        "replication": scheme.replication(True),
        "savepoint": scheme.savepoint("clean"),
        "recover": scheme.recover(a, b, "clean"),
    }
    for name, result in results.items():
        assert (result.ok, result.supported) == (False, False)
        assert result.detail.startswith(f"The scheme command does not support {name}: ")
    assert [(e.name, e.state) for e in rig.events] == [(n, s) for n in results for s in ("begin", "not-supported")]


def test_without_a_hook_for_it_the_status_is_what_the_guests_say(rig: Rig) -> None:
    status = rig.scheme("command", protect=saying(OK)).status()
    assert (status.protected, status.active) == (True, "site-a")
    assert set(status.sites) == {"site-a", "site-b"}


def test_a_status_is_what_its_hook_says(rig: Rig) -> None:
    line = '{"ok": true, "detail": "fine", "protected": true, "active": "site-b", "behind_bytes": 12}'
    status = rig.scheme("command", protect=saying(OK), status=saying(line)).status()
    assert (status.protected, status.active, status.behind_bytes, status.detail) == (True, "site-b", 12, "fine")
    for wrong, said in (
        (OK, "field 'protected' is missing"),
        (line.replace("12", "-1"), "behind_bytes"),
        (line.replace("site-b", "site-x"), "speaks of a site 'site-x'"),
    ):
        with pytest.raises(HarnessError, match=said):
            rig.scheme("command", protect=saying(OK), status=saying(wrong)).status()


# -- HTTP --


def send(request: BaseHTTPRequestHandler, body: str, kind: str = "application/x-ndjson", status: int = 200) -> None:
    request.send_response(status)
    request.send_header("Content-Type", kind)
    request.end_headers()
    request.wfile.write(body.encode())


def test_an_http_hook_answers_in_lines_with_a_header_from_the_environment(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENDOR_TOKEN", "Bearer of-good-tidings")
    heard: list[Any] = []

    def answer(request: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
        heard.append((asked["operation"], asked["arguments"], request.headers["Authorization"], request.path))
        send(request, f"{STEP}\n\n{OK}")

    with http_hook(answer) as url:
        hook = {"post": f"{url}?x=1", "headers": {"Authorization": "VENDOR_TOKEN"}}
        result = rig.scheme("command", protect=saying(OK), failover=hook).failover(*rig.sites)
    arguments = {"source": "site-a", "target": "site-b"}
    assert heard == [("failover", arguments, "Bearer of-good-tidings", "/hook?x=1")]
    assert result.ok
    assert [state for _, state, _ in rig.states] == ["begin", "look", "end"]


def test_a_step_is_an_event_while_the_response_still_goes_on(rig: Rig) -> None:
    heard = Flag()

    def answer(request: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
        send(request, f"{STEP}\n")
        request.wfile.flush()
        if heard.wait(20):
            request.wfile.write(OK.encode())

    def on_event(event: Event) -> None:
        if event.state == "look":
            heard.set()

    with http_hook(answer) as url:
        scheme = rig.scheme("command", on_event, protect=saying(OK), failover={"post": url})
        assert scheme.failover(*rig.sites).ok


def test_a_response_of_one_json_document_may_have_many_lines(rig: Rig) -> None:
    def answer(request: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
        send(request, json.dumps({"ok": False, "detail": "No."}, indent=2), "application/json; charset=utf-8")

    with http_hook(answer) as url:
        result = rig.scheme("command", protect=saying(OK), failover={"post": url}).failover(*rig.sites)
    assert (result.ok, result.detail) == (False, "No.")


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ("sorry", 500, r"POST http://127.77.9.1:\d+/hook \(failover\) was answered 500: expected 200"),
        (OK, 302, "was answered 302: expected 200"),
        ("<html>", 200, "should write one JSON object a line; it wrote '<html>'"),
        ("", 200, "ended without its last line"),
        ("x" * 1_100_000, 200, "was answered more than 1048576 bytes in one JSON object"),
    ],
)
def test_a_response_that_breaks_the_contract_is_a_sentence(rig: Rig, body: str, status: int, said: str) -> None:
    with http_hook(lambda request, asked: send(request, body, status=status)) as url:
        scheme = rig.scheme("command", protect=saying(OK), failover={"post": f"{url}?token=hidden"})
        with pytest.raises(HarnessError, match=said) as error:
            scheme.failover(*rig.sites)
    assert "hidden" not in str(error.value)


def test_a_response_that_comes_in_drops_is_cut_when_its_time_is_up(rig: Rig) -> None:
    gone = Flag()

    def drip(request: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
        send(request, "")
        try:
            while not gone.wait(0.05):
                request.wfile.write(b" ")
        except OSError:
            return

    with http_hook(drip) as url:
        scheme = rig.scheme("command", protect=saying(OK), failover={"post": url, "timeout_s": 0.5})
        try:
            with pytest.raises(HarnessError, match="was not answered in full within 0.5 s. What was done by then is"):
                scheme.failover(*rig.sites)
        finally:
            gone.set()


def test_nobody_at_the_url_is_a_sentence(rig: Rig) -> None:
    scheme = rig.scheme("command", protect=saying(OK), failover={"post": "http://127.77.9.1:1/hook"})
    with pytest.raises(HarnessError, match=r"127.77.9.1:1/hook \(failover\) was not answered in full: .*refused"):
        scheme.failover(*rig.sites)


# -- the shipped example --


def test_the_shipped_example_fails_over(tmp_path: Path) -> None:
    with guests("site-a", "127.77.7.") as first, guests("site-b", "127.77.8.", primary=Endpoint("x", 1)) as second:
        rig = Rig(tmp_path, first.deployment, second.deployment)
        path = fixtures_dir() / "schemes" / "over-http.yaml"
        scheme: Any = make_scheme(f"command:{path}", on_event=rig.events.append, log=rig.log)
        scheme._sites, scheme._deployments = rig.sites, {"site-a": rig.first, "site-b": rig.second}
        first.stop()
        result = scheme.failover(*rig.sites)
        assert result.ok, (result.detail, rig.log.read_text())
        assert [state for _, state, _ in rig.states] == ["begin", "detect", "promote", "serve", "end"]
        assert second.answers["database-0"]["status"]["role"] == "primary"


def test_the_shipped_example_tells_a_refusal_as_a_result(tmp_path: Path) -> None:
    with guests("site-a", "127.77.7.") as first, guests("site-b", "127.77.8.", primary=Endpoint("x", 1)) as second:
        rig = Rig(tmp_path, first.deployment, second.deployment)
        path = fixtures_dir() / "schemes" / "over-http.yaml"
        scheme: Any = make_scheme(f"command:{path}", on_event=rig.events.append, log=rig.log)
        scheme._sites, scheme._deployments = rig.sites, {"site-a": rig.first, "site-b": rig.second}
        second.answers["database-0"]["promote"] = 409
        first.stop()
        result = scheme.failover(*rig.sites)
        assert not result.ok
        assert "/promote was answered 409" in result.detail
        assert rig.states[-1] == ("site-b", "end", False)


def test_lines_are_cut_where_they_end() -> None:
    lines = executables.Lines("tool")
    assert lines.feed(b"a\nb") == [b"a"]
    assert lines.feed(b"c\n\n") == [b"bc", b""]
    assert lines.feed(b"d") == []
    assert (lines.rest(), lines.rest()) == ([b"d"], [])
