"""Every setting of the server, with its one line of documentation.

The only room that reads the environment and the TOML file; app.py hands the result down.
"""

import ipaddress
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from listen_codecs.formats import SAMPLE_RATES, AudioFormat, Mix
from listen_server.contradictions import contradictions
from listen_server.errors import ConfigError
from listen_server.faults import meant, told
from listen_sinks.api import WhenFull

SUBPROTOCOLS = ("audio.jambonz.org", "audio.drachtio.org")
PREFIX = "LISTEN_"
_NEARLY: Final = 0.75  # alike, for a variable to be a setting misspelt: others use the prefix too


def _known_rate(rate: int) -> int:
    if rate not in SAMPLE_RATES:
        raise ValueError(f"jambonz sends one of {', '.join(map(str, SAMPLE_RATES))}")
    return rate


def _names(value: object) -> object:
    """Take one name, or several with commas between them, for a list of names."""
    if isinstance(value, str) and value != "any":
        value = value.split(",")
    if value == "any" or (isinstance(value, list | tuple) and all(value) and value):
        return value
    raise ValueError('a list of names is asked for, or "any"')


def _audio_url(url: str) -> str:
    if not re.match("wss?://[^/@]", url):
        raise ValueError("it must begin with wss:// (or ws://) and a host")
    return url


Rate = Annotated[int, AfterValidator(_known_rate)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class RouteSettings(BaseModel):
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

    @property
    def default_format(self) -> AudioFormat:
        """The format to assume where the metadata names none."""
        return AudioFormat(self.sample_rate, self.mix)


class SinkSettings(BaseModel):
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


class Settings(BaseSettings):
    """The whole configuration, read once at start and then never changed."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        use_attribute_docstrings=True,
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
    """Take streams without a credential; on a loopback address only. Where no credential was ever
    made, a loopback address takes them anyway, and says so."""
    subprotocol: Annotated[Literal["any"] | tuple[str, ...], BeforeValidator(_names)] = SUBPROTOCOLS
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
    tls_cert: Path | None = None
    """Certificate chain in PEM, read again when it changes."""
    tls_key: Path | None = None
    """Private key of the certificate."""
    behind_tls_proxy: bool = False
    """A proxy in front speaks TLS: plain http is fine beyond loopback."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses of proxies whose X-Forwarded-For names the real peer."""
    public_audio_url: Annotated[str, AfterValidator(_audio_url)] | None = None
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


def load_settings(file: Path | None = None, **command_line: object) -> Settings:
    """Read command line, environment and file, the first that has a setting decides.

    Raises ConfigError with every fault at once.
    """
    file = file or (Path(path) if (path := os.environ.get(f"{PREFIX}CONFIG")) else None)
    given = {name: value for name, value in command_line.items() if value is not None}
    values = _merge(_read_toml(file) if file else {}, _Environment(Settings)())
    values = _merge(values, given)
    faults = list(_misspelt_variables())
    wrong: set[str] = set()
    try:
        settings = Settings(**values)
    except ValidationError as error:
        wrong = {str(detail["loc"][0]) for detail in error.errors()}
        faults += [_told(detail, file, given) for detail in error.errors()]
        settings = Settings(**{name: values[name] for name in values if name not in wrong})
    faults += [says for names, says in contradictions(settings) if wrong.isdisjoint(names)]
    if faults:
        raise ConfigError(*faults)
    return settings


class _Environment(EnvSettingsSource):
    """The environment. What should be JSON and is not is handed on, to be told with the rest."""

    def prepare_field_value(
        self,
        field_name: str,
        field: FieldInfo,
        value: Any,
        value_is_complex: bool,  # noqa: FBT001 - the one it overrides has it so
    ) -> Any:
        """Read a value as JSON where its setting is no plain one."""
        try:
            return super().prepare_field_value(field_name, field, value, value_is_complex)
        except ValueError:
            return value


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**below, **above}
    for name in below.keys() & above.keys():
        if isinstance(below[name], Mapping) and isinstance(above[name], Mapping):
            merged[name] = _merge(below[name], above[name])
    return merged


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(
            f"cannot read {file} ({os.strerror(error.errno or 0)}): name another with --config"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not TOML: {error}") from None


def _misspelt_variables() -> Iterator[str]:
    known = [name.upper() for name in (*Settings.model_fields, "config")]
    for variable in sorted(os.environ):
        name = variable.upper().removeprefix(PREFIX).partition("__")[0]
        if not variable.upper().startswith(PREFIX) or name in known:
            continue
        if hint := meant(name, known, alike=_NEARLY, prefix=PREFIX):
            yield f"`{variable}` in the environment is not a setting: {hint}"


def _told(detail: ErrorDetails, file: Path | None, given: Mapping[str, object]) -> str:
    top = str(detail["loc"][0])
    places = [f"--{top.replace('_', '-')}"] if top in given else []
    places += [f"{PREFIX}{top.upper()} in the environment"]
    places += [f"`{top}` in {file}"] if file else []
    model: type[BaseModel] = RouteSettings if top == "routes" else Settings
    return told(detail, known=model.model_fields, where=" or ".join(places))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
