"""Run one OpenStack project of a site, its API and all its workers, in this process."""

from __future__ import annotations

import gc
import importlib
import os
import resource
import sys

from labcloud import site

THREADS = 12
CONNECTIONS = 2_000
"""At once; one more waits unanswered until another goes, which lets go after CONNECTION_IDLE_S. Each harness, and
each service of the site that checks tokens, keeps some open."""
OTHER_FILES = 200
CONNECTION_IDLE_S = 300
GARBAGE = (20_000, 20, 50)
"""Objects and generations after which garbage is collected: an SQL statement makes thousands that live a moment."""


def serve(service: str) -> None:
    """Start the service's workers, then serve its API until killed: an HTTP answer means that the workers are up."""
    here = site.load()
    _point_to_configuration(here)
    sys.argv = [service]
    application = importlib.import_module(f"labcloud.services.{service}").application(here)
    gc.enable()
    gc.freeze()
    gc.set_threshold(*GARBAGE)
    import waitress

    host, _, port = here.urls[service].removeprefix("http://").partition(":")
    waitress.serve(
        application,
        host=host,
        port=int(port),
        threads=THREADS,
        connection_limit=_connections(),
        asyncore_use_poll=True,  # select() knows no file beyond the 1024th
        channel_timeout=CONNECTION_IDLE_S,
        max_request_body_size=1 << 40,
        clear_untrusted_proxy_headers=False,
        ident=None,
        _quiet=True,
    )


def _connections() -> int:
    """How many this process may have at once, after its limit of open files has been raised as far as needed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    endless = resource.RLIM_INFINITY
    wanted = CONNECTIONS + OTHER_FILES
    if soft != endless and soft < wanted:
        soft = wanted if hard == endless else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return CONNECTIONS if soft == endless else min(CONNECTIONS, soft - OTHER_FILES)


def _point_to_configuration(here: site.Site) -> None:
    etc = str(here.etc)
    os.environ.update(
        OS_NOVA_CONFIG_DIR=etc,
        # nova's WSGI looks for api-paste.ini first and takes the first file of the list for it
        OS_NOVA_CONFIG_FILES=f"{sys.prefix}/etc/nova/api-paste.ini;nova.conf",
        OS_GLANCE_CONFIG_DIR=etc,
        OS_NEUTRON_CONFIG_DIR=etc,
        OS_NEUTRON_CONFIG_FILES="neutron.conf",
        OS_KEYSTONE_CONFIG_DIR=etc,
        OS_KEYSTONE_CONFIG_FILES="keystone.conf",
        OS_PLACEMENT_CONFIG_DIR=etc,
    )
