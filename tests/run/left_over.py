"""Prints, as JSON, the names of everything of a run that is at the sites of a sites file. Runs inside their lab."""

import json
import sys

from conformance.sites import load_sites

left = []
sites = load_sites(sys.argv[1])
for site in sites.sites:
    cloud = site.cloud
    for listing in (
        cloud.compute.servers(),
        cloud.network.networks(),
        cloud.network.ports(),
        cloud.network.routers(),
        cloud.network.security_groups(),
        cloud.block_storage.volumes(),
        cloud.image.images(),
        cloud.compute.flavors(),
        cloud.compute.server_groups(),
    ):
        left += [f"{site.name}: {item.name}" for item in listing if item.name.startswith("msha-")]
sites.close()
print(json.dumps(left))
