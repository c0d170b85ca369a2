"""Every setting: its variable, default and one sentence. Read once at start; a bad value stops the start.

`docs/reference/settings.md` is compared with this file by a test.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.setting_readers import Whole, address, flag, folder, hosts, line, names, phone, secret_key, token, url
from server.json_log import level_named

PREFIX = "SONOTRIAGE_"


class BadSetting(ValueError):
    """A setting holds a value that the product cannot start with."""


@dataclass(frozen=True)
class Setting:
    """One setting: environment variable (also the Flask config key), default, reader of the text, meaning.

    What a secret one holds is never shown.
    """

    name: str
    default: str
    read: Callable[[str], Any]
    meaning: str
    is_secret: bool = False

    @property
    def values(self) -> str:
        """What it may hold, in words; "" where the meaning says it."""
        if isinstance(self.read, Whole):
            return str(self.read)
        return "yes or no" if self.read is flag else ""


_positive = Whole(1, 1_000_000)
_not_negative = Whole(0, 1_000_000)

SETTINGS: tuple[Setting, ...] = (
    Setting("DATA_DIR", "data", folder, "Folder of the database, the pictures and the secret key."),
    Setting("EXPECT_DATA", "no", flag, "Refuse to start on an empty data folder; turn it on after the first start."),
    Setting("MODELS_DIR", "models", folder, "Folder of manifest.json and the exported networks."),
    Setting("PORT", "8000", Whole(1, 65_535), "Port that the server listens on."),
    Setting("LISTEN", "127.0.0.1", address, "Address that the server listens on; 0.0.0.0 lets other machines in."),
    Setting("SOCKET", "", str, "Unix socket that gunicorn listens on instead; the front door (make serve) sets it."),
    Setting("PLAIN_SERVER", "no", flag, "Let gunicorn alone listen beyond this machine, without nginx in front."),
    Setting("WEB_THREADS", "48", Whole(1, 1000), "Requests that are answered at once."),
    Setting("ALLOWED_HOSTS", "", hosts, "Host names that requests may ask for, with commas; empty allows any."),
    Setting(
        "SECRET_KEY",
        "",
        secret_key,
        "Signs cookies, seals the trail; made once and kept in DATA_DIR if empty.",
        True,
    ),
    Setting("PROVIDER", "auto", str, "Where the networks run: auto, cuda, tensorrt, openvino or cpu."),
    Setting("PRECISION", "fp32", str, "Arithmetic of the networks: fp32; fp16 for a GPU; bf16 for OpenVINO."),
    Setting("INFERENCE_THREADS", "0", Whole(0, 1024), "Threads of one inference on the CPU; 0 takes the usable cores."),
    Setting("ONE_GRAPH", "no", flag, "Run both networks and all between them as one graph; made for a GPU."),
    Setting("CUDA_GRAPHS", "no", flag, "Repeat the launches of a run on CUDA as one; not measured by us yet."),
    Setting("GPU_MEMORY_MB", "0", _not_negative, "Most that onnxruntime pools of the GPU's memory; 0 sets no limit."),
    Setting(
        "INFERENCE_TIMEOUT_S", "120", Whole(1, 86_400), "Longest that a reading may take; then a new process goes on."
    ),
    Setting("BATCH_SIZE", "4", Whole(1, 256), "Most pictures taken at once: a batch on a GPU, else side by side."),
    Setting("QUEUE_LIMIT", "256", _positive, "Most pictures that may wait; above it uploads get 503 and Retry-After."),
    Setting("LEASE_S", "120", Whole(1, 86_400), "Seconds after which a picture whose worker died is taken up again."),
    Setting("WAIT_S", "10", Whole(0, 600), "Longest that the JSON interface waits for the answer before it says 202."),
    Setting("MAX_UPLOAD_MB", "50", Whole(1, 2000), "Largest upload in megabytes."),
    Setting("MAX_MEGAPIXELS", "25", Whole(1, 500), "Largest picture in megapixels, checked before decoding."),
    Setting("DECODE_TIMEOUT_S", "20", Whole(1, 600), "Longest that decoding one upload may take."),
    Setting("SANDBOX", "auto", str, "Shut decoders in: auto where that is possible, required to start, or off."),
    Setting("UPLOADS_PER_MINUTE", "600", _positive, "Uploads that one address may send in a minute."),
    Setting("UPLOADS_PER_SENDER", "10000", _positive, "Pictures a browser may keep, or a program send in a day."),
    Setting("UPLOADS_NEED_LOGIN", "no", flag, "Take pictures only from people who are signed in; none from programs."),
    Setting("LOGINS_PER_MINUTE", "10", _positive, "Failed logins that one address may make in a minute."),
    Setting("SESSION_HOURS", "12", Whole(1, 8760), "Hours after which a login ends by itself."),
    Setting("IDLE_MINUTES", "30", Whole(1, 1440), "Minutes without a request after which a login ends by itself."),
    Setting("COOKIE_SECURE", "no", flag, "Send cookies over HTTPS only; turn it on wherever HTTPS is in front."),
    Setting(
        "TRUSTED_PROXIES",
        "0",
        Whole(0, 10),
        "Proxies before gunicorn alone that are believed; before nginx: PROXY_ADDRESSES.",
    ),
    Setting("PROXY_ADDRESSES", "", names, "Addresses or networks of the proxies before nginx that it believes."),
    Setting("TLS_CERTIFICATE", "", str, "File with the certificate and its chain; with TLS_KEY, nginx speaks HTTPS."),
    Setting("TLS_KEY", "", str, "File with the certificate's private key."),
    Setting("SPOOL_DIR", "", str, "Folder for requests that come in; empty: /dev/shm where that is large enough."),
    Setting(
        "SPOOL_MB",
        "1024",
        Whole(1, 1_000_000),
        "Most megabytes for requests that come in, and as many for large answers going out.",
    ),
    Setting("REQUESTS_PER_SECOND", "200", _positive, "Requests of one address in a second, thrice as many in a burst."),
    Setting("CONNECTIONS_PER_ADDRESS", "400", _positive, "Requests of one address that may be under way at once."),
    Setting("NOMINATIM_URL", "", url, "Address of a Nominatim server; typed places leave the server only when set."),
    Setting("DISTANCE_UNIT", "km", str, "Unit of distances on the pages: km or miles."),
    Setting(
        "REFERRAL_TEXT",
        "",
        line,
        "What people do from whose place no clinic is near, in up to 600 characters; stands first there.",
    ),
    Setting("REFERRAL_PHONE", "", phone, "Phone number that stands beside REFERRAL_TEXT."),
    Setting("RETENTION_DAYS", "0", Whole(0, 36_500), "Days after which images are deleted; 0 keeps them."),
    Setting("BACKUP_KEY_FILE", "", str, "Key file that backups are encrypted with, outside DATA_DIR."),
    Setting(
        "BACKUP_RETENTION_DAYS", "0", Whole(0, 36_500), "Days that backups are kept; 0 keeps them; the newest stays."
    ),
    Setting("RESTORE_POINT_DAYS", "7", Whole(0, 36_500), "Days that what a restore set aside is kept; 0 keeps it."),
    Setting(
        "METRICS_TOKEN", "", token, "Whoever sends it as Bearer may read /metrics; empty: this machine alone.", True
    ),
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
    if values["REFERRAL_PHONE"] and not values["REFERRAL_TEXT"]:
        raise BadSetting("REFERRAL_PHONE goes with REFERRAL_TEXT, which says what it is for.")
    values["DATA_DIR"] = Path(values["DATA_DIR"]).absolute()
    values["MODELS_DIR"] = Path(values["MODELS_DIR"]).absolute()
    return values


def _value(setting: Setting, environment: Mapping[str, str]) -> Any:
    text = environment.get(f"{PREFIX}{setting.name}") or environment.get(setting.name) or setting.default
    try:
        return setting.read(text)
    except ValueError as error:
        given = setting.name if setting.is_secret else f"{setting.name}={_shown(text)}"
        raise BadSetting(f"{given}: {error}.") from error


def _shown(text: str) -> str:
    return repr(text) if len(text) <= 200 else f"{text[:200]!r}..."


def _check_choice(values: dict[str, Any], name: str, choices: set[str]) -> None:
    if values[name] not in choices:
        raise BadSetting(f"{name}={_shown(str(values[name]))}: expected one of {', '.join(sorted(choices))}.")
