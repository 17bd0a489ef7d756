"""Database schemas: the projects' own ``*-manage`` commands, run in a process forked from a nursery."""

from __future__ import annotations

import importlib
import os
import sys
import uuid

ENTRIES = {
    "keystone-manage": "keystone.cmd.manage:main",
    "placement-manage": "placement.cmd.manage:main",
    "glance-manage": "glance.cmd.manage:main",
    "cinder-manage": "cinder.cmd.manage:main",
    "nova-manage": "nova.cmd.manage:main",
}

PLANS = {
    "keystone": [["keystone-manage", "--config-file", "etc/keystone.conf", "db_sync"]],
    "placement": [["placement-manage", "--config-file", "etc/placement.conf", "db", "sync"]],
    "glance": [
        ["glance-manage", "--config-file", "etc/glance-api.conf", "db_sync"],
        ["glance-manage", "--config-file", "etc/glance-api.conf", "db_load_metadefs", "{prefix}/etc/glance/metadefs"],
    ],
    "cinder": [["cinder-manage", "--config-file", "etc/cinder.conf", "db", "sync"]],
    "nova": [
        ["nova-manage", "--config-file", "etc/nova.conf", "api_db", "sync"],
        ["nova-manage", "--config-file", "etc/nova.conf", "db", "sync", "--local_cell"],
    ],
}


def migrate(service: str) -> None:
    """Create the schema of one service from nothing (working directory: a directory with ``etc`` and ``db``)."""
    if service == "neutron":
        create_neutron()
        return
    for command in PLANS[service]:
        manage([word.format(prefix=sys.prefix) for word in command])


def manage(command: list[str]) -> None:
    """Run one ``*-manage`` command in a fork of its own; SystemExit with its status if that is not 0."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            sys.argv = command
            module, _, function = ENTRIES[command[0]].partition(":")
            status = getattr(importlib.import_module(module), function)() or 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
            if isinstance(end.code, str):
                print(end.code, file=sys.stderr)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    _, result = os.waitpid(pid, 0)
    if result:
        raise SystemExit(f"{' '.join(command)} failed with exit status {os.waitstatus_to_exitcode(result)}")


def create_neutron() -> None:
    """Neutron's migrations do not run on sqlite: create the tables from the models, and the rows migrations add."""
    import sqlalchemy as sa
    from neutron.db.migration import cli
    from neutron.db.migration.models import head
    from oslo_config import cfg
    from oslo_db import options

    metadata = head.get_metadata()
    options.set_defaults(cfg.CONF)
    cfg.CONF(["--config-file", "etc/neutron.conf"], project="neutron")
    engine = sa.create_engine(cfg.CONF.database.connection)
    metadata.create_all(engine)
    rules = metadata.tables["securitygroupdefaultrules"]
    attributes = metadata.tables["standardattributes"]
    with engine.begin() as connection:
        for direction, remote in (("egress", None), ("ingress", "PARENT")):
            for ethertype in ("IPv4", "IPv6"):
                attribute = connection.execute(
                    attributes.insert().values(
                        resource_type="securitygroupdefaultrules",
                        description=f"Legacy default SG rule for {direction} traffic",
                    )
                )
                connection.execute(
                    rules.insert().values(
                        id=str(uuid.uuid4()),
                        standard_attr_id=attribute.inserted_primary_key[0],
                        direction=direction,
                        ethertype=ethertype,
                        remote_group_id=remote,
                        used_in_default_sg=True,
                        used_in_non_default_sg=remote is None,
                    )
                )
    for configuration in cli.get_alembic_configs():
        configuration.neutron_config = cfg.CONF
        cli.do_alembic_command(configuration, "stamp", revision="heads", purge=False, sql=False)
