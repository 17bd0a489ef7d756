"""One site of a lab as the harness sees it: its directory, its addresses and the files written for its services."""

from __future__ import annotations

import base64
import json
import os
import secrets
import string
import uuid
from dataclasses import dataclass
from pathlib import Path

from conformance.lab.addressing import PORTS, SiteAddresses
from conformance.lab.dataplane import SOCKET
from conformance.lab.files import write_private
from conformance.lab.guests import guests_directory, instances_directory, make_open

TEMPLATES = Path(__file__).with_name("config")
COMPUTES = 6  # nova-compute hosts of a site: more than the members of one anti-affinity group of the blueprints
PRIVATE = ("etc", "db", "fernet", "state", "images", "lock", "log")
SHARED = ("instances", "volumes", "volumes-replica")


@dataclass(frozen=True)
class LabSite:
    """A site; ``directory`` holds all of its state."""

    name: str
    lab: str
    directory: Path
    addresses: SiteAddresses
    password: str

    @property
    def cloud(self) -> str:
        """Name of the site's cloud in clouds.yaml."""
        return f"lab-{self.name}" if self.lab == "default" else f"lab-{self.lab}-{self.name}"

    @property
    def guests(self) -> Path:
        """Parent of what guests must reach: ``instances`` and ``volumes``."""
        return guests_directory(self.directory)

    @property
    def instances(self) -> Path:
        """Parent of the instances' directories."""
        return instances_directory(self.directory)

    @property
    def lab_directory(self) -> Path:
        """The directory of the whole lab."""
        return self.directory.parent.parent

    def log(self, service: str) -> Path:
        """The service's log file."""
        return self.directory / "log" / f"{service}.log"

    def output(self, service: str) -> Path:
        """What the service's process wrote to stdout and stderr: tracebacks of a failed start."""
        return self.directory / "log" / f"{service}.out"


def write_files(site: LabSite, venv: Path, guest_path: str) -> None:
    """Create the site's directories, ``site.json`` and the configuration files of all services."""
    make_open(site.directory)
    for name in PRIVATE:
        (site.directory / name).mkdir(mode=0o700, exist_ok=True)
    for name in SHARED:
        make_open(site.guests / name)
    write_private(site.directory / "site.json", json.dumps(_description(site, guest_path), indent=1))
    values = _values(site, venv)
    for template in TEMPLATES.glob("*.conf"):
        write_private(site.directory / "etc" / template.name, string.Template(template.read_text()).substitute(values))
    # Looked for at each decision, and without these in the user's home and in /etc, too: a machine's own would count.
    write_private(site.directory / "etc" / "policy.yaml", "{}")
    (site.directory / "etc" / "policy.d").mkdir(mode=0o700, exist_ok=True)
    # nova-compute refuses its second start without a node identity of its own
    write_private(site.directory / "etc" / "compute_id", _node_identity(site.name))
    for number in (0, 1):
        key = site.directory / "fernet" / str(number)
        if not key.exists():
            write_private(key, base64.urlsafe_b64encode(os.urandom(32)).decode())


def new_password() -> str:
    """A password for the administrator and the service users of one site."""
    return secrets.token_urlsafe(18)


def _description(site: LabSite, guest_path: str) -> dict[str, object]:
    return {
        "name": site.name,
        "lab": site.lab,
        "directory": str(site.directory),
        "address": site.addresses.api,
        "region": region(site),
        "password": site.password,
        "computes": COMPUTES,
        "instances": str(site.instances),
        "guest_path": guest_path,
        "external_cidrs": [cidr for cidr in (site.addresses.external, site.addresses.external6) if cidr],
        "network_daemon": str(site.lab_directory / SOCKET) if site.addresses.packets else None,
        "urls": {service: site.addresses.url(service) for service in PORTS},
    }


def region(site: LabSite) -> str:
    """Region name of the site in its own catalogue."""
    return site.name


def _node_identity(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.lab.invalid"))


def _values(site: LabSite, venv: Path) -> dict[str, str]:
    users = ("nova", "neutron", "cinder", "glance", "placement")
    return {
        "site": site.name,
        "directory": str(site.directory),
        "guests": str(site.guests),
        "venv": str(venv),
        "address": site.addresses.api,
        "link_address": site.addresses.link,
        "region": region(site),
        "keystone_url": site.addresses.url("keystone"),
        "glance_url": site.addresses.url("glance"),
        "database": "sqlite_synchronous = false\nmax_pool_size = 10\nmax_overflow = 40",
        "token_validation": f"www_authenticate_uri = {site.addresses.url('keystone')}\n"
        "service_token_roles = service\nservice_token_roles_required = true\ntoken_cache_time = 300",
        "log_levels": "amqp=WARN,sqlalchemy=WARN,oslo.messaging=INFO,urllib3=WARN,keystonemiddleware=WARN,"
        "stevedore=WARN,alembic=WARN,oslo_policy=WARN",
        "rpc_threads": "16",
        "report_interval": "5",
        "service_down_time": "30",
        # Loopback mode wires nothing, so there is nobody who could say that something is wired.
        "ports_are_wired": str(site.addresses.packets).lower(),
        "plugging_timeout": "60" if site.addresses.packets else "0",
        "neutron_plugins": "router,qos,auto_allocate",
        "neutron_extension_drivers": "port_security,qos,tag_ports_during_bulk_creation",
        **{f"as_{user}": _credentials(site, user) for user in users},
    }


def _credentials(site: LabSite, user: str) -> str:
    return "\n".join(
        [
            "auth_type = password",
            f"auth_url = {site.addresses.url('keystone')}/v3",
            f"username = {user}",
            f"password = {site.password}",
            "user_domain_name = Default",
            "project_domain_name = Default",
            "project_name = service",
            f"region_name = {region(site)}",
        ]
    )
