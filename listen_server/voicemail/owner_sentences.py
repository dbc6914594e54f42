"""What the owner of a mailbox hears, by name; sentences.py joins them with those of the caller.

Each can be replaced by its name in the settings. `{...}` is filled in; what a replacement does not
want, it leaves out. Lists between commas are names in their order.
"""

from collections.abc import Mapping
from typing import Final

GATE: Final = {
    "ask_number": "Please enter the number of your mailbox, and then the hash key.",
    "ask_pin": "Please enter your PIN, and then the hash key.",
    "not_right": "That is not right, or the mailbox is locked for a while after wrong PINs.",
    "no_more_tries": "Please call again later. Goodbye.",
    "owner_goodbye": "Goodbye.",
    "store_away": (
        "Your messages cannot be reached at the moment. Please call again later. Goodbye."
    ),
    "begin_again": "Sorry, let us begin again.",
}
PIN: Final = {
    "must_change": "Your PIN has to be changed before you go on.",
    "ask_new_pin": "Please enter a new PIN of 4 to 10 digits, and then the hash key.",
    "ask_new_pin_again": "Please enter the new PIN once more, and then the hash key.",
    "pins_differ": "The two were not the same.",
    "pin_refused": "This PIN is too short, too long, or too easy to guess.",
    "pin_as_before": "This is the PIN that you have.",
    "pin_changed": "Your PIN is changed.",
    "pin_unchanged": "Your PIN stays as it is.",
}
MENU: Final = {
    "counts": "New messages: {new}. Saved messages: {saved}.",
    "no_messages": "You have no messages.",
    "main_menu": (
        "For new messages press 1. For saved messages press 2. For deleted messages press 3. "
        "For your greeting press 8. To change your PIN press 9. To end press star."
    ),
    "none_new": "There are no new messages.",
    "none_saved": "There are no saved messages.",
    "none_deleted": "There are no deleted messages.",
    "end_of_list": "There are no more messages here.",
    "first_of_list": "This is the first message here.",
    "no_such_key": "This key does nothing here.",
}
MESSAGE: Final = {
    "intro": "{kind}, {caller}, {moment}.",
    "kind_new": "New message",
    "kind_heard": "Message",
    "kind_saved": "Saved message",
    "kind_deleted": "Deleted message, {seconds} seconds, {moment}.",
    "from_number": "from {number}",
    "from_unknown": "from an unknown number",
    "keys": (
        "To hear it again press 1. To save it press 2. To delete it press 3. "
        "For the message before press 4. For date and caller press 5. For the next press 6. "
        "To go back ten seconds press 7, forward 9. For the main menu press 0. To end press star."
    ),
    "keys_call_back": "To call back press 8.",
    "keys_deleted": (
        "To take it back press 3. For the message before press 4. For the next press 6. "
        "For the main menu press 0. To end press star."
    ),
    "saved": "The message is saved.",
    "deleted": "The message is deleted. To take it back press 3.",
    "undeleted": "The message is back.",
    "on_hold": "This message cannot be deleted.",
    "too_late": "This message cannot be taken back any more.",
    "gone": "This message is gone.",
    "no_audio": "There is nothing to hear in this message.",
}
MOMENT: Final = {
    "today": "today at {clock}",
    "yesterday": "yesterday at {clock}",
    "this_week": "on {weekday} at {clock}",
    "this_year": "on {weekday}, {month} {day}, at {clock}",
    "long_ago": "on {month} {day}, {year}, at {clock}",
    "am": "am",
    "pm": "pm",
    "oh": "oh",
    "weekdays": "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday",
    "months": (
        "January, February, March, April, May, June, July, August, September, October, "
        "November, December"
    ),
}
GREETING: Final = {
    "greeting_menu": (
        "To hear your greeting press 1. To record it press 2. To go back to the greeting that is "
        "read out press 3. To record a greeting for a while press 4. To end that one press 5. "
        "For the main menu press 0. To end press star."
    ),
    "greeting_is": "Callers hear:",
    "record_greeting": "Speak after the tone, and press {key} at the end.",
    "hash_key": "the hash key",
    "star_key": "the star key",
    "greeting_wait": "One moment, please.",
    "greeting_review": (
        "To keep it press 1. To hear it press 2. To record it again press 3. "
        "To leave everything as it was press 0."
    ),
    "greeting_lost": "The recording has not worked. Your greeting stays as it was.",
    "greeting_kept": "This is your greeting now.",
    "greeting_text": "Your greeting is read out again.",
    "greeting_unchanged": "Your greeting stays as it was.",
    "temporary_kept": "This is your greeting for a while.",
    "temporary_off": "Your greeting for a while is at its end.",
}
CALLING_BACK: Final = {
    "calling_back": "Calling {number}.",
    "cannot_call_back": "This caller cannot be called back from here.",
    "already_calling_back": "Somebody is being called back from this mailbox already.",
    "not_answered": "Nobody has answered.",
    "called_back": "Back to your messages.",
}
OWNER_SENTENCES: Final[Mapping[str, str]] = {
    **GATE,
    **PIN,
    **MENU,
    **MESSAGE,
    **MOMENT,
    **GREETING,
    **CALLING_BACK,
}
