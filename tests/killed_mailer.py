"""Mails that a process of its own sends, for sinks/mail/test_delivery.py: somebody may kill it.

killed_mailer.py FOLDER PORT

Time goes by 50 times as fast for it, and it never writes down what has arrived.
"""

import asyncio
import sys
from pathlib import Path

from mail_receiver import MailReceiver
from outboxes import fast
from told_owners import Uncounted

from listen_sinks.api import SinkContext
from listen_sinks.mail.config import NAME
from listen_sinks.mail.mailer import Mailer
from listen_sinks.mail.reading import MailReader
from listen_sinks.mail.smtp import MailServer
from listen_sinks.voicemail import Voicemail
from listen_sinks.voicemail.access import access
from listen_sinks.voicemail.config import VoicemailConfig
from listen_sinks.webhook import way
from listen_sinks.webhook.deliverer import Deliverer
from listen_sinks.webhook.way import Subscriber


async def settle(*_: object) -> None:
    await asyncio.Event().wait()


async def main(folder: Path, port: int) -> None:
    """Deliver for ever."""
    vars(way)["settle"] = settle
    settings = MailReceiver(port=port).settings()
    plugin = Voicemail(VoicemailConfig(), SinkContext("voicemail", folder))
    async with access(plugin) as opened:
        mailer = Mailer(
            settings,
            MailServer(settings, folder),
            MailReader(settings, opened, time_zone="Europe/Berlin"),
        )
        await mailer.open()
        to = {NAME: Subscriber(mailer, settings)}
        Deliverer(opened.database, to, Uncounted(), fast(50.0)).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
