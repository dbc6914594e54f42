"""Fetching messages by phone: the rooms of that conversation, joined. README.md has the keys.

    pin_flow.py -> main_menu.py -> listening.py -> calling_back.py
                               `-> greeting_flow.py

applications.py makes an application of it, and of leaving.py, where `*` leads to `ask_pin`.
"""

from listen_server.voicemail.calling_back import CallingBack
from listen_server.voicemail.greeting_flow import GreetingFlow
from listen_server.voicemail.listening import Listening
from listen_server.voicemail.main_menu import MainMenu
from listen_server.voicemail.pin_flow import PinFlow


class FetchingHooks(PinFlow, MainMenu, Listening, GreetingFlow, CallingBack):
    """Everything below `/owner`; `owner_called(call)` and `ask_pin(call, found)` lead into it."""
