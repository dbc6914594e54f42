"""A bucket on this machine, behind a link that can be cut or stuck, for the tests of stores."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import boto3
from moto.server import ThreadedMotoServer

_KEYS = {"access_key_id": "tests", "secret_access_key": "tests", "region": "us-east-1"}


class Link:
    """A TCP port in front of another: open, cut (refuses) or stuck (takes all, says nothing)."""

    def __init__(self, to: int) -> None:
        self.to = to
        """Where connections go that come from now on."""
        self.state: Literal["open", "cut", "stuck"] = "open"
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen on a port that nobody uses."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Cut everything."""
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        writers = [writer]
        try:
            if self.state == "cut":
                return
            out_reader, out_writer = await asyncio.open_connection("127.0.0.1", self.to)
            writers.append(out_writer)
            await asyncio.gather(self._pump(reader, out_writer), self._pump(out_reader, writer))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for one in writers:
                one.close()
                with contextlib.suppress(OSError):
                    await one.wait_closed()
            self._tasks.discard(task)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(2**16):
                while self.state == "stuck":  # noqa: ASYNC110 - a link has no event
                    await asyncio.sleep(0.01)
                if self.state == "cut":
                    break
                writer.write(data)
                await writer.drain()
        writer.close()


class Bucket:
    """An S3 bucket of moto's, reached through a link."""

    def __init__(self, name: str, link: Link, client: Any) -> None:
        self.name = name
        self.link = link
        self._client = client

    @property
    def config(self) -> dict[str, Any]:
        """What the table of a sink says of it."""
        endpoint = f"http://127.0.0.1:{self.link.port}"
        return {"store": f"s3://{self.name}", "store_options": {**_KEYS, "endpoint": endpoint}}

    async def names(self) -> set[str]:
        """Name every object in it."""
        return await asyncio.to_thread(self._names)

    def _names(self) -> set[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return {one["Key"] for page in pages for one in page.get("Contents", [])}

    async def download(self, folder: Path) -> None:
        """Write every object to a file of its name below a folder."""
        for name in await self.names():
            await asyncio.to_thread(self._download, name, folder / name)

    def _download(self, name: str, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._client.download_file(self.name, name, str(path))


@asynccontextmanager
async def bucket() -> AsyncIterator[Bucket]:
    """Make a bucket for as long as the block lasts."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    await asyncio.to_thread(server.start)
    _, port = await asyncio.to_thread(server.get_host_and_port)
    link = Link(port)
    await link.start()
    client = await asyncio.to_thread(_client, f"http://127.0.0.1:{port}")
    name = f"messages-{uuid.uuid4()}"  # moto keeps buckets while the process lives
    await asyncio.to_thread(client.create_bucket, Bucket=name)
    try:
        yield Bucket(name, link, client)
    finally:
        await link.stop()
        await asyncio.to_thread(server.stop)


def _client(endpoint: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id="tests",
        aws_secret_access_key="tests",  # noqa: S106 - it opens a bucket of this test alone
        region_name="us-east-1",
    )
