"""ML2 mechanism driver without agents: every port is bound at once.

In loopback mode it is ACTIVE then. In namespaces mode it is while the lab's network daemon has wired it, and Nova
is told so (network-vif-plugged) by Neutron itself.
"""

from __future__ import annotations

import threading
import time

from neutron.notifiers import nova
from neutron_lib import constants
from neutron_lib import context as neutron_context
from neutron_lib.api.definitions import portbindings
from neutron_lib.callbacks import events, registry, resources
from neutron_lib.db import constants as db_constants
from neutron_lib.plugins import constants as plugins
from neutron_lib.plugins import directory
from neutron_lib.plugins.ml2 import api
from neutron_lib.services.qos import base
from neutron_lib.services.qos import constants as qos
from oslo_log import log

from labcloud import network, site

LOG = log.getLogger(__name__)
BATCH = 0.02  # seconds in which events for Nova are gathered; each guest would wait for Neutron's own least, 1 s


def report_floating_ip_status(resource, event, trigger, payload):
    """Say what an L3 agent would: a floating IP with a port is ACTIVE, another one DOWN."""
    state = payload.latest_state or {}
    get = state.get if hasattr(state, "get") else lambda name: getattr(state, name, None)
    associated = get("port_id") or get("fixed_port_id")
    directory.get_plugin(plugins.L3).update_floatingip_status(
        payload.context.elevated(),
        payload.resource_id,
        constants.FLOATINGIP_STATUS_ACTIVE if associated else constants.FLOATINGIP_STATUS_DOWN,
    )


class LabQosDriver(base.DriverBase):
    """Tells Neutron which rules of QoS policies the lab's network daemon keeps; it reads them by itself."""

    def __init__(self):
        everything = {"type:range": [0, db_constants.DB_INTEGER_MAX_VALUE]}
        super().__init__(
            name="labcloud",
            vif_types=[portbindings.VIF_TYPE_OTHER],
            vnic_types=[portbindings.VNIC_NORMAL],
            supported_rules={
                qos.RULE_TYPE_BANDWIDTH_LIMIT: {
                    qos.MAX_KBPS: everything,
                    qos.MAX_BURST: everything,
                    qos.DIRECTION: {"type:values": constants.VALID_DIRECTIONS},
                }
            },
            requires_rpc_notifications=False,
        )


class LabMechanismDriver(api.MechanismDriver):
    """Binds ports of guests that are processes of this machine."""

    def initialize(self):
        self._here = site.load()
        self._wired = set()
        if self._here.network_daemon:
            threading.Thread(target=self._follow, name="wired ports", daemon=True).start()
            LabQosDriver()
            nova.Notifier.get_instance().batch_notifier.batch_interval = BATCH
        registry.subscribe(report_floating_ip_status, resources.FLOATING_IP, events.AFTER_CREATE)
        registry.subscribe(report_floating_ip_status, resources.FLOATING_IP, events.AFTER_UPDATE)

    def _follow(self):
        while directory.get_plugin() is None:  # Neutron is still being loaded; what is said now would be lost
            time.sleep(BATCH)
        for wired in network.watch(self._here):
            before, self._wired = self._wired, wired
            for ports, status in (
                (wired - before, constants.PORT_STATUS_ACTIVE),
                (before - wired, constants.PORT_STATUS_DOWN),
            ):
                for port in ports:
                    try:
                        directory.get_plugin().update_port_status(neutron_context.get_admin_context(), port, status)
                    except Exception:
                        LOG.exception("The status of port %s cannot be set to %s", port, status)

    @property
    def connectivity(self):
        return portbindings.CONNECTIVITY_L2

    def bind_port(self, context):
        real = self._here.network_daemon is not None
        wired = not real or context.current["id"] in self._wired
        for segment in context.segments_to_bind[:1]:
            context.set_binding(
                segment[api.ID],
                portbindings.VIF_TYPE_OTHER,
                {portbindings.CAP_PORT_FILTER: real},
                status=constants.PORT_STATUS_ACTIVE if wired else constants.PORT_STATUS_DOWN,
            )
