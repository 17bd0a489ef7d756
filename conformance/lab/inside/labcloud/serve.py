"""Run one OpenStack project of a site, its API and all its workers, in this process."""

from __future__ import annotations

import gc
import importlib
import os
import sys

from labcloud import site

THREADS = 12


def serve(service: str) -> None:
    """Start the service's workers, then serve its API until killed: an HTTP answer means that the workers are up."""
    here = site.load()
    _point_to_configuration(here)
    sys.argv = [service]
    application = importlib.import_module(f"labcloud.services.{service}").application(here)
    gc.enable()
    gc.freeze()
    import waitress

    host, _, port = here.urls[service].removeprefix("http://").partition(":")
    waitress.serve(
        application,
        host=host,
        port=int(port),
        threads=THREADS,
        channel_timeout=300,
        max_request_body_size=1 << 40,
        clear_untrusted_proxy_headers=False,
        ident=None,
        _quiet=True,
    )


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
