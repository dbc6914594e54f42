import asyncio

import pytest
from harness import until

from listen_sinks import shipping
from listen_sinks.shipping import Shipping


class Harbour:
    """Takes things, or refuses them as it is told."""

    def __init__(self) -> None:
        self.arrived: list[str] = []
        self.refused: set[str] = set()
        self.tries = 0
        self.at_once = self.most_at_once = 0

    async def take(self, thing: str) -> None:
        self.tries += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(0.001)
            if thing in self.refused:
                raise OSError("not today")
            self.arrived.append(thing)
        finally:
            self.at_once -= 1


@pytest.fixture
def harbour(monkeypatch: pytest.MonkeyPatch) -> Harbour:
    monkeypatch.setattr(shipping, "FIRST_DELAY", 0.001)
    return Harbour()


async def test_everything_arrives_a_few_at_a_time(harbour: Harbour) -> None:
    ships = Shipping(harbour.take, "thing", at_once=3)
    ships.start()
    ships.add(str(number) for number in range(50))
    await ships.close(10.0)

    assert sorted(harbour.arrived, key=int) == [str(number) for number in range(50)]
    assert harbour.most_at_once == 3
    assert (ships.waiting, ships.shipped, ships.failures) == (0, 50, 0)


async def test_what_is_refused_comes_again_until_it_is_taken(harbour: Harbour) -> None:
    harbour.refused = {"a", "b"}
    ships = Shipping(harbour.take, "thing", at_once=1)
    ships.start()
    ships.add(["a", "b"])
    await until(lambda: ships.failures >= 5)
    assert ships.waiting == 2

    harbour.refused = set()
    await until(lambda: not ships.waiting)
    assert sorted(harbour.arrived) == ["a", "b"]
    await ships.close(1.0)


async def test_one_that_is_refused_for_good_does_not_hold_up_the_others(harbour: Harbour) -> None:
    harbour.refused = {"bad"}
    ships = Shipping(harbour.take, "thing", at_once=1)
    ships.start()
    ships.add(["bad", *map(str, range(20))])

    await until(lambda: ships.shipped == 20)

    assert ships.waiting == 1
    await ships.close(0.01)


async def test_tries_become_rarer(harbour: Harbour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipping, "FIRST_DELAY", 0.05)
    harbour.refused = {"bad"}
    ships = Shipping(harbour.take, "thing", at_once=1)
    ships.start()
    ships.add(["bad"])
    await asyncio.sleep(0.5)
    assert harbour.tries <= 5
    await ships.close(0.0)


async def test_failing_is_told_but_not_every_time(
    harbour: Harbour, capfd: pytest.CaptureFixture[str]
) -> None:
    harbour.refused = {"bad"}
    ships = Shipping(harbour.take, "thing", at_once=1)
    ships.start()
    ships.add(["bad"])
    await until(lambda: ships.failures >= 7)
    harbour.refused = set()
    await until(lambda: not ships.waiting)
    await ships.close(1.0)

    said = capfd.readouterr().out
    assert said.count("cannot be shipped") == 3
    assert "not today" in said
    assert said.count("shipping again") == 1


async def test_a_stop_tries_once_more_what_was_waiting_for_its_next_try(
    harbour: Harbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipping, "FIRST_DELAY", 60.0)
    harbour.refused = {"a"}
    ships = Shipping(harbour.take, "thing", at_once=1)
    ships.start()
    ships.add(["a"])
    await until(lambda: ships.failures)
    harbour.refused = set()

    await ships.close(10.0)

    assert harbour.arrived == ["a"]


async def test_a_stop_does_not_wait_for_ever(
    harbour: Harbour, capfd: pytest.CaptureFixture[str]
) -> None:
    harbour.refused = {"a"}
    ships = Shipping(harbour.take, "thing", at_once=2)
    ships.start()
    ships.add(["a"])

    await ships.close(0.05)

    assert ships.waiting == 1
    assert "left for the next start" in capfd.readouterr().out
