"""`listen-server serve`: take calls until a signal says to stop."""

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
from listen_server.logs import set_up_logs
from listen_server.run import run_server
from listen_server.settings import load_settings
from listen_server.startup import STARTUP


def serve(  # noqa: PLR0913 - every parameter is an option of the command
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
) -> None:
    """Take calls.

    Without a configuration, streams to /listen, /listen/... and /record/VENDOR are recorded as
    WAV files under DIR/recordings. SIGTERM and Ctrl-C let live calls end; the second one does not.
    """
    settings = load_settings(
        config,
        also=STARTUP,
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
