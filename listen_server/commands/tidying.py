"""`messages tidy`: one round of housekeeping by hand. A server does the same by itself."""

import typer
from rich.console import Console

from listen_server.commands.options import ConfigFile, DataDir
from listen_server.commands.voicemail import SinkName, run
from listen_sinks.voicemail.access import Access
from listen_sinks.voicemail.housekeeping import Round, Tidied


def tidy(*, sink: SinkName = None, config: ConfigFile = None, data_dir: DataDir = None) -> None:
    """Delete and erase what is old enough, and finish erasures. A server does so by itself.

    Run it after a database was restored from a backup, before anybody listens: what was erased
    since is erased again. The exit status is 1 if something could not be done.
    """
    with Console(stderr=True).status("beginning") as line:

        def tell(done: Tidied) -> None:
            objects = f": {done.objects} object(s) removed" if done.objects else ""
            line.update(f"{done.doing}{objects}")

        async def work(store: Access) -> Tidied:
            done = await Round(store.erasures, store.objects, tell).all()
            if not await store.database.scrub():  # after a rotation of keys, too
                done.unscrubbed = True
            return done

        done = run(work, config, data_dir, sink)
    for name, number in (
        ("erasures done again, that a backup had brought back", done.replayed),
        ("messages deleted by age; `undelete` takes them back", done.deleted),
        ("messages erased that were deleted long enough ago", done.erased),
        ("objects of erased messages removed from the store", done.objects),
    ):
        typer.echo(f"{number:6}  {name}")
    for sentence in _sentences(done):
        typer.echo(sentence, err=True)
    if done.failures or done.unscrubbed:
        raise typer.Exit(1)


def _sentences(done: Tidied) -> list[str]:
    told = [f"{failure}: run it again" for failure in done.failures]
    if done.unscrubbed:
        told.append(
            "erased keys may still be in the database's files, because somebody else read them "
            "all the time: run it again"
        )
    if done.doubtful:
        told.append(
            f"{done.doubtful} erasure(s) in the ledger were cut off by a crash before they were "
            "done, and were not asked for again"
        )
    return told
