"""Nova virt driver: an instance is a process tree of this machine, bound to the instance's Neutron fixed IPs.

What must survive a SIGKILL of nova is in the instance's directory (see ``labcloud.instance``).
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import shutil
import signal
import threading
import uuid
from pathlib import Path

import nova.conf
from nova import exception
from nova.compute import power_state, task_states
from nova.image import glance
from nova.virt import fake, hardware

from labcloud import guest, hypervisor, metadata, network, processes, site
from labcloud import instance as instance_directory

CONF = nova.conf.CONF
NODE_NAMESPACE = uuid.UUID("6f5b9c4e-0000-4000-8000-0a0a0a0a0a0a")
SHUTDOWN_GRACE = 3.0  # seconds between SIGTERM and SIGKILL of a guest's programs at a clean shutdown


class ProcessDriver(fake.FakeDriver):
    """FakeDriver's bookkeeping with real processes below it."""

    capabilities = dict(fake.FakeDriver.capabilities, has_imagecache=False)
    # A host of ordinary size: a cloud that is never full would show nothing about capacity.
    vcpus = 32
    memory_mb = 32768
    local_gb = 4096
    _metadata = None  # one for all computes of this process; none in loopback mode

    def __init__(self, virtapi, read_only=False):
        super().__init__(virtapi, read_only)
        self._switching = threading.RLock()
        self._site = site.load()

    def init_host(self, host):
        super().init_host(host)
        if self._site.network_daemon and ProcessDriver._metadata is None:
            ProcessDriver._metadata = metadata.Service(self._site)
        for directory in Path(CONF.instances_path).iterdir():
            spec = instance_directory.load(directory)
            if spec and spec["host"] == host:
                runs = instance_directory.init_pid(directory) is not None
                state = power_state.RUNNING if runs else power_state.SHUTDOWN
                if not runs:  # it died with the site, or nova did before it was started
                    instance_directory.mark(directory, instance_directory.ON, False)
                if self._metadata and runs:
                    self._metadata.offer(spec["uuid"])
                self.instances[spec["uuid"]] = fake.FakeInstance(spec["name"], state, spec["uuid"])

    # Node identity: FakeDriver draws random uuids, but a restarted compute must find its resource provider again.

    def get_available_resource(self, nodename):
        resource = super().get_available_resource(nodename)
        if resource:
            resource["uuid"] = _node_uuid(nodename)
        return resource

    def get_nodenames_by_uuid(self, refresh=False):
        return {_node_uuid(name): name for name in self.get_available_nodes()}

    def get_host_uptime(self):
        seconds = float(Path("/proc/uptime").read_text().split()[0])
        load = " ".join(f"{value:.2f}," for value in os.getloadavg()).rstrip(",")
        days, minutes = int(seconds // 86400), int(seconds % 86400 // 60)
        return f"up {days} days, {minutes // 60:2d}:{minutes % 60:02d},  0 users,  load average: {load}"

    # Life of a guest

    def spawn(
        self,
        context,
        instance,
        image_meta,
        injected_files,
        admin_password,
        allocations,
        network_info=None,
        block_device_info=None,
        power_on=True,
        accel_info=None,
    ):
        super().spawn(
            context,
            instance,
            image_meta,
            injected_files,
            admin_password,
            allocations,
            network_info,
            block_device_info,
            power_on,
            accel_info,
        )
        vifs = network_info if network_info is not None else instance.get_network_info()
        instance_directory.create(
            _directory(instance.uuid),
            {
                "uuid": instance.uuid,
                "name": instance.name,
                "display_name": instance.display_name,
                "host": self._host,
                "metadata": dict(instance.metadata or {}),
                "volumes": _volumes(block_device_info),
                "ips": [address for vif in vifs for address in _addresses(vif)],
            },
            base64.b64decode(instance.user_data) if instance.user_data else None,
        )
        if power_on:
            unplugged = [("network-vif-plugged", vif["id"]) for vif in vifs if vif.get("active") is False]
            with self._plugged(instance, unplugged if self._site.network_daemon else []):
                self._plug(instance.uuid)
            self._start(instance.uuid)

    @contextlib.contextmanager
    def _plugged(self, instance, events):
        """Wait at the end until Neutron has said that the ports are wired, as other drivers do."""
        try:
            with self.virtapi.wait_for_instance_event(instance, events, timeout=CONF.vif_plugging_timeout):
                yield
        except exception.InstanceEventTimeout:
            if CONF.vif_plugging_is_fatal:
                raise exception.VirtualInterfaceCreateException() from None

    def destroy(
        self, context, instance, network_info, block_device_info=None, destroy_disks=True, destroy_secrets=True
    ):
        # instances_path is shared by all computes of the site: after a migration the guest is the other host's
        spec = instance_directory.load(_directory(instance.uuid))
        mine = spec is None or spec["host"] == self._host
        if mine:
            self._stop(instance.uuid, grace=0)
        super().destroy(context, instance, network_info, block_device_info, destroy_disks, destroy_secrets)
        if destroy_disks and mine:
            shutil.rmtree(_directory(instance.uuid), ignore_errors=True)

    def power_off(self, instance, timeout=0, retry_interval=0):
        super().power_off(instance, timeout, retry_interval)
        self._stop(instance.uuid, grace=min(timeout, SHUTDOWN_GRACE))

    def power_on(self, context, instance, network_info, block_device_info=None, accel_info=None, share_info=None):
        super().power_on(context, instance, network_info, block_device_info, accel_info, share_info)
        self._start(instance.uuid)

    def unrescue(self, context, instance):
        """Nova switched the guest off for the rescue (the lab has no rescue system to run meanwhile)."""
        super().unrescue(context, instance)
        self._start(instance.uuid)

    def reboot(
        self,
        context,
        instance,
        network_info,
        reboot_type,
        block_device_info=None,
        bad_volumes_callback=None,
        accel_info=None,
        share_info=None,
    ):
        self._stop(instance.uuid, grace=SHUTDOWN_GRACE if reboot_type == "SOFT" else 0)
        self._ensure_running(context, instance, network_info, block_device_info)

    def resume_state_on_host_boot(self, context, instance, network_info, share_info, block_device_info=None):
        self._ensure_running(context, instance, network_info, block_device_info)

    def _ensure_running(self, context, instance, network_info, block_device_info):
        if instance.uuid in self.instances:
            self.power_on(context, instance, network_info, block_device_info)
        else:
            self.spawn(context, instance, instance.image_meta, None, None, None, network_info, block_device_info)

    def migrate_disk_and_power_off(
        self, context, instance, dest, flavor, network_info, block_device_info=None, timeout=0, retry_interval=0
    ):
        self._stop(instance.uuid, grace=min(timeout, SHUTDOWN_GRACE))
        return super().migrate_disk_and_power_off(
            context, instance, dest, flavor, network_info, block_device_info, timeout, retry_interval
        )

    def finish_revert_migration(
        self, context, instance, network_info, migration, block_device_info=None, power_on=True, share_info=None
    ):
        self.instances.pop(instance.uuid, None)
        self.spawn(context, instance, instance.image_meta, None, None, None, network_info, block_device_info, power_on)

    def pause(self, instance):
        self._freeze(instance.uuid, True, power_state.PAUSED)

    def unpause(self, instance):
        self._freeze(instance.uuid, False, power_state.RUNNING)

    def suspend(self, context, instance):
        self._freeze(instance.uuid, True, power_state.SUSPENDED)

    def resume(self, context, instance, network_info, block_device_info=None, share_info=None):
        self._freeze(instance.uuid, False, power_state.RUNNING)

    def get_info(self, instance, use_cache=True):
        known = self.instances.get(instance.uuid)
        if known is None:
            raise exception.InstanceNotFound(instance_id=instance.uuid)
        if known.state != power_state.SHUTDOWN and not instance_directory.init_pid(_directory(instance.uuid)):
            known.state = power_state.SHUTDOWN  # the guest was killed behind nova's back
        return hardware.InstanceInfo(state=known.state)

    def _start(self, instance_uuid):
        directory = _directory(instance_uuid)
        with self._switching:
            if not instance_directory.init_pid(directory):
                self._plug(instance_uuid)
                if self._metadata:
                    self._metadata.offer(instance_uuid)  # before it can ask
                hypervisor.start_guest(directory)

    def _plug(self, instance_uuid):
        directory = _directory(instance_uuid)
        instance_directory.mark(directory, instance_directory.FROZEN, False)
        instance_directory.mark(directory, instance_directory.ON, True)
        network.sync(self._site)

    def _stop(self, instance_uuid, grace):
        directory = _directory(instance_uuid)

        def unplug():
            if self._metadata:
                self._metadata.withdraw(instance_uuid)
            instance_directory.mark(directory, instance_directory.ON, False)
            network.sync(self._site)

        init = instance_directory.init_pid(directory)
        if init:
            guest.stop(init, grace, unplug)
        elif (directory / instance_directory.ON).exists():
            unplug()  # it has ended by itself, its network has not

    def _freeze(self, instance_uuid, frozen, state):
        directory = _directory(instance_uuid)
        init = instance_directory.init_pid(directory)
        if init:
            instance_directory.mark(directory, instance_directory.FROZEN, frozen)
            network.sync(self._site)  # the kernel would go on answering for it
            processes.signal_tree(init, signal.SIGSTOP if frozen else signal.SIGCONT)
            self.instances[instance_uuid].state = state

    # Devices: recorded in spec.json, volumes also as links below dev/

    def attach_volume(
        self, context, connection_info, instance, mountpoint, disk_bus=None, device_type=None, encryption=None
    ):
        super().attach_volume(context, connection_info, instance, mountpoint, disk_bus, device_type, encryption)
        instance_directory.change(
            _directory(instance.uuid), lambda spec: spec["volumes"].update({mountpoint: _volume(connection_info)})
        )

    def detach_volume(self, context, connection_info, instance, mountpoint, encryption=None):
        super().detach_volume(context, connection_info, instance, mountpoint, encryption)
        instance_directory.change(_directory(instance.uuid), lambda spec: spec["volumes"].pop(mountpoint, None))

    def attach_interface(self, context, instance, image_meta, vif):
        super().attach_interface(context, instance, image_meta, vif)
        instance_directory.change(_directory(instance.uuid), lambda spec: spec["ips"].extend(_addresses(vif)))
        network.sync(self._site)

    def detach_interface(self, context, instance, vif):
        super().detach_interface(context, instance, vif)
        gone = _addresses(vif)
        instance_directory.change(
            _directory(instance.uuid), lambda spec: spec.update(ips=[ip for ip in spec["ips"] if ip not in gone])
        )

    # Images and console

    def snapshot(self, context, instance, image_id, update_task_state):
        """Upload the guest's description: it has no disk of its own."""
        update_task_state(task_state=task_states.IMAGE_PENDING_UPLOAD)
        update_task_state(task_state=task_states.IMAGE_UPLOADING, expected_state=task_states.IMAGE_PENDING_UPLOAD)
        glance.get_default_image_service().update(
            context,
            image_id,
            {"disk_format": "raw", "container_format": "bare", "status": "active"},
            io.BytesIO(json.dumps(instance_directory.load(_directory(instance.uuid))).encode()),
            purge_props=False,
        )

    def get_console_output(self, context, instance):
        try:
            return (_directory(instance.uuid) / "console.log").read_bytes()
        except FileNotFoundError:
            return b""


def _node_uuid(name):
    return str(uuid.uuid5(NODE_NAMESPACE, name))


def _directory(instance_uuid):
    return Path(CONF.instances_path) / instance_uuid


def _addresses(vif):
    return [address["address"] for address in vif.fixed_ips()]


def _volumes(block_device_info):
    mapping = (block_device_info or {}).get("block_device_mapping") or []
    return {entry["mount_device"]: _volume(entry["connection_info"]) for entry in mapping}


def _volume(connection_info):
    return {"id": connection_info["data"]["volume_id"], "path": connection_info["data"]["path"]}
