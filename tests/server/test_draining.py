"""A signal costs no call: real processes, real signals."""

import signal

import pytest
from server.processes import program
from websockets.exceptions import ConnectionClosed, InvalidStatus


def test_a_call_goes_on_after_sigterm_and_the_next_one_is_told_to_come_back() -> None:
    with program() as server:
        port = server.says(r"bound (\d+)")[1]
        with server.call(port) as call:
            call.send(b"before")
            server.signal()
            server.says(r"DrainBegan\(live=1")
            with pytest.raises(InvalidStatus) as refused:
                server.call(port)
            call.send(b" and after")
        server.says(r"ended 16 1000")
        server.says(r"DrainEnded\(live=0\)")

        assert refused.value.response.status_code == 503
        assert refused.value.response.headers["retry-after"] == "5"
        assert server.exit_code() == 0


def test_at_the_deadline_calls_are_closed_with_1001_and_may_say_their_last_word() -> None:
    with program("drain_deadline=0") as server:
        with server.call(server.says(r"bound (\d+)")[1]) as call:
            call.send(b"audio")
            call.send("how much?")
            assert call.recv() == "5"
            server.signal()
            with pytest.raises(ConnectionClosed) as closed:
                call.recv()
        server.says(r"ended 5 1001")

        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
        assert server.exit_code() == 0


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_means_now(second: signal.Signals) -> None:
    with program() as server:
        with server.call(server.says(r"bound (\d+)")[1]) as call:
            server.signal()
            server.says(r"DrainBegan")
            server.signal(second)
            with pytest.raises(ConnectionClosed):
                call.recv()
        server.says(r"ended 0 1001")

        assert server.exit_code() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_without_calls_ends_at_once_with_exit_code_0(number: signal.Signals) -> None:
    with program() as server:
        server.says(r"bound")
        server.signal(number)

        assert server.exit_code() == 0


def test_sigterm_during_the_applications_start_is_honoured() -> None:
    with program("stuck") as server:
        server.says(r"starting")
        server.signal()

        assert server.exit_code() == 0
        assert not any("bound" in line for line in server.lines)
