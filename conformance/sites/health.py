"""Whether a site's VIM works: its endpoints one by one, and its control plane by using it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
from openstack.connection import Connection

from conformance.errors import HarnessError
from conformance.model import Observation
from conformance.sites import owned
from conformance.sites.clouds import on_loopback
from conformance.sites.marks import CHECK_LABEL, TAG_KEY, run_prefix, run_tag
from conformance.sites.site import Site, SiteError, catalog
from conformance.waiting import wait_until

_SERVER_TIMEOUT_S = 60.0
# Below these paths of its endpoint a service answers only who has a token.
_GUARDED = {"compute": "/servers", "network": "/v2.0/networks", "image": "/v2/images", "block-storage": "/volumes"}


def api_answers(site: Site, timeout: float = 1.0) -> Observation:
    """Whether every endpoint of the site answers HTTP; any answer counts, an error too: somebody is there.

    ``observed["endpoints"]`` maps service types to ``answered 300 in 4 ms``, ``refused`` or ``silent for 1
    s``. Never raises. The endpoints are learnt from the catalog if that has not happened yet and the site
    gives it.
    """
    seen = _ask_endpoints(site, timeout)
    if _is_answer(seen.get("identity", "")) and len(seen) == 1:
        try:
            with site.asking("read the service catalog"):
                seen = _ask_endpoints(site, timeout)
        except SiteError as error:
            return Observation(False, str(error), {"endpoints": seen})
    missing = [kind for kind, answer in seen.items() if not _is_answer(answer)]
    return Observation(
        ok=not missing,
        detail=f"{len(seen) - len(missing)} of {len(seen)} API endpoints of {site.name} answer"
        + (f"; these do not: {', '.join(missing)}." if missing else "."),
        observed={"endpoints": seen},
    )


def api_silent(site: Site, timeout: float = 1.0) -> Observation:
    """Whether no endpoint of the site answers: connections are refused or met with silence. Never raises.

    ``observed`` as of api_answers. Of a site that was never reached only the identity service is known.
    """
    seen = _ask_endpoints(site, timeout)
    alive = [kind for kind, answer in seen.items() if _is_answer(answer)]
    return Observation(
        ok=not alive,
        detail=f"{site.name} should be silent, but these of its API endpoints answer: {', '.join(alive)}."
        if alive
        else f"None of {len(seen)} API endpoints of {site.name} answers.",
        observed={"endpoints": seen},
    )


def api_errs(site: Site, timeout: float = 10.0) -> Observation:
    """Whether an API of the site answers with an error of its own (500 and above) where it should tell a stranger that
    his token is no good (401). ``observed`` as of api_answers. Never raises."""
    asked = {kind: url.rstrip("/") + _GUARDED[kind] for kind, url in site.endpoints().items() if kind in _GUARDED}
    seen = _ask_all(asked, timeout, {"X-Auth-Token": uuid.uuid4().hex})  # a new one: answers are cached by token
    erring = [kind for kind, answer in seen.items() if answer.startswith("answered 5")]
    return Observation(
        ok=bool(erring),
        detail=f"{len(erring)} of {len(seen)} APIs of {site.name} that ask for a token answer with an error of theirs"
        + (f": {', '.join(erring)}." if erring else "."),
        observed={"endpoints": seen},
    )


def _ask_endpoints(site: Site, timeout: float) -> dict[str, str]:
    return _ask_all(site.endpoints(), timeout)


def _ask_all(urls: Mapping[str, str], timeout: float, headers: Mapping[str, str] | None = None) -> dict[str, str]:
    with ThreadPoolExecutor(max(len(urls), 1)) as pool:
        answers = pool.map(lambda url: _ask(url, timeout, headers), urls.values())
        return dict(zip(urls, answers, strict=True))


def _is_answer(seen: str) -> bool:
    return seen.startswith("answered")


def _ask(url: str, timeout: float, headers: Mapping[str, str] | None = None) -> str:
    began = time.monotonic()
    with requests.Session() as session:
        session.trust_env = not on_loopback(url)
        try:
            with session.get(url, timeout=timeout, allow_redirects=False, stream=True, headers=headers) as response:
                return f"answered {response.status_code} in {(time.monotonic() - began) * 1e3:.0f} ms"
        except requests.exceptions.SSLError:
            return "answered, but not with a certificate that is trusted here"
        except requests.Timeout:
            return f"silent for {timeout:g} s"
        except requests.RequestException as error:
            return "refused" if "refused" in str(error).lower() else f"no answer: {type(error).__name__}"


def vim_check(site: Site, run_id: str, others: Sequence[Site] = ()) -> Observation:
    """Whether the site's VIM works on its own: identity, catalog, lists, networking and scheduling, each by
    using it.

    Takes a token anew; checks that the catalog names no host that one of ``others`` uses; lists; creates a
    network and a subnet; boots a server to ACTIVE from the run's own image and flavor; deletes all that.
    ``observed`` holds each step's seconds (``token_s``, ``catalog_s``, ``list_s``, ``network_s``,
    ``server_s``, ``delete_s``), ``hosts`` and ``foreign_hosts`` of the catalog, and ``failed``: the step that
    went wrong, or None. What the VIM fails at is an observation, never an exception. Everything made carries
    the run's tag.
    """
    check = _VimCheck(site, run_id, others)
    steps = (check.token, check.catalog, check.list, check.network, check.server)
    problem = _in_order(steps, check.observed)
    left = _in_order((check.delete,), check.observed) if check.made_something else None
    check.close()
    failed = problem or left
    check.observed["failed"] = failed[0] if failed else None
    if failed:
        return Observation(False, f"The VIM of {site.name} failed at step {failed[0]}: {failed[1]}", check.observed)
    return Observation(
        True,
        f"The VIM of {site.name} issued a token, listed, made a network and booted a server, on endpoints of its own.",
        check.observed,
    )


def _in_order(steps: Sequence[Callable[[], None]], observed: dict[str, Any]) -> tuple[str, str] | None:
    """Carry out steps until one fails; its name and the reason. Seconds taken go into ``observed``."""
    for step in steps:
        began = time.monotonic()
        try:
            step()
        except HarnessError as error:
            return step.__name__, str(error)
        finally:
            observed[f"{step.__name__}_s"] = round(time.monotonic() - began, 3)
    return None


class _VimCheck:
    """The steps of one check; each raises HarnessError when the VIM fails at it."""

    def __init__(self, site: Site, run_id: str, others: Sequence[Site]) -> None:
        self.site = site
        self.run_id = run_id
        self.others = others
        self.observed: dict[str, Any] = {"hosts": [], "foreign_hosts": []}
        self._cloud: Connection | None = None
        self._network: Any = None
        self._server: Any = None

    @property
    def made_something(self) -> bool:
        return self._network is not None

    def token(self) -> None:
        with self.site.errors("get a new token"):
            self._cloud = self.site.connect()
            self._cloud.authorize()

    def catalog(self) -> None:
        with self._asking("read the service catalog") as cloud:
            hosts = {urlsplit(url).hostname for url in catalog(cloud).values()}
        theirs = {urlsplit(url).hostname for other in self.others for url in other.endpoints().values()}
        self.observed["hosts"] = sorted(str(h) for h in hosts)
        self.observed["foreign_hosts"] = sorted(str(h) for h in hosts & theirs)
        if hosts & theirs:
            raise SiteError(
                f"its catalog leads to {', '.join(self.observed['foreign_hosts'])}, which another site uses."
            )

    def list(self) -> None:
        with self._asking("list servers, networks and images") as cloud:
            self.observed["listed"] = {
                "servers": len([*cloud.compute.servers(details=False)]),
                "networks": len([*cloud.network.networks()]),
                "images": len([*cloud.image.images()]),
            }

    def network(self) -> None:
        with self._asking("create a network and a subnet") as cloud:
            self._network = cloud.network.create_network(**self._marks())
            # Nobody is to reach it: addresses that RFC 5737 keeps for documentation, no router, no DHCP.
            cloud.network.create_subnet(
                network_id=self._network.id,
                cidr="192.0.2.0/29",
                ip_version=4,
                enable_dhcp=False,
                **self._marks(),
            )

    def server(self) -> None:
        with self._asking("boot a server") as cloud:
            images = owned.images(cloud, self.run_id)
            if not images:
                raise SiteError(f"there is no image of run {self.run_id} at {self.site.name} to boot a server from.")
            flavors = owned.flavors(cloud, self.run_id) or [*cloud.compute.flavors()]
            self._server = cloud.compute.create_server(
                name=self._marks()["name"],
                image_id=images[0].id,
                flavor_id=min(flavors, key=lambda f: f.ram).id,
                networks=[{"uuid": self._network.id}],
                metadata={TAG_KEY: self.run_id},
                tags=[run_tag(self.run_id)],
            )
            wait_until(
                lambda: self._settled(cloud),
                timeout=_SERVER_TIMEOUT_S,
                what="the server to be ACTIVE",
                interval=0.2,
            )

    def _settled(self, cloud: Connection) -> bool:
        # Asked often, so without details, for which Nova would ask Neutron each time; all of it only when it is over.
        if not any(self._server.id in owned.server_ids(cloud, self.run_id, status) for status in ("ACTIVE", "ERROR")):
            return False
        server = cloud.compute.get_server(self._server.id)
        if server.status == "ERROR":
            fault = (server.fault or {}).get("message", "no reason given")
            raise SiteError(f"the server it was to boot went to ERROR: {fault}.")
        return bool(server.status == "ACTIVE")

    def delete(self) -> None:
        with self._asking("delete the check's server and network") as cloud:
            if self._server is not None:
                cloud.compute.delete_server(self._server)
                wait_until(
                    lambda: self._server.id not in {s.id for s in cloud.compute.servers(details=False)},
                    timeout=_SERVER_TIMEOUT_S,
                    what="the check's server to be gone",
                    interval=0.2,
                )
            if self._network is not None:
                cloud.network.delete_network(self._network)

    @contextmanager
    def _asking(self, what: str) -> Iterator[Connection]:
        if self._cloud is None:
            raise SiteError(f"there is no token to {what} with.")
        with self.site.errors(what):
            yield self._cloud

    def close(self) -> None:
        if self._cloud is not None:
            self._cloud.close()

    def _marks(self) -> dict[str, str]:
        return {"name": run_prefix(self.run_id) + CHECK_LABEL, "description": run_tag(self.run_id)}
