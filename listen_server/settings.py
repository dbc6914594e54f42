"""Every setting of the server, with its one line of documentation.

The only room that reads the environment and the TOML file; app.py hands the result down.
"""

import difflib
import ipaddress
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from listen_codecs.formats import SAMPLE_RATES, AudioFormat, Mix
from listen_server.errors import ConfigError
from listen_server.routes import faults_of
from listen_sinks.api import WhenFull

SUBPROTOCOLS = ("audio.jambonz.org", "audio.drachtio.org")
PREFIX = "LISTEN_"


def _known_rate(rate: int) -> int:
    if rate not in SAMPLE_RATES:
        raise ValueError(f"jambonz sends one of {', '.join(map(str, SAMPLE_RATES))}")
    return rate


Rate = Annotated[int, AfterValidator(_known_rate)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class RouteSettings(BaseModel):
    """What happens to the streams of one route."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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

    @property
    def default_format(self) -> AudioFormat:
        """The format to assume where the metadata names none."""
        return AudioFormat(self.sample_rate, self.mix)


class SinkSettings(BaseModel):
    """What the server does around a sink; all other keys of its table are the sink's own."""

    model_config = ConfigDict(frozen=True, extra="allow")

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


_RECORD_ROUTES = ("/listen", "/record/{vendor}", "/api/v1/record/{vendor}")


class Settings(BaseSettings):
    """The whole configuration, read once at start and then never changed."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=PREFIX, env_nested_delimiter="__"
    )

    host: str = "127.0.0.1"
    """Address to listen on for audio."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """Port to listen on for audio; 0 takes a free one."""
    admin_host: str = "127.0.0.1"
    """Address of the admin port."""
    admin_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    """Port for /livez, /readyz and /metrics; none without it."""
    data_dir: Path = Path("data")
    """Directory of everything that the server keeps."""
    open: bool = False
    """Take streams without a credential; on a loopback address only."""
    subprotocol: Literal["any"] | tuple[str, ...] = SUBPROTOCOLS
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
    drain_deadline: Annotated[float, Field(ge=0)] = 14_400.0
    """Seconds that live calls may go on after SIGTERM."""
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Processes that share the port."""
    tls_cert: Path | None = None
    """Certificate chain in PEM, read again when it changes."""
    tls_key: Path | None = None
    """Private key of the certificate."""
    behind_tls_proxy: bool = False
    """A proxy in front speaks TLS: plain http is fine beyond loopback."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses of proxies whose X-Forwarded-For names the real peer."""
    public_audio_url: str | None = None
    """Address under which jambonz reaches this server, such as wss://audio.example.com."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """How much is logged."""
    log_format: Literal["auto", "json", "text"] = "auto"
    """JSON lines or text; auto is text on a terminal."""
    otlp_endpoint: str | None = None
    """OpenTelemetry collector for traces, such as http://localhost:4318; needs the extra
    `telemetry`."""
    routes: Mapping[str, RouteSettings] = Field(
        default_factory=lambda: {path: RouteSettings() for path in _RECORD_ROUTES}
    )
    """Routes by path prefix, such as "/listen" or "/record/{vendor}"."""
    sinks: Mapping[str, SinkSettings] = Field(default_factory=dict)
    """Sinks by name, where one needs settings of its own."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line, then environment, then TOML file."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

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


def load_settings(file: Path | None = None, **command_line: object) -> Settings:
    """Read command line, environment and file. Raises ConfigError with every fault at once."""
    file = file or (Path(path) if (path := os.environ.get(f"{PREFIX}CONFIG")) else None)
    if file is not None:
        _check_toml(file)

    class FromFile(Settings):
        model_config = SettingsConfigDict(toml_file=file)

    given = {name: value for name, value in command_line.items() if value is not None}
    try:
        settings = FromFile(**given)  # type: ignore[arg-type] # pydantic checks them
    except ValidationError as error:
        faults = (_sentence(detail, file) for detail in error.errors())
        raise ConfigError(*dict.fromkeys(faults)) from None
    except SettingsError as error:
        raise ConfigError(f"{error}: a nested setting in the environment is JSON") from None
    if contradictions := list(_contradictions(settings)):
        raise ConfigError(*contradictions)
    return Settings.model_construct(**dict(settings))  # without the file: workers get a copy


def _check_toml(file: Path) -> None:
    try:
        tomllib.loads(file.read_text())
    except OSError as error:
        raise ConfigError(
            f"cannot read {file} ({os.strerror(error.errno or 0)}): name another with --config"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not TOML: {error}") from None


def _sentence(detail: ErrorDetails, file: Path | None) -> str:
    """Say which setting is wrong, how, and where it can be put right."""
    path = [
        str(part)
        for part in detail["loc"]
        if not str(part).startswith(("function-", "tuple", "literal"))
    ]
    name = ".".join(path)
    places = [f"{PREFIX}{path[0].upper()} in the environment"] if path else []
    places += [f"`{path[0]}` in {file}"] if file and path else []
    where = " or ".join(places)
    if detail["type"] == "extra_forbidden":
        close = difflib.get_close_matches(path[-1], _names_at(path), n=1)
        hint = f"did you mean `{close[0]}`?" if close else f"remove it ({where})"
        return f"`{name}` is not a setting: {hint}"
    fault = detail["msg"].removeprefix("Value error, ")
    value = repr(detail["input"])
    return f"`{name}` is {value[:60]}, but: {fault[:1].lower()}{fault[1:]} (set it by {where})"


def _names_at(path: list[str]) -> list[str]:
    model: type[BaseModel] = RouteSettings if path[0] == "routes" and len(path) > 1 else Settings
    return list(model.model_fields)


def _contradictions(settings: Settings) -> Iterator[str]:
    """Yield what each setting alone does not show."""
    yield from faults_of(settings.routes)
    if settings.open and not settings.loopback:
        yield (
            f"`open` takes streams without a credential, so it needs a loopback address, not "
            f"{settings.host}: drop --open and add one with `listen-server credentials add`"
        )
    if (settings.tls_cert is None) != (settings.tls_key is None):
        yield "`tls_cert` and `tls_key` belong together: set both or none"
    for name, file in (("tls_cert", settings.tls_cert), ("tls_key", settings.tls_key)):
        if file is not None and not file.is_file():
            yield f"`{name}`: there is no file {file}"
    if not settings.loopback and settings.tls_cert is None and not settings.behind_tls_proxy:
        yield (
            f"calls would cross the network unencrypted on {settings.host}: set `tls_cert` and "
            "`tls_key`, or `behind_tls_proxy = true` where a proxy in front speaks TLS"
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
