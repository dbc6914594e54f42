"""listen-server: the audio that jambonz forks out of phone calls, received and given to sinks."""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("listen-server")
