"""Compute: API, conductor, scheduler and several computes."""

import sys
import time
import urllib.error
import urllib.request

RUNNING = []  # services live as long as the process
PATIENCE = 120.0  # seconds for keystone, placement and the first inventory report


def application(site):
    """Start conductor, scheduler and computes, wait for their inventory; return nova's API."""
    import nova.virt

    from labcloud import nova_driver, patches

    sys.modules["nova.virt.labcloud"] = nova_driver  # compute_driver is looked up below nova.virt only
    from nova.api.openstack import wsgi_app

    app = wsgi_app.init_application("osapi_compute", "nova-api")
    import os_vif
    from nova import context, objects, service
    from nova.compute import rpcapi as compute_rpc
    from nova.conductor import rpcapi as conductor_rpc
    from nova.objects import host_mapping
    from nova.scheduler import rpcapi as scheduler_rpc

    os_vif.initialize()
    patches.several_computes_in_one_process()
    objects.Service.enable_min_version_cache()
    # all of them ask placement once at start, the computes then only every 60 s: wait for those who answer
    for needed in ("keystone", "placement"):
        _wait(lambda url=site.urls[needed]: _answers(url), f"an HTTP answer of {needed} at {site.urls[needed]}")
    for binary, topic in (("nova-conductor", conductor_rpc.RPC_TOPIC), ("nova-scheduler", scheduler_rpc.RPC_TOPIC)):
        _start(service.Service.create(binary=binary, topic=topic))
    for host in site.compute_hosts():
        nova.conf.CONF.set_override("host", host)
        compute = service.Service.create(
            binary="nova-compute", topic=compute_rpc.RPC_TOPIC, topic_alt=compute_rpc.RPC_TOPIC_ALT, host=host
        )
        _start(compute)
    _wait(
        lambda: _providers_with_inventory() >= site.computes, f"the inventory of {site.computes} computes in placement"
    )
    host_mapping.discover_hosts(context.get_admin_context())
    return app


def _start(worker):
    worker.start()
    # started again from its own database it would count as down until its first heartbeat, seconds from now
    worker.service_ref.report_count += 1
    worker.service_ref.save()
    RUNNING.append(worker)


def _wait(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"nova waited {PATIENCE:g} s for {what}")
        time.sleep(0.05)


def _answers(url):
    try:
        urllib.request.urlopen(url, timeout=10).close()
    except urllib.error.HTTPError:
        return True  # 300 or 401 is an answer
    except OSError:
        return False
    return True


def _providers_with_inventory():
    from nova.scheduler.client import report

    answer = report.report_client_singleton().get(
        "/resource_providers?resources=VCPU:1,MEMORY_MB:1,DISK_GB:1", version="1.18"
    )
    if not answer or answer.status_code != 200:
        return 0
    return len(answer.json()["resource_providers"])
