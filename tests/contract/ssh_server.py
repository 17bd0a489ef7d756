"""An SSH server as an ordinary process: one user, one key, commands run by a shell. Prints its port when it listens.

Usage: ssh_server.py FOLDER, with host_key and client_key.pub in it. A host that is killed is this process, killed.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import asyncssh


async def run(process: asyncssh.SSHServerProcess[bytes]) -> None:
    child = await asyncio.create_subprocess_shell(
        process.command or "true",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    # Not process.redirect(): where a child is done at once, asyncssh now and then drops the connection with it.
    out, err = await child.communicate()
    process.stdout.write(out)
    process.stderr.write(err)
    process.exit(child.returncode or 0)


async def serve(folder: Path) -> None:
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[str(folder / "host_key")],
        authorized_client_keys=str(folder / "client_key.pub"),
        process_factory=run,
        encoding=None,
    )
    print(server.get_port(), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
