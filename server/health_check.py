"""Asks the server of this container whether it is ready, through its front: exit status 0 or 1."""

from __future__ import annotations

import http.client
import ssl
import sys

from server import environment

PATIENCE_S = 10


def is_ready() -> bool:
    """True when `/health/ready` answers 200. Its certificate is not checked: it is for another name than localhost."""
    connection = _connection("127.0.0.1", environment.count("PORT"))
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _connection(host: str, port: int) -> http.client.HTTPConnection:
    if not environment.text("TLS_CERTIFICATE"):
        return http.client.HTTPConnection(host, port, timeout=PATIENCE_S)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=PATIENCE_S, context=context)


if __name__ == "__main__":
    sys.exit(0 if is_ready() else 1)
