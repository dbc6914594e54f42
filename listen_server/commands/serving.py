"""The options of `serve`, for all that look at the same server: serve, check-config, doctor."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from listen_server.commands.options import (
    AdminHost,
    AdminPort,
    ConfigFile,
    DataDir,
    Host,
    Open,
    Port,
    TlsCert,
    TlsKey,
    Workers,
)
from listen_server.commands.sharing import with_options_of
from listen_server.settings import Settings, load_settings
from listen_server.startup import STARTUP


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for on the command line."""

    config: Path | None
    options: Mapping[str, object]

    def settings(self) -> Settings:
        """Read all settings, and judge them as at a start. Raises ConfigError."""
        return load_settings(self.config, also=STARTUP, **self.options)


def read_asked(  # noqa: PLR0913 - every parameter is an option of a command
    *,
    config: ConfigFile = None,
    host: Host = None,
    port: Port = None,
    admin_host: AdminHost = None,
    admin_port: AdminPort = None,
    data_dir: DataDir = None,
    open_: Open = False,
    workers: Workers = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> Asked:
    """Take the options together."""
    options = {
        "host": host,
        "port": port,
        "admin_host": admin_host,
        "admin_port": admin_port,
        "data_dir": data_dir,
        "open": open_ or None,
        "workers": workers,
        "tls_cert": tls_cert,
        "tls_key": tls_key,
    }
    return Asked(config, options)


of_server: Final = with_options_of(read_asked, "asked")
"""Gives a command those options, and what they come to as `asked`."""
