"""Settings become a running server: app.py makes the parts, server/ has the sockets."""

import sys
from functools import partial
from pathlib import Path

import structlog

from listen_server.app import App
from listen_server.logs import set_up_logs
from listen_server.server.drain import Drain
from listen_server.server.options import ServerOptions
from listen_server.server.reports import (
    CertificateExpired,
    CertificateLoaded,
    CertificateRejected,
    DrainBegan,
    DrainEnded,
    HandshakeTimedOut,
    Report,
    RequestRefused,
    WorkerStarted,
    WorkerStopped,
)
from listen_server.server.serving import serve
from listen_server.server.sockets import Bound, Sockets
from listen_server.server.workers import supervise
from listen_server.settings import Settings
from listen_server.telemetry import Telemetry

log = structlog.get_logger(__name__)


def run_server(settings: Settings) -> None:
    """Serve until a signal, and until the last call after it has ended."""
    if settings.workers == 1:
        serve_here(settings)
        return
    App(settings)  # what is wrong is said once, before there are processes
    status = supervise(
        partial(serve_here, settings),
        options_of(settings),
        admin=settings.admin_port is not None,
        metrics_dir=metrics_dir(settings),
        run_dir=run_dir(settings),
        on_ready=lambda bound: announce(settings, bound),
        report=Reports(),
    )
    if status:
        sys.exit(status)


def serve_here(settings: Settings, sockets: Sockets | None = None) -> None:
    """Serve in this process: alone, or as a worker on sockets that it was given."""
    if sockets is not None:
        set_up_logs(level=settings.log_level, human=settings.human_logs, in_thread=True)
    app = App(settings) if sockets is None else _worker(settings)
    serve(
        app.asgi,
        app.admin if settings.admin_port is not None else None,
        options_of(settings),
        drain=drain_of(app),
        sockets=sockets,
        on_bound=lambda bound: announce(settings, bound) if sockets is None else None,
        report=Reports(app.telemetry),
    )


def metrics_dir(settings: Settings) -> Path:
    """Return where workers keep what they count, so that any of them can tell all."""
    return settings.data_dir / "metrics"


def run_dir(settings: Settings) -> Path:
    """Return where workers find each other, so that any of them can command all calls."""
    return settings.data_dir / "run"


def _worker(settings: Settings) -> App:
    return App(settings, multiprocess_dir=metrics_dir(settings), run_dir=run_dir(settings))


def drain_of(app: App) -> Drain:
    """Tie the server's end to the application's calls."""
    drain = Drain(lambda: app.busy)
    app.health.draining = lambda: not drain.accepting
    app.leaves(drain)
    return drain


def options_of(settings: Settings) -> ServerOptions:
    """Return what the sockets need to know of the settings."""
    return ServerOptions(
        host=settings.host,
        port=settings.port,
        admin_host=settings.admin_host,
        admin_port=settings.admin_port or 0,
        tls_cert=settings.tls_cert,
        tls_key=settings.tls_key,
        trusted_proxies=settings.trusted_proxies,
        handshake_timeout=settings.handshake_timeout,
        max_message_bytes=settings.max_message,
        ping_interval=settings.ping_interval,
        ping_timeout=settings.ping_timeout,
        fast_receive=settings.fast_receive,
        drain_deadline=settings.drain_deadline,
        workers=settings.workers,
    )


def announce(settings: Settings, bound: Bound) -> None:
    """Say where the server is, once it takes calls."""
    scheme = "wss" if settings.tls_cert else "ws"
    host = f"[{bound.host}]" if ":" in bound.host else bound.host
    log.info(
        "ready",
        audio=f"{scheme}://{host}:{bound.port}",
        admin_port=bound.admin_port,
        routes=list(settings.routes),
        data_dir=str(settings.data_dir.absolute()),
    )


class Reports:
    """What happens to the server itself, into metrics and logs."""

    def __init__(self, telemetry: Telemetry | None = None) -> None:
        self._telemetry = telemetry or Telemetry()

    def __call__(self, report: Report) -> None:
        """Take one report."""
        match report:
            case HandshakeTimedOut(client=client):
                self._telemetry.refuse("handshake timeout", address=client)
            case RequestRefused(reason=reason, client=client, says=says):
                details = {"says": says} if says else {"address": client}
                self._telemetry.refuse(reason, **details)
            case CertificateExpired(expired=expired):
                log.error(
                    "certificate expired: jambonz refuses it",
                    expired=expired.isoformat(),
                    hint="renew it; the files are read again without a restart",
                )
            case CertificateLoaded(expires=expires):
                self._telemetry.certificate_expiry.set(expires.timestamp())
                log.info("certificate loaded", expires=expires.isoformat())
            case CertificateRejected(reason=reason):
                log.error("certificate unusable: the one before stays", reason=reason)
            case DrainBegan(live=live, deadline=deadline):
                fix = {"hint": "they may end; a second signal cuts them"} if live else {}
                log.info("draining: no new calls", live=live, deadline=deadline, **fix)
            case DrainEnded(live=live):
                log.info("stopping", cut=live)
            case WorkerStarted(number=number, pid=pid):
                log.info("worker started", number=number, pid=pid)
            case WorkerStopped(number=number, pid=pid, exit_code=code, restart_in=delay):
                say = log.warning if code else log.info
                say("worker stopped", number=number, pid=pid, exit_code=code, restart_in=delay)
