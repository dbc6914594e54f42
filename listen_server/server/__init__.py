"""The server: uvicorn with protocol classes of ours, its ports, its certificate, its end.

`serve` runs an ASGI application (app.py makes ours) until a signal and its last call have
ended; `running` does the same inside a loop that runs already; `supervise` in many processes.
"""

from listen_server.server.drain import Drain, DrainState
from listen_server.server.options import ServerOptions
from listen_server.server.reports import Report, Reporter
from listen_server.server.serving import running, serve
from listen_server.server.sockets import Bound, Sockets
from listen_server.server.websocket import ListenWebSocketProtocol
from listen_server.server.workers import supervise

__all__ = [
    "Bound",
    "Drain",
    "DrainState",
    "ListenWebSocketProtocol",
    "Report",
    "Reporter",
    "ServerOptions",
    "Sockets",
    "running",
    "serve",
    "supervise",
]
