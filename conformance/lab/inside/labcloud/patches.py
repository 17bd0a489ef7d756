"""Every patch of an OpenStack private, in one place.

Each names the symptom it cures and the release it was written for, and carries a digest of the source it replaces: when
a new release changes that source, the service refuses to start and says which patch has to be looked at again.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import json
import os
import sqlite3
import sys
import threading
import time
from importlib.abc import MetaPathFinder
from types import ModuleType


class PatchOutdated(Exception):
    """What a patch replaces is no longer what it was written for."""


def replace(owner: type | ModuleType, name: str, new: object, *, digest: str, release: str, symptom: str) -> None:
    """Set ``owner.name`` to ``new`` if the owner's source is the one known (first 12 digits of its sha256)."""
    seen = hashlib.sha256(inspect.getsource(owner).encode()).hexdigest()[:12]
    if seen != digest:
        raise PatchOutdated(
            f"The lab's patch of {owner.__name__}.{name} was written for {release} (source digest {digest}), "
            f"but the installed source has digest {seen}. It cures: {symptom}. Compare with labcloud/patches.py."
        )
    setattr(owner, name, new)


class EventletBlocker(MetaPathFinder):
    """Refuses ``import eventlet`` while ``active``."""

    def __init__(self) -> None:
        self.active = True

    def find_spec(self, fullname, path, target=None):
        if self.active and fullname.partition(".")[0] == "eventlet":
            raise ImportError("eventlet is not used here")
        return


def native_threads() -> EventletBlocker:
    """Native threading everywhere.

    Symptom: nova 34 refuses to start with "eventlet library imported early" because oslo.service 4.8 imports eventlet
    where it can. The blocker stays for nova; the others lift it (cinder imports eventlet in order to disarm it).
    """
    blocker = EventletBlocker()
    sys.meta_path.insert(0, blocker)
    from oslo_service import backend

    backend.init_backend(backend.BackendType.THREADING)
    return blocker


def event_driven_rpc() -> None:
    """Symptom: with fake:// each RPC takes up to 50 ms and an idle cloud burns CPU, because the listener polls."""
    from oslo_messaging._drivers import base, impl_fake

    changed = threading.Condition()
    deliver = impl_fake.FakeExchange.deliver_message

    def deliver_message(self, *args, **kwargs):
        deliver(self, *args, **kwargs)
        with changed:
            changed.notify_all()

    @base.batch_poll_helper
    def poll(self, timeout=None):
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._stopped.is_set():
            with changed:
                for target in self._targets:
                    exchange = self._exchange_manager.get_exchange(target.exchange)
                    context, message, reply, requeue = exchange.poll(target, self._pool)
                    if message is not None:
                        return impl_fake.FakeIncomingMessage(context, message, reply, requeue)
                left = 2.0 if deadline is None else deadline - time.monotonic()
                if left <= 0:
                    return None
                changed.wait(min(2.0, left))
        return None

    known = {"release": "oslo.messaging 18.3.1", "symptom": "RPC latency of 50 ms and idle CPU with fake://"}
    replace(impl_fake.FakeExchange, "deliver_message", deliver_message, digest="4097d02f6eb8", **known)
    replace(impl_fake.FakeListener, "poll", poll, digest="23fa236f36af", **known)


def concurrent_sqlite() -> None:
    """Symptom: "database is locked" as soon as several requests write (WAL and a busy timeout alone do not cure it).

    A transaction that reads first and writes later cannot be upgraded when another one wrote in between, however long
    it waits. So writers take the write lock at BEGIN. The *innermost* enginefacade context decides whether this is a
    writer: placement opens an independent reader inside a writer and would wait for itself.
    """
    from oslo_db.sqlalchemy import enginefacade
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    current = threading.local()

    @event.listens_for(Engine, "connect")
    def tune(connection, record):
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA busy_timeout=60000")

    @event.listens_for(Engine, "before_cursor_execute", retval=True)
    def begin_immediate(connection, cursor, statement, parameters, context, executemany):
        if statement == "BEGIN" and getattr(current, "writes", False) and connection.dialect.name == "sqlite":
            statement = "BEGIN IMMEDIATE"
        return statement, parameters

    def telling_the_mode(original):
        @contextlib.contextmanager
        def block(self, *args, **kwargs):
            outer, current.writes = getattr(current, "writes", False), self.mode is enginefacade._WRITER
            try:
                with original(self, *args, **kwargs) as resource:
                    yield resource
            finally:
                current.writes = outer

        return block

    owner = enginefacade._TransactionContext
    known = {"release": "oslo.db 18.1.1", "symptom": '"database is locked" with sqlite'}
    replace(owner, "_session", telling_the_mode(owner._session), digest="66d4333141ef", **known)
    replace(owner, "_connection", telling_the_mode(owner._connection), digest="66d4333141ef", **known)


def pooled_sqlite() -> None:
    """Symptom: a third of every API request's CPU time goes into opening sqlite connections and parsing the schema.

    oslo.db gives sqlite a pool that closes every connection when it is returned, and each new one reads all of the
    schema, some 200 tables in neutron. SQLAlchemy's own choice for sqlite files, a queue of connections, is put back.
    Their pings guard against servers that go away, which a file does not; the yield on return is for eventlet.
    """
    from oslo_db.sqlalchemy import engines
    from sqlalchemy import pool

    choose = engines._init_connection_args

    def choose_pool(url, engine_args, kw):
        choose(url, engine_args, kw)
        if engine_args.get("poolclass") is pool.NullPool:
            engine_args |= {"poolclass": pool.QueuePool, "pool_size": 16, "max_overflow": 48, "pool_pre_ping": False}
            engine_args["connect_args"]["check_same_thread"] = False

    known = {"release": "oslo.db 18.1.1", "symptom": "CPU time spent on opening sqlite connections"}
    replace(engines, "_init_connection_args", choose_pool, digest="f1f10c99f758", **known)
    replace(engines, "_thread_yield", lambda connection, record: None, digest="f1f10c99f758", **known)


def nobody_to_notify() -> None:
    """Symptom: a tenth of neutron's CPU time goes into reading back whatever has changed, for agents to be told of it.

    The lab has no agents: its network daemon reads what is in force by itself.
    """
    from neutron.plugins.ml2 import ovo_rpc

    replace(
        ovo_rpc.OVOServerRpcInterface,
        "_setup_change_handlers",
        lambda self: None,
        digest="363dfa560253",
        release="neutron 29.0.0",
        symptom="CPU time spent on notifications that nobody gets",
    )


def neutron_reads_relations_when_asked() -> None:
    """Symptom: most of the SQL statements of a neutron request read what nobody looks at, some 400 for one
    add_router_interface, and neutron's one core is what deploying waits for.

    Its models ask for all their relations with each row, and those for theirs. They are read when they are looked at
    instead; where that is after the row's session has ended, a session is opened for it. To be called before the
    models are imported, and ``relations_are_read_when_asked`` when they are configured.
    """
    from sqlalchemy.orm import strategies
    from sqlalchemy.orm.base import PassiveFlag

    owner = strategies._LazyLoader
    load = owner._load_for_state

    def load_for_state(self, state, passive, *args, **kwargs):
        if state.session is not None or state.key is None or not passive & PassiveFlag.SQL_OK:
            return load(self, state, passive, *args, **kwargs)
        from neutron_lib.db import api

        with api.get_reader_session() as session:
            state.session_id = session.hash_key
            try:
                return load(self, state, passive, *args, **kwargs)
            finally:
                state.session_id = None

    replace(
        owner,
        "_load_for_state",
        load_for_state,
        digest="b7a8f0f16401",
        release="SQLAlchemy 2.1.9",
        symptom="CPU time spent on reading relations that nobody looks at",
    )


def relations_are_read_when_asked() -> None:
    """The second half of ``neutron_reads_relations_when_asked``."""
    from neutron_lib.db import model_base

    on_demand = (("lazy", "select"),)
    for mapper in model_base.BASEV2.registry.mappers:
        for relation in mapper.relationships:
            if relation.lazy in ("selectin", "subquery"):
                relation.lazy, relation.strategy_key = "select", on_demand
                relation.strategy = relation._get_strategy(on_demand)


def cinder_without_qemu_img() -> None:
    """Symptom: volumes made from images end in "error", because cinder 29 asks qemu-img, as root, about every image.
    A fresh machine has no qemu-img and an ordinary user no root; OpenStack's own inspector reads formats in Python."""
    import cinder.privsep.format_inspector
    from cinder import exception
    from cinder.image import image_utils
    from oslo_utils import imageutils
    from oslo_utils.imageutils import format_inspector

    def qemu_img_info(path, run_as_root=True, force_share=False, allow_qcow2_backing_file=False, img_format=None):
        found = img_format
        if found != "raw":
            found = cinder.privsep.format_inspector.get_format_if_safe(
                path=path, allow_qcow2_backing_file=allow_qcow2_backing_file
            )
        if found is None:
            raise exception.Invalid(reason="Image/Volume failed safety check")
        raw = found == "raw"
        told = {
            "filename": os.path.abspath(path),
            "format": "raw" if found == "luks" else found,  # encrypted images count as raw, as in the original
            "virtual-size": os.stat(path).st_size if raw else format_inspector.detect_file_format(path).virtual_size,
            "actual-size": os.stat(path).st_blocks * 512,
        }
        return imageutils.QemuImgInfo(json.dumps(told), format="json")

    replace(
        image_utils,
        "qemu_img_info",
        qemu_img_info,
        digest="e53488dda367",
        release="cinder 29.0.0",
        symptom="volumes made from images end in error without qemu-img",
    )


def cinder_in_threads() -> None:
    """Symptoms with cinder 29 under native threads: volumes stay "creating" (the second thread that calls
    eventlet.tpool hangs); privileged calls want a root helper daemon; "volume service is down" because the scheduler's
    and the volume service's heartbeats share the class attribute Service.service_id."""
    import cinder.privsep
    from cinder import service
    from eventlet import tpool

    tpool.execute = lambda function, *args, **kwargs: function(*args, **kwargs)
    tpool.Proxy = lambda thing, *args, **kwargs: thing
    cinder.privsep.sys_admin_pctxt.set_client_mode(False)
    lock, report = threading.Lock(), service.Service.report_state

    def report_state(self):
        with lock:
            shared, service.Service.service_id = service.Service.service_id, self.origin_service_id
            try:
                report(self)
            finally:
                service.Service.service_id = shared

    replace(
        service.Service,
        "report_state",
        report_state,
        digest="16e0999f93f6",
        release="cinder 29.0.0",
        symptom="cinder-volume is reported down",
    )


def several_computes_in_one_process() -> None:
    """Symptom: nova 34 skips detaching a volume, since it compares the instance's host with the global CONF.host, which
    is the last started compute's."""
    from nova.virt import block_device

    current, conf = threading.local(), block_device.CONF

    class HostOfThisThread:
        def __getattr__(self, name):
            return getattr(current, "host", None) or conf.host if name == "host" else getattr(conf, name)

    owner = block_device.DriverVolumeBlockDevice
    original = owner._do_detach

    def _do_detach(self, context, instance, volume_api, virt_driver, *args, **kwargs):
        current.host = virt_driver._host
        try:
            return original(self, context, instance, volume_api, virt_driver, *args, **kwargs)
        finally:
            current.host = None

    replace(
        owner, "_do_detach", _do_detach, digest="8e991fc1280b", release="nova 34.0.0", symptom="volumes stay attached"
    )
    block_device.CONF = HostOfThisThread()
