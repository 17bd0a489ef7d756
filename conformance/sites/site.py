"""One site: a named connection to its cloud, and the one place where its errors become ours."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from keystoneauth1.exceptions import ClientException
from openstack.config.cloud_region import CloudRegion
from openstack.connection import Connection
from openstack.exceptions import HttpException, SDKException

from conformance.errors import HarnessError
from conformance.sites.clouds import on_loopback
from conformance.sites.settings import SiteSettings


class SiteError(HarnessError):
    """A site's cloud did not do what was asked of it. ``status`` is the HTTP status, None if no answer
    came."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Site:
    """A cloud under its name in the sites file. One connection, made on first use, serves all threads."""

    def __init__(
        self,
        name: str,
        spec: SiteSettings,
        folder: Path,
        region: Callable[[], CloudRegion],
        clouds_yaml: Path | None = None,
    ) -> None:
        """``folder`` is where relative paths in ``spec`` start; ``region`` makes the cloud's entry anew at each call,
        because one entry has one session, and so one token; ``clouds_yaml`` is the file that has it, where one has."""
        self.name = name
        self.spec = spec
        self.folder = folder
        self.clouds_yaml = clouds_yaml
        entry = region()
        self.auth_url = str(entry.config.get("auth", {}).get("auth_url", ""))
        self.region_name: str | None = entry.region_name or None
        self._region = region
        self._lock = threading.Lock()
        self._cloud: Connection | None = None
        self._endpoints: dict[str, str] = {}

    @property
    def cloud(self) -> Connection:
        """The connection. Raises what openstacksdk raises: use ``asking`` instead, unless that is wanted."""
        with self._lock:
            if self._cloud is None:
                self._cloud = self.connect()
                self._endpoints = catalog(self._cloud)
        return self._cloud

    def connect(self) -> Connection:
        """A further connection, with a token of its own. The caller closes it."""
        cloud = Connection(config=self._region())
        if on_loopback(self.auth_url):
            cloud.session.session.trust_env = False
        # A proxy per service is made, and its API versions discovered, on first access, which is not meant
        # for several threads at once: so here and now.
        for service in ("identity", "compute", "network", "image"):
            getattr(cloud, service)
        return cloud

    @contextmanager
    def errors(self, what: str) -> Iterator[None]:
        """What openstacksdk raises inside comes out as SiteError; ``what`` are words that follow "could
        not"."""
        try:
            yield
        except (SDKException, ClientException) as error:
            status = error.status_code if isinstance(error, HttpException) else getattr(error, "http_status", None)
            raise SiteError(f"Site {self.name}: could not {what}: {describe(error)}", status or None) from error

    @contextmanager
    def asking(self, what: str) -> Iterator[Connection]:
        """The connection, for doing ``what``, with errors as above."""
        with self.errors(what):
            yield self.cloud

    def endpoints(self) -> Mapping[str, str]:
        """Service type → URL, as the catalog had it when the connection was made: it can be asked after the
        site is lost. Of a site that was never reached, only the identity service is known. Asks nothing."""
        return dict(self._endpoints) or {"identity": self.auth_url}

    def close(self) -> None:
        """Close the connection, if there is one."""
        with self._lock:
            if self._cloud is not None:
                self._cloud.close()
                self._cloud = None


def catalog(cloud: Connection) -> dict[str, str]:
    """Service type → URL of the interface and region that this connection uses."""
    interface, region = cloud.config.get_interface(), cloud.config.get_region_name()
    return {
        str(entry["type"]): str(endpoint["url"])
        for entry in cloud.service_catalog
        for endpoint in entry["endpoints"]
        if endpoint["interface"] == interface and region in (None, "", endpoint["region"])
    }


def describe(error: Exception) -> str:
    """What an API answered, in a line."""
    if isinstance(error, HttpException) and error.status_code:
        text = " ".join(str(error.details or error.message or "").split())
        return f"{error.method or 'request to'} {error.url!s} was answered {error.status_code}: {text}"
    return " ".join(str(error).split()) or type(error).__name__
