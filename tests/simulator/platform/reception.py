"""An application with gather, dial with a nested listen, enqueue, conference, tag and redirect."""

# ruff: noqa: ARG002 - every method is given its call, used or not

from listen_server.jambonz import (
    Call,
    CallApplication,
    CallStatusChanged,
    Conference,
    ConferenceChanged,
    Dial,
    Dialled,
    Enqueue,
    Gather,
    Gathered,
    Hangup,
    Leave,
    Listen,
    Pause,
    Phone,
    QueueLeft,
    QueueWaited,
    Redirect,
    Say,
    Tag,
    Verbs,
    hook,
    notice,
)

COLLEAGUE = "+15550100003"


class Reception(CallApplication):
    """Leads one caller through everything, in the order of the keys that they press."""

    def __init__(self) -> None:
        self.statuses: list[str | None] = []
        self.conference: list[str | None] = []
        self.seen: list[object] = []

    async def on_call(self, call: Call) -> Verbs:
        return [Tag(data={"step": 1}), Redirect(action_hook="/menu")]

    async def on_status(self, call: Call, status: CallStatusChanged) -> None:
        self.statuses.append(status.call_status)

    @hook("/menu")
    async def menu(self, call: Call) -> Verbs:
        prompt = Say(text="1 for a colleague, 2 to wait, 3 for the meeting.")
        return [Gather(action_hook="/chosen", num_digits=1, say=prompt, timeout=8)]

    @hook("/chosen")
    async def chosen(self, call: Call, answer: Gathered) -> Verbs:
        self.seen.append(answer.customer_data)
        match answer.digits:
            case "1":
                listen = Listen(url="/listen", mix_type="stereo", metadata={"topic": "sales"})
                return Dial(target=[Phone(number=COLLEAGUE)], listen=listen, action_hook="/dialled")
            case "2":
                return Enqueue(name="help", wait_hook="/waiting", action_hook="/left")
            case "3":
                return Conference(
                    name="meeting",
                    status_hook="/meeting",
                    status_events=["start", "join", "leave", "end"],
                    action_hook="/met",
                )
            case _:
                return [Say(text="Good bye."), Hangup()]

    @hook("/dialled")
    async def dialled(self, call: Call, dialled: Dialled) -> Verbs:
        status = str(dialled.dial_call_status)
        return [Tag(data={"dialled": status}), Redirect(action_hook="/menu")]

    @hook("/waiting", place="enqueue wait")
    async def waiting(self, call: Call, queue: QueueWaited) -> Verbs:
        if queue.queue_time and queue.queue_time > 20:
            return [Say(text="Nobody is free."), Leave()]
        return [Say(text="Please wait."), Pause(length=10)]

    @hook("/left")
    async def left(self, call: Call, queue: QueueLeft) -> Verbs:
        return [Say(text=f"The result is {queue.queue_result}."), Redirect(action_hook="/menu")]

    @notice("/meeting")
    async def meeting(self, call: Call, event: ConferenceChanged) -> None:
        self.conference.append(event.event)

    @hook("/met")
    async def met(self, call: Call) -> Verbs:
        return Redirect(action_hook="/menu")
