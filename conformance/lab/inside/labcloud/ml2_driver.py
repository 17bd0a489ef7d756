"""ML2 mechanism driver without agents: every port is bound at once and ACTIVE."""

from __future__ import annotations

from neutron_lib import constants
from neutron_lib.api.definitions import portbindings
from neutron_lib.callbacks import events, registry, resources
from neutron_lib.plugins import constants as plugins
from neutron_lib.plugins import directory
from neutron_lib.plugins.ml2 import api


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


class LabMechanismDriver(api.MechanismDriver):
    """Binds ports of guests that are processes of this machine: nothing has to be wired."""

    def initialize(self):
        registry.subscribe(report_floating_ip_status, resources.FLOATING_IP, events.AFTER_CREATE)
        registry.subscribe(report_floating_ip_status, resources.FLOATING_IP, events.AFTER_UPDATE)

    @property
    def connectivity(self):
        return portbindings.CONNECTIVITY_L2

    def bind_port(self, context):
        for segment in context.segments_to_bind[:1]:
            context.set_binding(
                segment[api.ID],
                portbindings.VIF_TYPE_OTHER,
                {portbindings.CAP_PORT_FILTER: False},
                status=constants.PORT_STATUS_ACTIVE,
            )
