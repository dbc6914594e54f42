import asyncio

from listen_sinks.transcript.api import Result
from listen_sinks.transcript.google.results import Results


def result(text: str, *, is_final: bool) -> Result:
    return Result(text, 0, 0.0, 1.0, is_final)


async def test_nobody_who_reads_slowly_gets_a_heap_of_interim_results() -> None:
    results = Results()
    for number in range(100):
        await results.put(result(f"interim {number}", is_final=False))
    await results.put(result("final", is_final=True))
    results.end()

    got = [one.text async for one in results]

    assert len(got) < 20
    assert got[-1] == "final"


async def test_final_results_wait_for_room_and_none_is_lost() -> None:
    results = Results()

    async def put() -> None:
        for number in range(1000):
            await results.put(result(str(number), is_final=True))
        results.end()

    putting = asyncio.create_task(put())
    got = [one.text async for one in results]
    await putting

    assert got == [str(number) for number in range(1000)]


async def test_who_waits_for_a_result_is_let_go_at_the_end() -> None:
    results = Results()

    async def read() -> list[Result]:
        return [one async for one in results]

    reading = asyncio.create_task(read())
    await asyncio.sleep(0)
    results.end()

    assert await reading == []
