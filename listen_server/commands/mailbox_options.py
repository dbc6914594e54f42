"""The options of `mailboxes add` and `set` about a mailbox's owner, for both at once.

mailbox_owner.py reads them, and sets what they say.
"""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

Pin: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="PIN",
        help="What its owner is asked for by phone: 4 to 10 digits, to be changed at the first "
        "call. `-` asks for it, or reads a line of standard input, and is better: what stands "
        "here, everybody on this machine sees in `ps`, and your shell keeps.",
    ),
]
NewPin: TypeAlias = Annotated[
    bool, typer.Option("--new-pin", help="Make a PIN by chance, and print it, once.")
]
NoPin: TypeAlias = Annotated[
    bool, typer.Option("--no-pin", help="No telephone opens the mailbox any more.")
]
Name: TypeAlias = Annotated[
    str | None, typer.Option(help="Whose it is, as people say it. Here and below: empty, none.")
]
Emails: TypeAlias = Annotated[
    list[str],
    typer.Option("--email", metavar="ADDRESS", help="Who is told of messages. Repeatable."),
]
Operator: TypeAlias = Annotated[
    str | None, typer.Option(metavar="NUMBER", help="Who takes the call of whoever presses 0.")
]
Language: TypeAlias = Annotated[
    str | None, typer.Option(help="Of what it says, as jambonz calls it: en-GB.")
]
Voice: TypeAlias = Annotated[str | None, typer.Option(help="That says it, as jambonz calls it.")]
Vendor: TypeAlias = Annotated[
    str | None, typer.Option(help="Whose voice it is, as jambonz calls it.")
]
Greeting: TypeAlias = Annotated[
    str | None, typer.Option(metavar="TEXT", help="What callers hear, spoken.")
]
GreetingAudio: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="What callers hear, recorded: WAV, FLAC, Ogg, MP3, ..."),
]
NoGreeting: TypeAlias = Annotated[
    bool, typer.Option("--no-greeting", help="Neither of them: callers hear the server's own.")
]
Temporary: TypeAlias = Annotated[
    str | None, typer.Option(metavar="TEXT", help="What callers hear instead, for now, spoken.")
]
TemporaryAudio: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="What they hear instead, for now, recorded.")
]
NoTemporary: TypeAlias = Annotated[
    bool, typer.Option("--no-temporary-greeting", help="They hear the usual one again.")
]
