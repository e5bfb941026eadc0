"""The sections of the settings, and the checks of their values."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from memorycapsule.domain.people import checked_address
from memorycapsule.domain.quiet_hours import parse_quiet_hours
from memorycapsule.domain.roads.notifications import Road
from memorycapsule.domain.roads.webhook_secrets import secret_bytes
from memorycapsule.errors import UsageProblem

SMTP_PORTS = MappingProxyType({"none": 25, "starttls": 587, "tls": 465})
_FILM_SIZES = MappingProxyType(
    {
        "720p": (1280, 720),
        "1080p": (1920, 1080),
        "1440p": (2560, 1440),
        "2160p": (3840, 2160),
        "4k": (3840, 2160),
    }
)


def pixels_of(size: str) -> tuple[int, int]:
    """Return width and height of "1080p", "4k", "1280x720" (both even, 16 to 7680). Raises UsageProblem."""
    if known := _FILM_SIZES.get(size.lower()):
        return known
    if match := re.fullmatch(r"(\d{2,4})x(\d{2,4})", size.lower()):
        width, height = int(match[1]), int(match[2])
        if all(16 <= side <= 7680 and side % 2 == 0 for side in (width, height)):
            return width, height
    raise UsageProblem("film_size_unclear", size=size)


#: The heartbeat is stuck after so many missed beats, but not before so many seconds.
_MISSED_BEATS = 3
_LEAST_STUCK_SECONDS = 60.0
#: What a header can carry as a bearer token (RFC 6750), and how long one is that nobody guesses.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_LEAST_TOKEN = 16
_UNITS = MappingProxyType({"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12})


def bytes_of(amount: str) -> int:
    """Return how many bytes "2 GB", "500MB" or "0" are. Raises UsageProblem."""
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?) ?([kmgt]?b?)", amount.strip().lower())
    unit = match[2].upper() if match else ""
    if match and unit in _UNITS:
        return round(float(match[1]) * _UNITS[unit])
    raise UsageProblem("byte_amount_unclear", amount=amount)


class WrongSetting(ValueError):
    """A setting cannot be used: an error of ours inside the only one that pydantic reports."""

    def __init__(self, reason: str | UsageProblem, /, **values: object) -> None:
        super().__init__(reason)
        self.problem = reason if isinstance(reason, UsageProblem) else UsageProblem(reason, **values)


def as_wrong_setting(check: Callable[[str], object]) -> Callable[[str], str]:
    """Return a validator that raises a check's UsageProblem as WrongSetting."""

    def checked(text: str) -> str:
        try:
            check(text)
        except UsageProblem as error:
            raise WrongSetting(error) from error
        return text

    return checked


def _not_a_bool(value: object) -> object:
    if isinstance(value, bool):
        raise WrongSetting("setting_true_or_false")
    return value


def _one_line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise WrongSetting("setting_not_one_line")
    return text


def _networks(text: str) -> str:
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            ipaddress.ip_network(part)
        except ValueError as error:
            raise WrongSetting("setting_no_network", part=part) from error
    return text


Whole = Annotated[int, BeforeValidator(_not_a_bool)]
Number = Annotated[float, BeforeValidator(_not_a_bool)]
Line = Annotated[str, AfterValidator(_one_line)]
Folder = Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class DaemonSettings(Section):
    """The long-running service."""

    host: Line = Field(
        default="127.0.0.1", description="Address to listen on; 0.0.0.0 is every network of this machine."
    )
    port: Whole = Field(default=8484, ge=0, le=65535, description="Port to listen on; 0 takes any free one.")
    heartbeat_seconds: Number = Field(
        default=10,
        ge=0.1,
        le=3600,
        description="How often it looks for what is due; capsules open this late at most.",
    )
    trusted_proxies: Annotated[str, AfterValidator(_networks)] = Field(
        default="127.0.0.1, ::1",
        description="Proxies in front of it, addresses or networks: only they are believed who a visitor is.",
    )

    @property
    def stuck_after_seconds(self) -> float:
        """How old the last run of the job that opens capsules may be before the heartbeat counts as stuck."""
        return max(_MISSED_BEATS * self.heartbeat_seconds, _LEAST_STUCK_SECONDS)


class MetricsSettings(Section):
    """Metrics for Prometheus, which are told nowhere unless a port or a token is set."""

    host: Line = Field(
        default="127.0.0.1", description="Address on which they are told; 0.0.0.0 is every network."
    )
    port: Whole | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Port on which they are told, apart from the pages; 0 takes any free one.",
        examples=[9484],
    )
    token: SecretStr | None = Field(
        default=None,
        description="Whoever sends it reads /metrics beside the pages, too; at least 16 characters.",
        examples=["a-secret-that-nobody-guesses"],
    )

    @field_validator("token")
    @classmethod
    def _token_is_long(cls, token: SecretStr | None) -> SecretStr | None:
        if token and not (len(text := token.get_secret_value()) >= _LEAST_TOKEN and _TOKEN.fullmatch(text)):
            raise WrongSetting("metrics_token_unclear", least=_LEAST_TOKEN)
        return token


class MailSettings(Section):
    """Letters, whoever carries them."""

    sender_name: Line = Field(default="MemoryCapsule", description="The name that letters come from.")
    sender_address: Annotated[str, AfterValidator(as_wrong_setting(checked_address))] | None = Field(
        default=None,
        description="The address that letters come from; unset: smtp.username if it is one.",
        examples=["capsule@example.org"],
    )
    connections: Whole = Field(
        default=1,
        ge=1,
        le=20,
        description="Connections over which letters leave at the same time, if the mail server lets in so many.",
    )
    give_up_days: Whole = Field(
        default=5, ge=1, le=60, description="Days after which an undeliverable letter is given up."
    )
    render_grace_seconds: Whole = Field(
        default=3600,
        ge=0,
        le=604_800,
        description="How long the opening letters wait for the film; then they leave without it.",
    )
    invitation_days: Whole = Field(
        default=14, ge=1, le=365, description="Days for which an invitation can be accepted."
    )


def _is_this_machine(host: str) -> bool:
    """Return whether a host is this machine (RFC 6761 section 6.3, RFC 1122 section 3.2.1.3)."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        name = host.lower().rstrip(".")
        return name == "localhost" or name.endswith(".localhost")


class SmtpSettings(Section):
    """The mail server. Without a host, letters become .eml files in the data folder's mailbox/."""

    host: Line | None = Field(
        default=None, description="Name of the mail server.", examples=["mail.example.org"]
    )
    security: Literal["none", "starttls", "tls"] = Field(
        default="starttls",
        description="none (no login, unless on this machine), starttls (port 587) or tls (port 465).",
    )
    port: Whole = Field(
        default_factory=lambda values: SMTP_PORTS.get(values.get("security", "starttls"), 587),
        ge=1,
        le=65535,
        description="Port of the mail server; unset: 25, 587 or 465 by security.",
        examples=[587],
    )
    username: Line | None = Field(
        default=None, description="Login name, if the server wants one.", examples=["capsule"]
    )
    password: SecretStr | None = Field(
        default=None,
        description="Its password; better kept in a file named by CAPSULE_SMTP__PASSWORD_FILE.",
        examples=["secret"],
    )
    ca_file: Folder | None = Field(
        default=None,
        description="Certificates to trust besides the usual ones.",
        examples=["/etc/ssl/my-ca.pem"],
    )
    timeout_seconds: Whole = Field(default=60, ge=1, le=600, description="How long to wait for an answer.")

    @model_validator(mode="after")
    def _login_is_whole(self) -> SmtpSettings:
        if (self.username is None) != (self.password is None):
            missing = "password" if self.password is None else "username"
            raise WrongSetting("login_not_whole", missing=f"smtp.{missing}")
        if self.username and self.security == "none" and self.host and not _is_this_machine(self.host):
            raise WrongSetting("password_in_clear_text")
        return self


def _is_endpoint(text: str) -> str:
    if not re.fullmatch(r"https?://[A-Za-z0-9.:\[\]_-]+", text):
        raise WrongSetting("s3_endpoint_unclear")
    return text


class S3Settings(Section):
    """The S3-compatible service, when blobs_url names a bucket."""

    endpoint: Annotated[str, AfterValidator(_is_endpoint)] | None = Field(
        default=None,
        description="Address of the service; unset: Amazon's own.",
        examples=["https://s3.example.org"],
    )
    region: Line = Field(default="us-east-1", description="Region of the bucket.")
    access_key_id: Line | None = Field(
        default=None,
        description="Name of the key; unset: that of AWS_ACCESS_KEY_ID, or of the machine's role.",
        examples=["capsule"],
    )
    secret_access_key: SecretStr | None = Field(
        default=None,
        description="The key; better kept in a file named by CAPSULE_S3__SECRET_ACCESS_KEY_FILE.",
        examples=["secret"],
    )
    presigned: bool = Field(
        default=False,
        description="Whether browsers fetch photos and films of opened capsules from the service itself.",
    )

    @model_validator(mode="after")
    def _key_is_whole(self) -> S3Settings:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            missing = "secret_access_key" if self.secret_access_key is None else "access_key_id"
            raise WrongSetting("s3_key_not_whole", missing=f"s3.{missing}")
        return self


class FilmSettings(Section):
    """Films."""

    workers: Whole = Field(default=2, ge=1, le=64, description="Encoders at work at the same time.")
    nice: Whole = Field(
        default=10, ge=0, le=19, description="How far films step back behind other programs, 0 to 19."
    )
    size: Annotated[str, AfterValidator(as_wrong_setting(pixels_of))] = Field(
        default="1080p", description="720p, 1080p, 1440p, 4k, or width and height like 1280x720."
    )
    fps: Whole = Field(default=30, ge=10, le=60, description="Frames per second.")
    film_photos: Whole = Field(
        default=60, ge=1, le=2000, description="Photos in a film at most, unless the capsule says."
    )
    face_model: Folder | None = Field(
        default=None,
        description="A YuNet model, so that films move towards faces; unset: towards what draws the eye.",
        examples=["~/face_detection_yunet.onnx"],
    )
    quiet_hours: Annotated[str, AfterValidator(as_wrong_setting(parse_quiet_hours))] = Field(
        default="01:00-06:00",
        description='When films of sealed capsules are rendered ahead, by `zone`; or "always" or "never".',
    )
    cache_size: Annotated[str, AfterValidator(as_wrong_setting(bytes_of))] = Field(
        default="2 GB",
        description="Most that finished pieces of films may take; the longest unused go first.",
    )


class MediaSettings(Section):
    """Photos, clips and voice notes that come in."""

    photo_max_megabytes: Whole = Field(default=200, ge=1, le=4096, description="Largest photo file.")
    clip_max_megabytes: Whole = Field(
        default=4096, ge=1, le=1_048_576, description="Largest clip or voice note."
    )
    decoders: Whole = Field(default=2, ge=1, le=32, description="Photos decoded at the same time.")


class UploadsSettings(Section):
    """How much people put in, whichever way."""

    largest_file: Annotated[str, AfterValidator(as_wrong_setting(bytes_of))] = Field(
        default="2 GB", description="Largest single file."
    )
    most_per_member: Annotated[str, AfterValidator(as_wrong_setting(bytes_of))] = Field(
        default="20 GB", description="Most that one member may put into one capsule."
    )


class BackupSettings(Section):
    """Backups, which `capsule backup` makes."""

    warn_days: Whole = Field(
        default=30,
        ge=0,
        le=3650,
        description="Days without a backup after which the admin is told; 0 never tells.",
    )


def _is_receiver(secret: SecretStr) -> SecretStr:
    """Check the address of a receiver, which is as good as a password."""
    address = secret.get_secret_value()
    if not re.fullmatch(r"https?://[!-~]+", address) or not _has_host(address):
        raise WrongSetting("receiver_unclear")
    return secret


def _has_host(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and parts.port != 0 and not parts.fragment
    except ValueError:
        return False


def _is_topic(secret: SecretStr) -> SecretStr:
    parts = urlsplit(secret.get_secret_value())
    if not re.fullmatch(r"/[A-Za-z0-9_-]{1,64}", parts.path) or parts.query:
        raise WrongSetting("topic_unclear")
    return secret


def _is_webhook_secret(secret: SecretStr) -> SecretStr:
    as_wrong_setting(secret_bytes)(secret.get_secret_value())
    return secret


def _is_header(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]+", secret.get_secret_value()):
        raise WrongSetting("setting_not_one_line")
    return secret


_Receiver = Annotated[SecretStr, AfterValidator(_is_receiver)]


class NotifySettings(Section):
    """Roads besides mail, by which whoever keeps this machine is told what happens and what is wrong."""

    slack_url: _Receiver | None = Field(
        default=None,
        description="An incoming webhook of Slack, or of a service that understands the same (Mattermost).",
        examples=["https://hooks.slack.com/services/..."],
    )
    ntfy_url: Annotated[_Receiver, AfterValidator(_is_topic)] | None = Field(
        default=None,
        description="A topic of ntfy, whose name nobody guesses.",
        examples=["https://ntfy.sh/a-long-secret-name"],
    )
    ntfy_token: Annotated[SecretStr, AfterValidator(_is_header)] | None = Field(
        default=None, description="The access token of that topic, if it has one.", examples=["tk_..."]
    )
    webhook_url: _Receiver | None = Field(
        default=None,
        description="A receiver of Standard Webhooks; needs webhook_secret.",
        examples=["https://example.org/hooks/capsule"],
    )
    webhook_secret: Annotated[SecretStr, AfterValidator(_is_webhook_secret)] | None = Field(
        default=None,
        description="What its messages are signed with: whsec_ and 24 to 64 bytes in Base64 behind it.",
        examples=["whsec_cHV0LXlvdXItb3duLXNlY3JldC1oZXJl"],
    )
    gather_minutes: Whole = Field(
        default=60,
        ge=0,
        le=1440,
        description="So long a new story waits for others, to be told with them.",
    )
    titles: bool = Field(
        default=True,
        description="Whether the titles of the admin's own capsules are told; of others, never more than the id.",
    )

    @model_validator(mode="after")
    def _webhook_is_whole(self) -> NotifySettings:
        if (self.webhook_url is None) != (self.webhook_secret is None):
            missing = "webhook_secret" if self.webhook_secret is None else "webhook_url"
            raise WrongSetting("webhook_not_whole", missing=f"notify.{missing}")
        return self

    @property
    def roads(self) -> tuple[Road, ...]:
        """The roads that are set."""
        receivers = {Road.SLACK: self.slack_url, Road.NTFY: self.ntfy_url, Road.WEBHOOK: self.webhook_url}
        return tuple(road for road, receiver in receivers.items() if receiver)
