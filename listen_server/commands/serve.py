"""`listen-server serve`: take calls until a signal says to stop."""

from pathlib import Path
from typing import Annotated

import structlog
import typer

from listen_server.commands.options import ConfigFile, DataDir
from listen_server.logs import set_up_logs
from listen_server.run import run_server
from listen_server.settings import load_settings

log = structlog.get_logger(__name__)


def serve(  # noqa: PLR0913 - every parameter is an option of the command
    *,
    config: ConfigFile = None,
    host: Annotated[
        str | None, typer.Option(help="Address for audio (127.0.0.1).", show_default=False)
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port for audio (8080); 0 is any.", show_default=False)
    ] = None,
    admin_host: Annotated[
        str | None, typer.Option(help="Address for probes (127.0.0.1).", show_default=False)
    ] = None,
    admin_port: Annotated[
        int | None,
        typer.Option(help="Port for /livez, /readyz, /metrics (none).", show_default=False),
    ] = None,
    data_dir: DataDir = None,
    open_: Annotated[
        bool, typer.Option("--open", help="Ask for no credential; on a loopback address only.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(help="Processes on the port (1).", show_default=False)
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(help="Certificate chain, PEM.", show_default=False)
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(help="Its private key, PEM.", show_default=False)
    ] = None,
) -> None:
    """Take calls.

    Without a configuration, streams to /listen, /listen/... and /record/VENDOR are recorded as
    WAV files under DIR/recordings. SIGTERM and Ctrl-C let live calls end; the second one does not.
    """
    settings = load_settings(
        config,
        host=host,
        port=port,
        admin_host=admin_host,
        admin_port=admin_port,
        data_dir=data_dir,
        open=open_ or None,
        workers=workers,
        tls_cert=tls_cert,
        tls_key=tls_key,
    )
    set_up_logs(level=settings.log_level, human=settings.human_logs)
    run_server(settings)
