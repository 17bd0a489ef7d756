"""Volumes: API, scheduler and one volume service."""

import sys

RUNNING = []  # services live as long as the process


def application(site):
    """Start cinder-volume and cinder-scheduler; return cinder's API."""
    from labcloud import patches

    patches.cinder_in_threads()
    patches.cinder_without_qemu_img()
    sys.argv = ["cinder", "--config-file", str(site.etc / "cinder.conf")]
    from cinder.wsgi import wsgi

    app = wsgi.initialize_application()
    import os_brick
    from cinder import service
    from cinder.common import config, constants  # noqa: F401  (registers options)
    from oslo_config import cfg

    os_brick.setup(cfg.CONF)
    scheduler = service.Service.create(binary=constants.SCHEDULER_BINARY)
    for backend in cfg.CONF.enabled_backends:
        volume = service.Service.create(
            host=f"{cfg.CONF.host}@{backend}",
            service_name=backend,
            binary=constants.VOLUME_BINARY,
            coordination=True,
        )
        volume.start()
        volume.report_state()
        RUNNING.append(volume)
    # after the volume service: the scheduler waits for it, and its start must not take the class attribute over
    kept = service.Service.service_id
    scheduler.start()
    service.Service.service_id = kept
    scheduler.report_state()
    RUNNING.append(scheduler)
    return app
