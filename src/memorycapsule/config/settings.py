"""All settings: their types, their checks, and what is derived from them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

import platformdirs
from pydantic import AfterValidator, Field, PrivateAttr, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from memorycapsule.config.sections import (
    BackupSettings,
    DaemonSettings,
    FilmSettings,
    Folder,
    MailSettings,
    MediaSettings,
    MetricsSettings,
    NotifySettings,
    S3Settings,
    Section,
    SmtpSettings,
    UploadsSettings,
    Whole,
    WrongSetting,
    as_wrong_setting,
)
from memorycapsule.domain.people import checked_address
from memorycapsule.domain.zones import zone as zone_named
from memorycapsule.errors import UsageProblem
from memorycapsule.words.languages import DEFAULT, Language, languages

APPLICATION = "memory-capsule"
#: With a name by Amazon's rules, and with folders that need no quoting.
_BUCKET_URL = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*")


def checked_blobs_url(url: str) -> str:
    """Return `url` when it names a folder or a bucket for stored files. Raises UsageProblem."""
    is_folder = url.startswith("file:///") and url != "file:///" and url.isprintable()
    if not is_folder and not _BUCKET_URL.fullmatch(url):
        raise UsageProblem("blobs_url_unclear")
    return url


def checked_store_url(url: str) -> str:
    """Return the URL of a database if it is one that the store can open. Raises UsageProblem."""
    if url.startswith("sqlite:///") and ":memory:" not in url and url != "sqlite:///":
        return url
    if url.startswith("postgresql+psycopg://"):
        return url
    if url.startswith(("postgres://", "postgresql://")):
        raise UsageProblem("store_url_without_driver")
    raise UsageProblem("store_url_unclear")


class Settings(BaseSettings):
    """
    Every setting. `memorycapsule.config.load` reads them.

    Made directly, the class reads nothing from outside, and needs `data_dir` and `key_file`.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    data_dir: Folder = Field(
        description="Folder of the database, sealed photos, films and the mailbox.",
        examples=["~/.local/share/memory-capsule"],
    )
    key_file: Folder = Field(
        description="The instance key; never inside data_dir. Unset: instance.key beside this file.",
        examples=["~/.config/memory-capsule/instance.key"],
    )
    store_url: Annotated[str, AfterValidator(as_wrong_setting(checked_store_url))] = Field(
        default_factory=lambda values: f"sqlite:///{values['data_dir']}/capsule.db",
        repr=False,
        description="The database; unset: a SQLite file in data_dir.",
        examples=["postgresql+psycopg://capsule@localhost/capsule"],
    )
    store_connections: Whole = Field(
        default=0,
        ge=0,
        le=1000,
        description="Connections to the database at most; 0: as many as there are threads that need one.",
    )
    cluster: bool = Field(
        default=False,
        description="Whether several machines share the database, which must be Postgres, and the stored files.",
    )
    blobs_url: Annotated[str, AfterValidator(as_wrong_setting(checked_blobs_url))] | None = Field(
        default=None,
        description="Where stored files lie, a folder or a bucket; unset: blobs/ in data_dir.",
        examples=["s3://family/capsule"],
    )
    public_url: str | None = Field(
        default=None,
        description="The address in mailed links, as guests reach it; may have a path.",
        examples=["https://photos.example.org/capsule"],
    )
    ca_file: Folder | None = Field(
        default=None,
        description="Certificates to trust besides the usual ones, where this program asks other servers over https.",
        examples=["/etc/ssl/my-ca.pem"],
    )
    zone: Annotated[str, AfterValidator(as_wrong_setting(zone_named))] = Field(
        default="UTC",
        description="Time zone of dates given without one; unset: this machine's.",
        examples=["Asia/Seoul"],
    )
    locale: Language = Field(
        default=DEFAULT,
        description=f"Language of people whose own is not known, {' or '.join(languages())}; unset: this machine's.",
        examples=["ko"],
    )
    log_format: Literal["auto", "json", "pretty"] = Field(
        default="auto", description="json, pretty, or auto: pretty on a terminal."
    )
    daemon: DaemonSettings = DaemonSettings()
    metrics: MetricsSettings = MetricsSettings()
    mail: MailSettings = MailSettings()
    smtp: SmtpSettings = SmtpSettings()
    notify: NotifySettings = NotifySettings()
    s3: S3Settings = S3Settings()
    film: FilmSettings = FilmSettings()
    media: MediaSettings = MediaSettings()
    uploads: UploadsSettings = UploadsSettings()
    backup: BackupSettings = BackupSettings()

    _config_file: Path | None = PrivateAttr(default=None)
    _origins: Mapping[str, str] = PrivateAttr(default_factory=dict)

    SECRETS: ClassVar[frozenset[str]] = frozenset(
        {
            "metrics.token",
            "smtp.password",
            "s3.secret_access_key",
            "notify.slack_url",
            "notify.ntfy_url",
            "notify.ntfy_token",
            "notify.webhook_url",
            "notify.webhook_secret",
        }
    )
    #: What names somebody or their accounts: no file that everybody may read holds it.
    PERSONAL: ClassVar[frozenset[str]] = frozenset(
        {"mail.sender_address", "mail.sender_name", "s3.access_key_id", "smtp.username"}
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic-settings'
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read no source by default: `load` passes its own ones."""
        return (init_settings,)

    @field_validator("public_url")
    @classmethod
    def _public_url_is_whole(cls, url: str | None) -> str | None:
        if url is None:
            return None
        try:
            parts = urlsplit(url.strip())
            is_whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
            # The path goes into cookies and redirects, which have no way to quote it.
            is_whole = is_whole and _PATH.fullmatch(parts.path.rstrip("/")) is not None
        except ValueError:
            is_whole = False
        if not is_whole or parts.query or parts.fragment or parts.username or not url.strip().isprintable():
            raise WrongSetting("public_url_unclear")
        return url.strip().rstrip("/")

    @model_validator(mode="after")
    def _key_is_elsewhere(self) -> Settings:
        if self.key_file.resolve().is_relative_to(self.data_dir.resolve()):
            raise WrongSetting("key_in_data_folder", key_file=self.key_file, data_dir=self.data_dir)
        return self

    @model_validator(mode="after")
    def _cluster_shares_everything(self) -> Settings:
        if self.cluster and self.is_sqlite:
            raise WrongSetting("cluster_on_sqlite")
        if self.cluster and not self.mail_is_real:
            raise WrongSetting("cluster_without_smtp")
        return self

    def note_sources(self, *, config_file: Path | None, origins: Mapping[str, str]) -> None:
        """Keep which config.toml was read, and where each value comes from, by dotted name."""
        self._config_file = config_file
        self._origins = MappingProxyType(dict(origins))

    @property
    def config_file(self) -> Path | None:
        """The config.toml that was read, or the one that `capsule init` would write; None when made directly."""
        return self._config_file

    @property
    def origins(self) -> Mapping[str, str]:
        """The origin of each value, by dotted name: "smtp.host" -> "environment CAPSULE_SMTP__HOST"."""
        return self._origins

    @property
    def is_sqlite(self) -> bool:
        return self.store_url.startswith("sqlite:")

    @property
    def database_path(self) -> Path | None:
        """The SQLite file, a relative one inside `data_dir`; None with Postgres."""
        return self.data_dir / self.store_url.removeprefix("sqlite:///") if self.is_sqlite else None

    @property
    def database_url(self) -> str:
        """Where the database is: `store_url`, with the whole path of an SQLite file."""
        return f"sqlite:///{self.database_path}" if self.database_path else self.store_url

    @property
    def usual_database_path(self) -> Path:
        """The SQLite file that is used while `store_url` is unset."""
        return self.data_dir / "capsule.db"

    @property
    def used_blobs_url(self) -> str:
        """Where stored files lie: file:///folder, or s3://bucket/prefix."""
        return self.blobs_url or f"file://{self.data_dir / 'blobs'}"

    @property
    def blobs_lock(self) -> Path:
        """The file that is locked by whoever of this machine holds the stored files."""
        return self.data_dir / "blobs.lock"

    @property
    def mailbox_dir(self) -> Path:
        """The letters as .eml files, when there is no mail server; mode 0700, never in a backup."""
        return self.data_dir / "mailbox"

    @property
    def work_dir(self) -> Path:
        """Unfinished films and uploads; whatever lies here may be removed while nothing runs."""
        return self.data_dir / "work"

    @property
    def cache_dir(self) -> Path:
        """Finished segments of films, sealed while their capsule is; may be removed at any time."""
        return self.data_dir / "cache"

    @property
    def mail_is_real(self) -> bool:
        """Whether letters leave this machine."""
        return self.smtp.host is not None

    @property
    def sender_address(self) -> str:
        """The address that letters come from, derived when it is not set."""
        if self.mail.sender_address:
            return self.mail.sender_address
        try:
            return checked_address(self.smtp.username or "")
        except UsageProblem:
            host = urlsplit(self.public_base_url).hostname or "localhost"
            return f"capsule@{'localhost' if _is_loopback(host) or _is_number(host) else host}"

    @property
    def public_base_url(self) -> str:
        """What mailed links begin with, without a final slash; this machine's own address when unset."""
        return self.public_url or self.local_url(self.daemon.port)

    def local_url(self, port: int) -> str:
        """The daemon's address as seen from this machine, for the port it really got."""
        return _url_on_this_machine(self.daemon.host, port)

    def metrics_url(self, port: int) -> str:
        """Where the metrics are told as seen from this machine, for the port that their listener really got."""
        return f"{_url_on_this_machine(self.metrics.host, port)}/metrics"

    @property
    def public_url_is_loopback(self) -> bool:
        """Whether mailed links work on this machine only."""
        return _is_loopback(urlsplit(self.public_base_url).hostname or "")

    def shown(self) -> dict[str, str]:
        """Every value by its dotted name, as `capsule config show` may print it: secrets are masked."""
        return {key: self._shown_value(key) for key in fields()}

    def _shown_value(self, key: str) -> str:
        value: Any = self
        for name in key.split("."):
            value = getattr(value, name)
        if value is None:
            return ""
        if key == "store_url":
            return re.sub(r"(://[^:/@]*:|[?&]password=)[^@&]*", r"\1**********", self.store_url)
        return str(value)


def fields() -> dict[str, FieldInfo]:
    """Return every setting by its dotted name, in the order of the example file."""
    found: dict[str, FieldInfo] = {}
    for name, info in Settings.model_fields.items():
        section = info.annotation
        if isinstance(section, type) and issubclass(section, Section):
            found |= {f"{name}.{inner}": field for inner, field in section.model_fields.items()}
        else:
            found[name] = info
    return found


def sections() -> dict[str, str]:
    """Return the sections of the file with their sentences."""
    annotations = {name: info.annotation for name, info in Settings.model_fields.items()}
    return {
        name: section.__doc__ or ""
        for name, section in annotations.items()
        if isinstance(section, type) and issubclass(section, Section)
    }


def usual_data_dir() -> Path:
    return platformdirs.user_data_path(APPLICATION)


def _url_on_this_machine(host: str, port: int) -> str:
    # Whoever listens everywhere also listens on loopback.
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, never bound
    host = everywhere.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    if _is_number(host):
        address = ipaddress.ip_address(host)
        return address.is_loopback or address.is_unspecified
    return host == "localhost" or host.endswith(".localhost")
