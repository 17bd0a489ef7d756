"""What the fork server imports before a site needs it: importing is nine tenths of an OpenStack service's start."""

from __future__ import annotations

import gc
import importlib
import os
import threading

from labcloud import patches

COMMON = """
sqlalchemy.orm sqlalchemy.ext.declarative sqlalchemy.dialects.sqlite alembic oslo_config.cfg oslo_log.log
oslo_db.sqlalchemy.enginefacade oslo_messaging oslo_messaging._drivers.impl_fake oslo_policy.policy oslo_context.context
oslo_utils.timeutils oslo_versionedobjects.base oslo_concurrency.lockutils oslo_middleware oslo_service.service
oslo_reports.guru_meditation_report oslo_cache oslo_serialization.jsonutils keystoneauth1.session keystoneauth1.loading
keystoneauth1.identity keystonemiddleware.auth_token requests webob.dec routes.middleware paste.deploy stevedore
jsonschema osprofiler.web waitress dogpile.cache netaddr lxml.etree cryptography.fernet openstack.connection
tooz.coordination
"""

SERVICES = {
    "nova": """
        nova.api.openstack.wsgi_app nova.api.openstack.compute nova.api.openstack.compute.routes nova.compute.manager
        nova.conductor.manager nova.scheduler.manager nova.virt.fake nova.objects.host_mapping os_vif
        labcloud.nova_driver nova.db.api.api nova.db.main.api nova.network.neutron nova.volume.cinder
        nova.image.glance nova.api.metadata.handler
    """,
    "neutron": """
        neutron.server.api neutron.plugins.ml2.plugin neutron.services.l3_router.l3_router_plugin neutron.api.v2.router
        neutron.pecan_wsgi.app neutron.extensions.securitygroup neutron.db.migration.models.head labcloud.ml2_driver
        neutron.plugins.ml2.extensions.port_security
    """,
    "keystone": "keystone.server.wsgi keystone.server.flask.core keystone.server.flask.application",
    "cinder": """
        cinder.wsgi.wsgi cinder.service cinder.api.v3.router cinder.volume.manager cinder.scheduler.manager
        cinder.scheduler.filter_scheduler cinder.db.api labcloud.cinder_driver os_brick cinder.volume.rpcapi
        cinder.api.openstack cinder.volume.flows.manager.create_volume
    """,
    "glance": """
        glance.common.wsgi_app glance.api.v2.router glance_store._drivers.filesystem glance_store.backend
        glance.db.sqlalchemy.api glance.api.middleware.context
    """,
    "placement": "placement.wsgi placement.deploy placement.handler",
}


def common() -> patches.EventletBlocker:
    """Import what all services share and apply the patches of the shared libraries."""
    gc.disable()  # collecting would copy the pages that the children are to share
    blocker = patches.native_threads()
    _import(COMMON)
    patches.concurrent_sqlite()
    patches.pooled_sqlite()
    patches.event_driven_rpc()
    return blocker


def service(name: str, blocker: patches.EventletBlocker) -> None:
    """Import one service."""
    os.environ["OS_NOVA_DISABLE_EVENTLET_PATCHING"] = os.environ["OS_CINDER_DISABLE_EVENTLET_PATCHING"] = "1"
    blocker.active = name == "nova"
    if name in ("nova", "cinder"):
        importlib.import_module(f"{name}.monkey_patch").patch(backend="threading")
        importlib.import_module(f"{name}.objects").register_all()
    if name == "neutron":
        patches.neutron_reads_relations_when_asked()
    _import(SERVICES[name])
    import sqlalchemy.orm

    # symptom: 500 on neutron's very first "list ports": the relationship Port.port_forwardings is not there yet
    sqlalchemy.orm.configure_mappers()
    if name == "neutron":
        patches.relations_are_read_when_asked()
    gc.freeze()
    if threading.active_count() != 1:
        raise RuntimeError(f"importing {name} started threads, which a fork would lose: {threading.enumerate()}")


def _import(names: str) -> None:
    for name in names.split():
        importlib.import_module(name)
