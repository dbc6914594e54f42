"""A stranger's package with a sink in it, installed beside the ones that are there."""

from pathlib import Path


def install_plugin(site: Path, name: str, source: str, plugin_class: str) -> Path:
    """Write a module and its entry point; `site` belongs on PYTHONPATH."""
    about = site / f"{name}-1.dist-info"
    about.mkdir(parents=True)
    (site / f"{name}_sink.py").write_text(source)
    (about / "METADATA").write_text(f"Name: {name}\nVersion: 1\n")
    entry = f"[listen_server.sinks]\n{name} = {name}_sink:{plugin_class}\n"
    (about / "entry_points.txt").write_text(entry)
    return site
