"""What nginx is told: the settings of the front door, read once at start."""

from __future__ import annotations

import ipaddress
import os
import resource
import socket
from dataclasses import dataclass
from pathlib import Path

from server import bodies, environment
from server.bodies import Bodies
from server.environment import LAST_PORT, CantServe

PATIENCE_S = 60  # nginx ends an answer of ours that has not begun: what the JSON interface waits, and this
ADDRESSES_ASKED = "such as 127.0.0.1 or 10.0.0.0/8"


@dataclass(frozen=True)
class FrontDoor:
    """Lengths in bytes; `proxies` are those whose X-Forwarded headers are believed; `answers`: large ones at once."""

    address: str
    proxies: tuple[str, ...]
    certificate: Path | None
    key: Path | None
    upload_mb: int
    body_limit: int
    bodies: tuple[Bodies, ...]
    answers: int
    requests_per_second: int
    connections_per_address: int
    connections: int
    answer_within_s: int
    user: str

    @property
    def has_tls(self) -> bool:
        """True when it speaks HTTPS."""
        return self.certificate is not None


def from_environment() -> FrontDoor:
    """Read and check.

    Raises:
        CantServe: a setting can't be used.
    """
    _check_address(environment.text("LISTEN").strip("[]"), environment.count("PORT"))
    certificate, key = _tls()
    limit, spool_mb = environment.body_limit(), environment.count("SPOOL_MB")
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    wait_s = environment.text("WAIT_S")
    return FrontDoor(
        address=environment.address(),
        proxies=_proxies(),
        certificate=certificate,
        key=key,
        upload_mb=environment.count("MAX_UPLOAD_MB"),
        body_limit=limit,
        bodies=bodies.classes(spool_mb, limit),
        answers=bodies.large_answers(spool_mb),
        requests_per_second=environment.count("REQUESTS_PER_SECOND"),
        connections_per_address=environment.count("CONNECTIONS_PER_ADDRESS"),
        connections=max(64, min(4096, files - 64)),
        answer_within_s=PATIENCE_S + (int(wait_s) if wait_s.isdecimal() else 10),
        user="root" if os.geteuid() == 0 else "",  # or nginx would give its processes to a user who may read nothing
    )


def _check_address(host: str, port: int) -> None:
    """Try to listen there: a person understands our words better than those of nginx."""
    if port > LAST_PORT:
        raise CantServe(f"PORT={port}: expected a number from 1 to {LAST_PORT}.")
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else "no such address"
        raise CantServe(f"LISTEN={host} and PORT={port} can't be used: {reason}.") from error


def _tls() -> tuple[Path | None, Path | None]:
    names = ("TLS_CERTIFICATE", "TLS_KEY")
    paths = [Path(environment.text(name)).absolute() if environment.text(name) else None for name in names]
    for name, path in zip(names, paths, strict=True):
        if path is not None and not os.access(path, os.R_OK):
            raise CantServe(f"{name}={path}: there is no such file, or this server may not read it.")
    if paths.count(None) == 1:
        raise CantServe("TLS_CERTIFICATE and TLS_KEY go together: one of them is empty.")
    return paths[0], paths[1]


def _proxies() -> tuple[str, ...]:
    found = environment.names("PROXY_ADDRESSES")
    for one in found:
        try:
            ipaddress.ip_network(one, strict=False)
        except ValueError as error:
            raise CantServe(
                f"PROXY_ADDRESSES={one}: expected addresses or networks with commas, {ADDRESSES_ASKED}."
            ) from error
    trusted = environment.text("TRUSTED_PROXIES")
    if trusted.isdecimal() and int(trusted) > 0 and not found:
        raise CantServe(
            f"TRUSTED_PROXIES={trusted} says that a proxy stands in front of nginx. Name its address in "
            f"PROXY_ADDRESSES, {ADDRESSES_ASKED}: nobody else's X-Forwarded headers are believed."
        )
    return found
