"""The main menu of the owner's conversation: what there is, and where to go."""

from collections.abc import Mapping
from typing import Final

from listen_server.jambonz import Call, Gathered, hook
from listen_server.jambonz.verbs import Verb
from listen_server.voicemail.owner_base import OwnerRoom
from listen_server.voicemail.owner_turn import Turn
from listen_sinks.voicemail.index.walking import Folder

MENU: Final = "/owner/menu"
_FOLDERS: Final[Mapping[str, Folder]] = {"1": "new", "2": "saved", "3": "deleted"}


class MainMenu(OwnerRoom):
    """Says what there is, and asks what to do."""

    async def welcome(self, turn: Turn, *said: str) -> list[Verb]:
        """Say what there is, and begin with what is new."""
        new, saved = await self.owner(turn).counts()
        if not new and not saved:
            return await self.main_menu(turn, *said, turn.text("no_messages"))
        counts = turn.text("counts", new=new, saved=saved)
        if new:
            return await self.listen_to(turn, "new", *said, counts)
        return await self.main_menu(turn, *said, counts)

    async def main_menu(self, turn: Turn, *said: str) -> list[Verb]:
        """Offer what can be done."""
        return turn.ask(MENU, *said, turn.text("main_menu"))

    @hook(MENU)
    async def owner_menu(self, call: Call, answer: Gathered) -> list[Verb]:
        """Go where a key says."""

        async def act(turn: Turn) -> list[Verb]:
            match answer.digits:
                case "1" | "2" | "3" as key:
                    return await self.listen_to(turn, _FOLDERS[key])
                case "8":
                    return await self.greeting_menu(turn)
                case "9":
                    return await self.new_pin(turn)
                case "*":
                    return turn.good_bye(turn.text("owner_goodbye"))
            known = answer.digits in (None, "", "0")
            return await self.main_menu(turn, "" if known else turn.text("no_such_key"))

        return await self.taking(call, answer.digits, act)
