"""The evidence bundle: whatever is altered in it is found and named, and it is judged as the run was."""

from __future__ import annotations

import base64
import gzip
import io
import json
import random
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from evidence_run import FAILING, PASSING, stored_run

from conformance import redaction
from conformance.bundle import BundleError, inspect, opened, pack
from conformance.errors import UsageError
from conformance.judge import judge_run
from conformance.model import Event
from conformance.report.manifest import MANIFEST_FILE, SIGNATURE_FILE
from conformance.signing import read_public_key, read_signing_key
from conformance.store import EventLog, Outcome, RunFolder


def multisite_ha(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "conformance", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that lost writes, with its reports and its manifest."""
    folder = stored_run(tmp_path_factory.mktemp("runs") / "run")
    assert multisite_ha("judge", folder, cwd=folder.parent).returncode == 1
    return folder


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A private and a public key as openssl makes them."""
    folder = tmp_path_factory.mktemp("keys")
    private, public = folder / "key.pem", folder / "pub.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    return private, public


@pytest.fixture(scope="module")
def bundle(run: Path, keys: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bundles") / "run.tar.gz"
    pack(run, "run-1", out, read_signing_key(keys[0]))
    return out


def repacked(bundle: Path, out: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The bundle with its files changed, packed with the same care: only what it holds differs."""
    with tarfile.open(bundle) as tar:
        files = {m.name: tar.extractfile(m).read() for m in tar}  # type: ignore[union-attr]
    change(files)
    with gzip.GzipFile("", "wb", 6, out.open("wb"), mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return out


def test_the_same_run_gives_the_same_bytes_wherever_it_lies(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "elsewhere")
    pack(run, "run-1", tmp_path / "a.tar.gz")
    pack(tmp_path / "elsewhere", "run-1", tmp_path / "b.tar.gz")
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()


def test_a_bundle_holds_every_file_and_is_unaltered(run: Path, bundle: Path, keys: tuple[Path, Path]) -> None:
    with tarfile.open(bundle) as tar:
        names = tar.getnames()
    files = {f"run-1/{p.relative_to(run).as_posix()}" for p in run.rglob("*") if p.is_file()}
    assert set(names) == files | {f"run-1/{SIGNATURE_FILE}"}
    assert names[0] == f"run-1/{MANIFEST_FILE}"
    seen = inspect(bundle, read_public_key(keys[1]))
    assert (seen.problems, seen.files) == ((), len(files) - 1)
    assert seen.signature == "It is signed by the given key."


def test_openssl_and_sha256sum_agree_that_it_is_unaltered(
    bundle: Path, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    subprocess.run(["tar", "xzf", bundle, "-C", tmp_path], check=True)
    folder = tmp_path / "run-1"
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", keys[1], "-rawin", "-in", folder / MANIFEST_FILE]
    subprocess.run([*command, "-sigfile", folder / SIGNATURE_FILE], check=True, capture_output=True)
    listed = json.loads((folder / MANIFEST_FILE).read_text())["files"]
    sums = "".join(f"{entry['sha256']}  {name}\n" for name, entry in listed.items())
    subprocess.run(["sha256sum", "--check", "--quiet"], input=sums, text=True, cwd=folder, check=True)
    assert inspect(folder, read_public_key(keys[1])).problems == ()


def test_whichever_byte_of_the_archive_is_altered_it_is_found(bundle: Path, tmp_path: Path) -> None:
    content = bytearray(bundle.read_bytes())
    damaged = tmp_path / "run.tar.gz"
    places = {*range(12), *range(len(content) - 12, len(content)), *random.Random(5).sample(range(len(content)), 60)}
    for place in sorted(places):
        content[place] ^= 0xFF
        damaged.write_bytes(content)
        assert inspect(damaged).problems, f"byte {place}"
        content[place] ^= 0xFF


@pytest.mark.parametrize("cut", [3, 200, 0.5, -9, -1])
def test_an_archive_that_was_cut_is_found(bundle: Path, tmp_path: Path, cut: float) -> None:
    content = bundle.read_bytes()
    (tmp_path / "cut").write_bytes(content[: int(cut * len(content)) if isinstance(cut, float) else int(cut)])
    assert inspect(tmp_path / "cut").problems
    (tmp_path / "more").write_bytes(content + b"\0")
    assert inspect(tmp_path / "more").problems


def test_every_file_that_is_altered_is_named(run: Path, bundle: Path, tmp_path: Path) -> None:
    names = [p.relative_to(run).as_posix() for p in run.rglob("*") if p.is_file() and p.name != MANIFEST_FILE]
    assert len(names) > 20
    for name in names:

        def flip(files: dict[str, bytes], name: str = f"run-1/{name}") -> None:
            middle = len(files[name]) // 2
            files[name] = files[name][:middle] + bytes([files[name][middle] ^ 1]) + files[name][middle + 1 :]

        (problem,) = inspect(repacked(bundle, tmp_path / "x.tar.gz", flip)).problems
        assert problem.startswith(f"{name} has changed: its SHA-256 is ")


def test_missing_and_added_files_are_named(bundle: Path, tmp_path: Path) -> None:
    def change(files: dict[str, bytes]) -> None:
        del files["run-1/end.json"]
        files["run-1/scenarios/note.txt"] = b"harmless"

    assert inspect(repacked(bundle, tmp_path / "x.tar.gz", change)).problems == (
        "end.json is listed in manifest.json and is not there.",
        "scenarios/note.txt is there and is not listed in manifest.json.",
    )


def test_headers_and_order_cannot_be_altered_unseen(bundle: Path, tmp_path: Path) -> None:
    plain = bytearray(gzip.decompress(bundle.read_bytes()))
    member = tarfile.TarInfo.frombuf(bytes(plain[:512]), "utf-8", "strict")
    member.uname = "mallory"
    plain[:512] = member.tobuf(tarfile.USTAR_FORMAT)
    with gzip.GzipFile("", "wb", 6, (tmp_path / "x").open("wb"), mtime=0) as packed:
        packed.write(plain)
    (problem,) = inspect(tmp_path / "x").problems
    assert "beside its files" in problem


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "run-1/../../evil", "run-1", "other/run.json"])
def test_an_archive_that_leads_out_of_its_folder_is_refused(bundle: Path, tmp_path: Path, name: str) -> None:
    def change(files: dict[str, bytes]) -> None:
        files[name] = b"x"

    bad = repacked(bundle, tmp_path / "x.tar.gz", change)
    assert len(inspect(bad).problems) == 1
    with pytest.raises(BundleError), opened(bad):
        pass
    assert not (tmp_path.parent / "evil").exists()


def test_who_alters_the_manifest_too_is_caught_by_the_signature(
    bundle: Path, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    def change(files: dict[str, bytes]) -> None:
        import hashlib

        manifest = json.loads(files["run-1/manifest.json"])
        files["run-1/end.json"] = b"{}"
        manifest["files"]["end.json"] = {"sha256": hashlib.sha256(b"{}").hexdigest(), "size": 2}
        files["run-1/manifest.json"] = json.dumps(manifest).encode()

    bad = repacked(bundle, tmp_path / "x.tar.gz", change)
    assert inspect(bad).problems == ()
    assert inspect(bad, read_public_key(keys[1])).problems == (
        "manifest.sig is not a signature of manifest.json by the given key.",
    )


def test_an_unsigned_bundle_is_not_taken_for_a_signed_one(run: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    pack(run, "run-1", tmp_path / "x.tar.gz")
    assert inspect(tmp_path / "x.tar.gz").signature == "It is not signed."
    assert inspect(tmp_path / "x.tar.gz", read_public_key(keys[1])).problems


def test_a_folder_that_was_altered_is_not_packed(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "end.json").write_text("{}")
    with pytest.raises(BundleError, match="end.json has changed"):
        pack(tmp_path / "run", "run-1", tmp_path / "x.tar.gz")
    assert not (tmp_path / "x.tar.gz").exists()


def test_a_bundle_is_judged_as_its_run_was(run: Path, bundle: Path) -> None:
    with opened(bundle) as folder:
        assert judge_run(RunFolder(folder)) == judge_run(RunFolder(run))


def test_keys_that_are_none_are_refused_with_a_sentence(keys: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "text").write_text("key")
    subprocess.run(["openssl", "genpkey", "-algorithm", "x25519", "-out", tmp_path / "other.pem"], check=True)
    for path in (tmp_path / "text", tmp_path / "none", keys[1], tmp_path / "other.pem"):
        with pytest.raises(UsageError):
            read_signing_key(path)
    with pytest.raises(UsageError):
        read_public_key(keys[0])


def test_from_the_command_line_a_killed_run_is_packed_verified_and_judged(
    keys: tuple[Path, Path], tmp_path: Path
) -> None:
    stored_run(tmp_path / "run", PASSING, ended=False)
    made = multisite_ha("bundle", "run", "--sign", keys[0], cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert made.stdout.strip() == str(tmp_path / "run-1.tar.gz")
    shutil.rmtree(tmp_path / "run")
    seen = multisite_ha("verify", "run-1.tar.gz", "--key", keys[1], cwd=tmp_path)
    assert (seen.returncode, "It is signed by the given key." in seen.stdout) == (0, True)
    judged = multisite_ha("judge", "run-1.tar.gz", cwd=tmp_path)
    assert judged.returncode == 2, judged.stdout + judged.stderr
    assert "cut short" in judged.stdout
    assert [p.name for p in tmp_path.iterdir()] == ["run-1.tar.gz"]
    with (tmp_path / "run-1.tar.gz").open("r+b") as file:
        file.seek(2000)
        file.write(b"xxxx")
    seen = multisite_ha("verify", "run-1.tar.gz", cwd=tmp_path)
    assert seen.returncode == 1
    assert seen.stdout.startswith("ALTERED: ")
    assert multisite_ha("judge", "run-1.tar.gz", cwd=tmp_path).returncode == 3


CANARIES = ("canary-Password/7+x", "canary-Token-0123456789abcdef", "canary-Userinfo:9", "canary-Console-key")


@pytest.fixture
def nothing_known() -> Iterator[None]:
    redaction.forget()
    yield
    redaction.forget()


@pytest.mark.usefixtures("nothing_known")
def test_no_planted_secret_is_in_the_run_folder_its_reports_or_the_bundle(tmp_path: Path) -> None:
    password, token, userinfo, console = CANARIES
    redaction.remember_in({"auth": {"username": "admin", "password": password}})
    url = f"http://proxy:{quote(userinfo)}@127.0.0.1:8474"
    redaction.remember_url(url)
    folder = stored_run(tmp_path / "run", FAILING)
    run = RunFolder(folder)
    asked = run.info().__dict__
    RunFolder.create(
        folder,
        type(run.info())(
            **{**asked, "environment": {"link proxy": url}, "command_line": ("run", "--toxiproxy", url)},
        ),
    )
    first, second, third = run.scenario_ids()
    tail = f"console: login admin/{password}\n-----BEGIN OPENSSH PRIVATE KEY-----\n{console}\n"
    run.end_scenario(first, Outcome(f"The guest did not come up. {tail}", 2.0))
    log = EventLog(run.scenario_folder(second) / "events.jsonl")
    seen = {"header": f"X-Auth-Token: {token}", "basic": base64.b64encode(f"admin:{password}".encode()).decode()}
    log.append(Event(9, "observation", "note", "", "site-b", False, quote(password, safe=""), seen))
    log.close()
    (run.scenario_folder(second) / "workload.log").write_text(f"GET {url}/x\nX-Auth-Token: {token}\n{tail}")
    with (run.scenario_folder(third) / "history.jsonl").open("a") as history:
        history.write(json.dumps({"i": 10**6, "type": "info", "t": 1, "error": f"refused {password}"}) + "\n")

    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(folder), password, userinfo], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    pack(folder, "run-1", tmp_path / "run.tar.gz")
    everything = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    everything[tmp_path / "run.tar.gz"] = gzip.decompress((tmp_path / "run.tar.gz").read_bytes())
    assert {"allure-results", "scenarios"} <= {p.name for p in folder.iterdir() if p.is_dir()}
    found = [
        (path.name, form)
        for path, content in everything.items()
        for canary in CANARIES
        for form in redaction.forms(canary)
        if form.encode() in content
    ]
    assert found == []


# What a finishing run does, in a process of its own as the real one: secrets out, judge, every report.
CHILD = """
import sys
from pathlib import Path
from conformance import redaction
from conformance.catalogue import load_catalogue
from conformance.judge import judge_run
from conformance.report import FORMATS, write_reports
from conformance.store import RunFolder
folder = RunFolder(Path(sys.argv[1]))
for secret in sys.argv[2:]:
    redaction.remember(secret)
redaction.scrub(folder.path)
wanted = [f for f in FORMATS.values() if f.name != "allure-page"]
problems = write_reports(judge_run(folder), folder.load, load_catalogue(), folder.path, wanted)
sys.exit(" ".join(problems) or 0)
"""
