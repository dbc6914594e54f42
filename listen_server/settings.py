"""Every setting of the server, with its one line of documentation.

sources.py reads the environment and the TOML file; app.py hands the result down.
"""

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from listen_codecs.formats import AudioFormat, Mix
from listen_server.contradictions import Check, contradictions
from listen_server.errors import ConfigError
from listen_server.faults import Place, told
from listen_server.live.config import ApplicationSettings, JambonzAccount
from listen_server.sources import PREFIX, Sources, without
from listen_server.values import (
    AudioUrl,
    CollectorUrl,
    File,
    Host,
    Networks,
    Port,
    Rate,
    Seconds,
    Typed,
    WebUrl,
    lower,
    names_or_any,
)
from listen_server.voicemail.config import VoicemailSettings
from listen_sinks.api import WhenFull
from listen_sinks.mail.config import MailSettings
from listen_sinks.webhook.config import WebhookSettings

SUBPROTOCOLS = ("audio.jambonz.org", "audio.drachtio.org")
_INSIDE: Final = 3  # parts of the name of a setting inside a table of a table


class RouteSettings(Typed):
    """What happens to the streams of one route."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    sinks: tuple[str, ...] = ("recording",)
    """Names of the sinks that get the audio."""
    sample_rate: Rate = 8000
    """Rate in Hz to assume where the metadata names none."""
    mix: Mix = "mono"
    """Mix to assume where the metadata names none."""
    max_duration: Seconds = 4 * 3600.0
    """Seconds after which a stream is closed."""
    end_on_silence: Annotated[float, Field(ge=0, le=3600)] | None = None
    """Seconds of silence that end the listen verb; metadata `end_on_silence` overrides it."""
    silence: Literal["level", "voice"] = "level"
    """What is silence: audio below `silence_dbfs`, or audio in which nobody speaks."""

    @property
    def default_format(self) -> AudioFormat:
        """The format to assume where the metadata names none."""
        return AudioFormat(self.sample_rate, self.mix)


class SinkSettings(Typed):
    """What the server does around a sink; all other keys of its table are the sink's own."""

    model_config = ConfigDict(frozen=True, extra="allow", use_attribute_docstrings=True)

    kind: str | None = None
    """Entry point of the plugin; the name of the table if absent."""
    queue_seconds: Seconds | None = None
    """Seconds of audio that may wait for the sink."""
    when_full: WhenFull | None = None
    """What a full queue does: `drop_oldest` or `fail`."""
    timeout: Seconds | None = None
    """Seconds that a method of the sink may take."""
    finish_timeout: Seconds | None = None
    """Seconds that the sink may take to finish."""

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Leave out what is the sink's own: it may be a secret."""
        return ((name, getattr(self, name)) for name in type(self).model_fields)


_RECORD_ROUTES = ("/listen", "/record/{vendor}", "/api/v1/record/{vendor}")


class Settings(Typed, BaseSettings):
    """The whole configuration, read once at start and then never changed."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        use_attribute_docstrings=True,
    )

    host: Host = "127.0.0.1"
    """Address to listen on for audio."""
    port: Port = 8080
    """Port to listen on for audio; 0 takes a free one."""
    admin_host: Host = "127.0.0.1"
    """Address of the admin port."""
    admin_port: Port | None = None
    """Port for /livez, /readyz and /metrics; none without it."""
    data_dir: File = Path("data")
    """Directory of everything that the server keeps."""
    open: bool = False
    """Take streams without a credential; on a loopback address only. Where no credential was ever
    made, a loopback address takes them anyway, and says so."""
    subprotocol: Annotated[Literal["any"] | tuple[str, ...], BeforeValidator(names_or_any)] = (
        SUBPROTOCOLS
    )
    """Websocket subprotocols that are accepted; "any" takes all comers."""
    tick: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Seconds between two reads of a stream: more is cheaper, less is sooner."""
    metadata_timeout: Seconds = 3.0
    """Seconds that audio waits for a first text frame that does not come."""
    silence_dbfs: Annotated[float, Field(ge=-90, le=0)] = -50.0
    """Level below which audio is silence, in dBFS."""
    max_message: Annotated[int, Field(ge=1_280_000, le=16_777_216)] = 2 * 1024 * 1024
    """Largest websocket message in bytes; jambonz sends at most 1.28 MB."""
    ping_interval: Seconds = 20.0
    """Seconds between two pings to each peer."""
    ping_timeout: Seconds = 20.0
    """Seconds that a peer may take to answer one."""
    handshake_timeout: Seconds = 10.0
    """Seconds that a connection may take to send its request."""
    fast_receive: bool = True
    """Read binary frames with our own websocket class; false takes uvicorn's."""
    max_streams: Annotated[int, Field(ge=1)] = 3000
    """Streams at once in one process; a further one is refused."""
    max_streams_per_tenant: Annotated[int, Field(ge=1)] | None = None
    """Streams at once of one tenant in one process."""
    min_free_disk: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """Free part of the data disk below which new calls are refused."""
    drain_deadline: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 14_400.0
    """Seconds that live calls may go on after SIGTERM."""
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Processes that share the port."""
    tls_cert: File | None = None
    """Certificate chain in PEM, read again when it changes."""
    tls_key: File | None = None
    """Private key of the certificate."""
    behind_tls_proxy: bool = False
    """A proxy in front speaks TLS: plain http is fine beyond loopback."""
    trusted_proxies: Networks = ()
    """Addresses of proxies whose X-Forwarded-For names the real peer."""
    public_audio_url: AudioUrl | None = None
    """Address under which jambonz reaches this server, such as wss://audio.example.com."""
    public_web_url: WebUrl | None = None
    """Address under which jambonz reaches the hooks, such as https://app.example.com."""
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(lower)] = (
        "info"
    )
    """How much is logged."""
    log_format: Literal["auto", "json", "text"] = "auto"
    """JSON lines or text; auto is text on a terminal."""
    otlp_endpoint: CollectorUrl | None = None
    """OpenTelemetry collector for traces, such as http://localhost:4318; needs the extra
    `telemetry`."""
    routes: Mapping[str, RouteSettings] = Field(
        default_factory=lambda: {path: RouteSettings() for path in _RECORD_ROUTES}
    )
    """Routes by path prefix, such as "/listen" or "/record/{vendor}"."""
    sinks: Mapping[str, SinkSettings] = Field(default_factory=dict)
    """Sinks by name, where one needs settings of its own."""
    webhooks: Mapping[str, WebhookSettings] = Field(default_factory=dict)
    """Services that are told of events, by name."""
    mail: MailSettings | None = None
    """The mail server that tells owners of mailboxes of their messages; nobody is told without."""
    applications: Mapping[str, ApplicationSettings] = Field(default_factory=dict)
    """Applications for jambonz that are served here, by path, such as "/desk"."""
    voicemail: VoicemailSettings = Field(default_factory=VoicemailSettings)
    """The voicemail that callers hear: an application for jambonz, served where a route has a
    voicemail sink."""
    jambonz: Mapping[str, JambonzAccount] = Field(default_factory=dict)
    """REST API of jambonz accounts, by tenant: for commands to calls without an application
    socket here."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what is given and nothing else: `load_settings` asks the environment."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @property
    def loopback(self) -> bool:
        """Whether the audio address can be reached from this machine alone."""
        return _is_loopback(self.host)

    @property
    def human_logs(self) -> bool | None:
        """Whether logs are for people; None leaves it to whether standard error is a terminal."""
        return None if self.log_format == "auto" else self.log_format == "text"

    @property
    def sink_names(self) -> list[str]:
        """Every sink that a route uses or a table configures."""
        used = (name for route in self.routes.values() for name in route.sinks)
        return list(dict.fromkeys([*used, *self.sinks]))


_WHOLE: Final[Mapping[str, type[BaseModel]]] = {
    "webhooks": WebhookSettings,
    "applications": ApplicationSettings,
    "jambonz": JambonzAccount,
}
"""Tables of tables that have keys which must be given, and secrets among them."""
_OWN: Final[Mapping[str, type[BaseModel]]] = {
    "voicemail": VoicemailSettings,
    "mail": MailSettings,
}
"""Tables with secrets among their keys."""
_NEEDY: Final = ("mail",)
"""Those of them that have keys which must be given."""


def load_settings(
    file: Path | None = None, *, also: Sequence[Check] = (), **command_line: object
) -> Settings:
    """Read command line, environment and file, the first that has a setting decides.

    Raises ConfigError with every fault at once, those that the checks in `also` find included.
    """
    sources = Sources(Settings, file, command_line)
    faults, values, wrong = [*sources.faults], sources.merged(), set[str]()
    paths: list[list[str]] = []
    try:
        settings = Settings(**values)
    except ValidationError as error:
        for detail in error.errors():
            loc = [str(part) for part in detail["loc"]]
            wrong |= {".".join(loc), loc[0] if len(loc) < _INSIDE else ""}
            faults.append(_told(detail, sources.place))
            depth = {**dict.fromkeys(_WHOLE, 2), **dict.fromkeys(_NEEDY, 1)}.get(loc[0])
            paths.append(loc[:depth])  # what is left would lack a key
        settings = Settings(**without(values, paths))
    for check in (contradictions, *also):
        faults += [says for names, says in check(settings, sources.place) if not names & wrong]
    if faults:
        raise ConfigError(*faults)
    return settings


def _told(detail: ErrorDetails, place: Place) -> str:
    table = str(detail["loc"][0])
    if table in _OWN or (len(detail["loc"]) > 1 and table in _WHOLE):  # a value may be a secret
        inner = detail.copy()
        inner["loc"] = detail["loc"][1:]
        known = {**_WHOLE, **_OWN}[table].model_fields
        return told(inner, known=known, place=place, under=(table,))
    models: dict[str, type[BaseModel]] = {"routes": RouteSettings, "sinks": SinkSettings}
    inside = len(detail["loc"]) > 1
    model = models.get(str(detail["loc"][0]), Settings) if inside else Settings
    return told(detail, known=model.model_fields, place=place)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
