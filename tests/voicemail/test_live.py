"""Calls that leave a message are on, and can be seen and commanded by their tenant alone."""

from pathlib import Path

from jambonz.peer import CALL, SID, Socket
from voicemail.machine import PATH, TENANT, machine

from listen_server.credentials import basic_header


async def test_a_call_over_the_websocket_is_its_tenants_to_command(tmp_path: Path) -> None:
    async with machine(tmp_path) as made:
        number, _ = await made.box()
        auth = basic_header(made.credential.credential.user, made.credential.secret)
        address = f"127.0.0.1:{made.server.port}{PATH}"
        socket = await Socket.open(address, additional_headers={"Authorization": auth})
        ack = await socket.ask("session:new", {**CALL, "to": number})

        (call,) = made.server.app.live.of(TENANT)
        others = made.server.app.live.of("globex"), made.server.app.live.find("globex", SID)
        await socket.close()

    assert [one["verb"] for one in ack["data"]] == ["tag", "gather", "listen", "say", "hangup"]
    assert call.call_sid == SID
    assert call.socket is not None
    assert others == ([], None)
