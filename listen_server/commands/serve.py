"""`listen-server serve`: take calls until a signal says to stop."""

from listen_server.commands.serving import Asked, of_server
from listen_server.logs import set_up_logs
from listen_server.run import run_server


@of_server
def serve(*, asked: Asked) -> None:
    """Take calls.

    Without a configuration, streams to /listen, /listen/... and /record/VENDOR are recorded as
    WAV files under DIR/recordings. SIGTERM and Ctrl-C let live calls end; the second one does not.
    """
    settings = asked.settings()
    set_up_logs(level=settings.log_level, human=settings.human_logs, in_thread=True)
    run_server(settings)
