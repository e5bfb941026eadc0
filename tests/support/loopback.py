"""
A guard: no test reaches beyond the machine it runs on.

Python asks audit hooks before it connects, sends, binds or looks up a name, so nothing written in Python gets past,
in any thread. Libraries in C with sockets of their own (libpq) and child processes are not seen.
"""

import functools
import ipaddress
import socket
import sys


@functools.cache
def allow_nothing_else() -> None:
    """From now on, for the life of this process, let no socket leave loopback (RuntimeError)."""
    sys.addaudithook(_refuse_the_world)


def _refuse_the_world(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in {"socket.connect", "socket.bind", "socket.sendto"}:
        address = arguments[1]
        if getattr(arguments[0], "family", None) not in {socket.AF_INET, socket.AF_INET6} or not isinstance(
            address, tuple
        ):
            return
        host = address[0]
    else:
        return
    if host is None:
        return
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name.endswith(".invalid"):
        # RFC 2606: such a name never exists. Say so at once, without asking a name server.
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    if not _is_loopback(name):
        raise RuntimeError(f"a test reached beyond loopback: {event} {name!r}")


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
