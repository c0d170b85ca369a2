"""How the rows of the audit trail hold together: each carries a seal over what it says and over the seal before it.

    details_sha256 = SHA-256(salt, details)                    salt and details may be erased, the digest stays
    seal           = HMAC-SHA-256(key, the seal before, id, moment, actor, action, image, request, details_sha256)

The salt is random and goes with the details: without it the digest of "agree" would tell "agree" to whoever tries the
few words that it can be. The image goes in by the name that stands for its id once that is erased
(`erasures.short_name_of`). The key comes from SECRET_KEY, so who can write the database but does not know the key can't
make seals.

Pure functions: nothing here knows the database. The migration that seals older rows holds its own copy.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

FIRST = "0" * 64  # what the first row is chained to
SALT_BYTES = 16
ID_DIGITS = 8
_PURPOSE = b"sonotriage audit trail"


@dataclass(frozen=True)
class Key:
    """What seals are made with. `id` names it without telling it, so that rows sealed by another one are known."""

    id: str
    secret: bytes


@dataclass(frozen=True)
class Said:
    """What a row says, apart from its details, of which it holds the digest."""

    id: int
    created_at: datetime
    actor: str
    action: str
    image_name: str | None
    request_id: str | None
    details_sha256: str


def key_of(secret_key: str) -> Key:
    """The key of an installation, from its SECRET_KEY."""
    secret = hmac.digest(secret_key.encode(), _PURPOSE, "sha256")
    return Key(hashlib.sha256(secret).hexdigest()[:ID_DIGITS], secret)


def new_salt() -> str:
    return secrets.token_hex(SALT_BYTES)


def digest(details: dict[str, Any], salt: str) -> str:
    """The digest of a row's details, as 64 hexadecimal digits."""
    return hashlib.sha256(f"{salt}\n{canonical(details)}".encode()).hexdigest()


def seal(key: Key, before: str, said: Said) -> str:
    """The seal of a row that comes after the one with the seal `before`, as 64 hexadecimal digits."""
    moment = said.created_at.astimezone(UTC).isoformat(timespec="microseconds")
    content = [
        before, said.id, moment, said.actor, said.action, said.image_name, said.request_id, said.details_sha256,
    ]  # fmt: skip
    return hmac.digest(key.secret, canonical(content).encode(), "sha256").hex()


def canonical(value: Any) -> str:
    """One text for one value: JSON with sorted names and no spaces."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
