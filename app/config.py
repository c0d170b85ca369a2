"""Every setting: its variable, default and one sentence. Read once at start; a bad value stops the start.

`docs/reference/settings.md` is compared with this file by a test.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server.json_log import level_named


class BadSetting(ValueError):
    """A setting holds a value that the product cannot start with."""


@dataclass(frozen=True)
class Setting:
    """One setting: environment variable (also the Flask config key), default, reader of the text, meaning."""

    name: str
    default: str
    read: Callable[[str], Any]
    meaning: str


def _flag(text: str) -> bool:
    if text.lower() in {"1", "true", "yes", "on"}:
        return True
    if text.lower() in {"0", "false", "no", "off"}:
        return False
    raise ValueError("expected yes or no")


def _positive(text: str) -> int:
    return _whole(text, 1, "expected a whole number above zero")


def _not_negative(text: str) -> int:
    return _whole(text, 0, "expected zero or a whole number above it")


def _whole(text: str, least: int, expected: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise ValueError(expected) from None
    if number < least:
        raise ValueError(expected)
    return number


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip().lower() for name in text.split(",") if name.strip())


SETTINGS: tuple[Setting, ...] = (
    Setting("DATA_DIR", "data", Path, "Folder of the database, the pictures and the secret key."),
    Setting("EXPECT_DATA", "no", _flag, "Refuse to start on an empty data folder; turn it on after the first start."),
    Setting("MODELS_DIR", "models", Path, "Folder of manifest.json and the exported networks."),
    Setting("PORT", "8000", _positive, "Port that the server listens on."),
    Setting("LISTEN", "127.0.0.1", str, "Address that the server listens on; 0.0.0.0 lets other machines in."),
    Setting("SOCKET", "", str, "Unix socket that gunicorn listens on instead; the front door (make serve) sets it."),
    Setting("PLAIN_SERVER", "no", _flag, "Let gunicorn alone listen beyond this machine, without nginx in front."),
    Setting("WEB_THREADS", "48", _positive, "Requests that are answered at once."),
    Setting("ALLOWED_HOSTS", "", _names, "Host names that requests may ask for, with commas; empty allows any."),
    Setting("SECRET_KEY", "", str, "Signs cookies, seals the audit trail; made once and kept in DATA_DIR when empty."),
    Setting("PROVIDER", "auto", str, "Where the networks run: auto, cuda, tensorrt, openvino or cpu."),
    Setting("PRECISION", "fp32", str, "Arithmetic of the networks: fp32; fp16 for a GPU; bf16 for OpenVINO."),
    Setting("INFERENCE_THREADS", "0", _not_negative, "Threads of one inference on the CPU; 0 takes the usable cores."),
    Setting("ONE_GRAPH", "no", _flag, "Run both networks and all between them as one graph; made for a GPU."),
    Setting("CUDA_GRAPHS", "no", _flag, "Repeat the launches of a run on CUDA as one; not measured by us yet."),
    Setting("GPU_MEMORY_MB", "0", _not_negative, "Most that onnxruntime pools of the GPU's memory; 0 sets no limit."),
    Setting("INFERENCE_TIMEOUT_S", "120", _positive, "Longest that reading may take before a new process goes on."),
    Setting("BATCH_SIZE", "4", _positive, "Most waiting pictures taken at once: a batch on a GPU, else side by side."),
    Setting("QUEUE_LIMIT", "256", _positive, "Most pictures that may wait; above it uploads get 503 and Retry-After."),
    Setting("LEASE_S", "120", _positive, "Seconds after which a picture whose worker died is taken up again."),
    Setting("WAIT_S", "10", _not_negative, "Longest that the JSON interface waits for the answer before it says 202."),
    Setting("MAX_UPLOAD_MB", "50", _positive, "Largest upload in megabytes."),
    Setting("MAX_MEGAPIXELS", "25", _positive, "Largest picture in megapixels, checked before decoding."),
    Setting("DECODE_TIMEOUT_S", "20", _positive, "Longest that decoding one upload may take."),
    Setting("SANDBOX", "auto", str, "Shut decoders in: auto where that is possible, required to start, or off."),
    Setting("UPLOADS_PER_MINUTE", "600", _positive, "Uploads that one address may send in a minute."),
    Setting("UPLOADS_PER_SENDER", "10000", _positive, "Pictures a browser may keep, or a program send in a day."),
    Setting("LOGINS_PER_MINUTE", "10", _positive, "Failed logins that one address may make in a minute."),
    Setting("SESSION_HOURS", "12", _positive, "Hours after which a login ends by itself."),
    Setting("IDLE_MINUTES", "30", _positive, "Minutes without a request after which a login ends by itself."),
    Setting("COOKIE_SECURE", "no", _flag, "Send cookies over HTTPS only; turn it on wherever HTTPS is in front."),
    Setting(
        "TRUSTED_PROXIES",
        "0",
        _not_negative,
        "Proxies before gunicorn alone that are believed; before nginx: PROXY_ADDRESSES.",
    ),
    Setting("PROXY_ADDRESSES", "", _names, "Addresses or networks of the proxies before nginx that it believes."),
    Setting("TLS_CERTIFICATE", "", str, "File with the certificate and its chain; with TLS_KEY, nginx speaks HTTPS."),
    Setting("TLS_KEY", "", str, "File with the certificate's private key."),
    Setting("SPOOL_DIR", "", str, "Folder for requests that come in; empty: /dev/shm where that is large enough."),
    Setting(
        "SPOOL_MB",
        "1024",
        _positive,
        "Most megabytes for requests that come in, and as many for large answers going out.",
    ),
    Setting("REQUESTS_PER_SECOND", "200", _positive, "Requests of one address in a second, thrice as many in a burst."),
    Setting("CONNECTIONS_PER_ADDRESS", "400", _positive, "Requests of one address that may be under way at once."),
    Setting("NOMINATIM_URL", "", str, "Address of a Nominatim server; typed places leave the server only when set."),
    Setting("DISTANCE_UNIT", "km", str, "Unit of distances on the pages: km or miles."),
    Setting("RETENTION_DAYS", "0", _not_negative, "Days after which images are deleted; 0 keeps them."),
    Setting("BACKUP_KEY_FILE", "", str, "Key file that backups are encrypted with, outside DATA_DIR."),
    Setting("BACKUP_RETENTION_DAYS", "0", _not_negative, "Days that backups are kept; 0 keeps them; the newest stays."),
    Setting("RESTORE_POINT_DAYS", "7", _not_negative, "Days that what a restore set aside is kept; 0 keeps it."),
    Setting("LOG_LEVEL", "INFO", level_named, "Least severe level logged: debug, info, warning, error or critical."),
)


def load(environment: Mapping[str, str] | None = None, **overrides: Any) -> dict[str, Any]:
    """Read every setting from the environment (`SONOTRIAGE_` before the name, or the bare name), then `overrides`.

    An empty value means the default.

    Raises:
        BadSetting: a value cannot be read; the message names variable and expectation.
    """
    environment = os.environ if environment is None else environment
    values = {setting.name: _value(setting, environment) for setting in SETTINGS}
    values.update(overrides)
    _check_choice(values, "PROVIDER", {"auto", "cuda", "tensorrt", "openvino", "cpu"})
    _check_choice(values, "PRECISION", {"fp32", "fp16", "bf16"})
    if values["ONE_GRAPH"] and values["PRECISION"] != "fp32":
        raise BadSetting("ONE_GRAPH=yes goes with PRECISION=fp32 alone.")
    if values["ONE_GRAPH"] and values["PROVIDER"] == "tensorrt":
        raise BadSetting("ONE_GRAPH=yes does not go with PROVIDER=tensorrt, which has to know the size of a picture.")
    _check_choice(values, "DISTANCE_UNIT", {"km", "miles"})
    _check_choice(values, "SANDBOX", {"auto", "required", "off"})
    values["DATA_DIR"] = Path(values["DATA_DIR"]).absolute()
    values["MODELS_DIR"] = Path(values["MODELS_DIR"]).absolute()
    return values


def _value(setting: Setting, environment: Mapping[str, str]) -> Any:
    text = environment.get(f"SONOTRIAGE_{setting.name}") or environment.get(setting.name) or setting.default
    try:
        return setting.read(text)
    except ValueError as error:
        raise BadSetting(f"{setting.name}={text!r}: {error}.") from error


def _check_choice(values: dict[str, Any], name: str, choices: set[str]) -> None:
    if values[name] not in choices:
        raise BadSetting(f"{name}={values[name]!r}: expected one of {', '.join(sorted(choices))}.")
