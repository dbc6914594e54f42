"""What the doctor says of webhooks, before an event has waited for days."""

import socket
from pathlib import Path

from harness import settings
from ports import held_port
from webhook_receiver import SECRET

from listen_server.checks import Finding
from listen_server.commands.doctor_webhooks import webhook_findings


def said(folder: Path, url: str, *networks: str) -> Finding:
    given = {"url": url, "secret": SECRET, "allow_networks": networks}
    (found,) = webhook_findings(settings(folder, webhooks={"crm": given}))
    return found


def test_a_webhook_inside_the_network_is_bad_until_its_network_is_allowed(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as service:
        port = service.getsockname()[1]
        url = f"http://127.0.0.1:{port}/canary-path"
        refused = said(tmp_path, url)
        fine = said(tmp_path, url, "127.0.0.0/8")

    where = f"webhook 'crm': 127.0.0.1, port {port}"
    inside = f"{where}: its address is inside the network: see allow_networks"
    assert refused == Finding("bad", inside)
    assert fine == Finding("ok", f"{where} takes connections; nothing was posted")


def test_a_service_that_is_away_is_no_fault_of_the_settings(tmp_path: Path) -> None:
    with held_port() as port:
        found = said(tmp_path, f"http://127.0.0.1:{port}/", "127.0.0.0/8")

    assert found.level == "warn"
    assert "nothing takes connections (Connection refused); events wait" in found.sentence


def test_a_name_without_an_address_is_told(tmp_path: Path) -> None:
    found = said(tmp_path, "https://crm.invalid/events")

    assert found.level == "warn"
    assert "crm.invalid, port 443: its name has no address" in found.sentence
