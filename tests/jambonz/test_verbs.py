"""The verbs: every option, its default and allowed values, and the sentence for what is wrong."""

import importlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from terminal import run

from listen_codecs.formats import SAMPLE_RATES
from listen_server.jambonz.errors import Refused
from listen_server.jambonz.model import Addresses, Webhook
from listen_server.jambonz.verbs import (
    VERBS,
    Application,
    Conference,
    Dequeue,
    Dial,
    Gather,
    Listen,
    OtherTarget,
    Pause,
    Phone,
    Play,
    Raw,
    Recognizer,
    Say,
    Sip,
    SipDecline,
    Synthesizer,
    Transcribe,
    User,
    application_schema,
    read_verb,
)

EXAMPLES = Path(__file__).parent / "examples"
PHONE = {"type": "phone", "number": "+15551230003"}
LEAST: dict[str, dict[str, Any]] = {  # what each verb needs, and nothing else
    "answer": {},
    "conference": {"name": "r"},
    "config": {},
    "dequeue": {"name": "q"},
    "dial": {"target": [PHONE]},
    "dub": {"action": "addTrack", "track": "t"},
    "enqueue": {"name": "q"},
    "gather": {"actionHook": "/g"},
    "hangup": {},
    "leave": {},
    "listen": {"url": "wss://audio.example.com/a"},
    "pause": {"length": 1},
    "play": {"url": "https://app.example.com/a.wav"},
    "redirect": {"actionHook": "/r"},
    "say": {"text": "hello"},
    "sip:decline": {"status": 486},
    "tag": {"data": {}},
    "transcribe": {"transcriptionHook": "/t"},
}


def refused(verb: dict[str, Any], **options: Any) -> str:
    with pytest.raises(Refused) as caught:
        Application([verb], **options)
    return str(caught.value)


def test_every_verb_is_told_here() -> None:
    assert sorted(LEAST) == [verb.verb for verb in sorted(VERBS, key=lambda one: one.verb)]


@pytest.mark.parametrize("name", LEAST)
def test_a_verb_with_what_it_needs_is_taken_in_both_forms_and_with_an_id(name: str) -> None:
    expected = [{"verb": name, "id": "v1", **LEAST[name]}]

    long = Application(expected, top_level_transcribe=True)
    short = Application([{name: {"id": "v1", **LEAST[name]}}], top_level_transcribe=True)

    assert [long.write(), short.write()] == [expected, expected]
    assert long.verbs[0].id == "v1"


@pytest.mark.parametrize(
    ("name", "property_"),
    [(name, key) for name, least in LEAST.items() for key in least],
)
def test_what_a_verb_needs_is_asked_for(name: str, property_: str) -> None:
    rest = {key: value for key, value in LEAST[name].items() if key != property_}

    assert f"`{property_}`" in (told := refused({"verb": name, **rest}, top_level_transcribe=True))
    assert "is required" in told


@pytest.mark.parametrize("name", LEAST)
def test_a_property_that_jambonz_does_not_know_is_refused(name: str) -> None:
    told = refused({"verb": name, **LEAST[name], "colour": 1}, top_level_transcribe=True)

    assert told == f"`colour` of verb 1 ({name}): jambonz knows no such property"


def test_a_property_misspelt_is_answered_with_the_one_that_was_meant() -> None:
    assert "did you mean `earlyMedia`?" in refused({"verb": "say", "text": "a", "earlymedia": True})


@pytest.mark.parametrize(
    ("verb", "place", "hint"),
    [
        (
            {"verb": "gather", **LEAST["gather"], "say": {"text": "a", "earlymedia": True}},
            "say.earlymedia",
            "earlyMedia",
        ),
        (
            {"verb": "gather", **LEAST["gather"], "recognizer": {"langauge": "de-DE"}},
            "recognizer.langauge",
            "language",
        ),
        (
            {"verb": "gather", **LEAST["gather"], "actionHook": {"url": "/a", "metod": "GET"}},
            "metod",
            "method",
        ),
        (
            {"verb": "dial", **LEAST["dial"], "listen": {"url": "/a", "mixtype": "mono"}},
            "listen.mixtype",
            "mixType",
        ),
        (
            {"verb": "dial", "target": [{"type": "phone", "number": "1", "trunkk": "a"}]},
            "target.0.trunkk",
            "trunk",
        ),
    ],
)
def test_a_property_misspelt_inside_of_another_is_answered_likewise(
    verb: dict[str, Any], place: str, hint: str
) -> None:
    told = refused(verb)

    assert f"`{place}`" in told
    assert told.endswith(f"did you mean `{hint}`?")


def test_defaults_are_those_of_the_reference() -> None:
    gather, dial = Gather(action_hook="/g"), Dial(target=[Phone(number="1")])
    conference, listen = Conference(name="r"), Listen(url="/a")

    assert (gather.input, gather.timeout) == (["digits"], 5)
    assert (dial.timeout, dial.answer_on_bridge) == (60, False)
    assert (conference.beep, conference.end_conference_on_exit) == (False, False)
    assert conference.start_conference_on_enter
    assert (listen.mix_type, listen.sample_rate, listen.play_beep) == ("mono", 8000, False)
    assert (Say(text="a").loop, Play(url="a").loop, Say(text="a").early_media) == (1, 1, False)
    assert (Recognizer().interim, Recognizer().profanity_filter) == (False, False)
    assert (Dequeue(name="q").beep, Dequeue(name="q").timeout) == (False, None)


def test_defaults_are_not_written() -> None:
    assert Application([Gather(action_hook="/g")]).write() == [
        {"verb": "gather", "actionHook": "/g"}
    ]


@pytest.mark.parametrize(
    ("verb", "told"),
    [
        ({"verb": "pause", "length": "3"}, "`length` of verb 1 (pause): it must be a number"),
        ({"verb": "pause", "length": True}, "it must be a number"),
        ({"verb": "pause", "length": -1}, "it must be 0 or more"),
        ({"verb": "pause", "length": float("nan")}, "it must be a number"),
        ({"verb": "say", "text": 5}, "it must be a text, or it must be a list"),
        ({"verb": "say", "text": "a", "earlyMedia": "true"}, "it must be true or false"),
        ({"verb": "say", "text": "a", "loop": -1}, "a number of times, or 0 for ever"),
        ({"verb": "say", "text": "a", "synthesizer": {"gender": "male"}}, "'MALE', 'FEMALE'"),
        ({"verb": "play", "url": []}, "it must not be empty"),
        ({"verb": "gather", "actionHook": "/g", "input": ["voice"]}, "'digits' or 'speech'"),
        ({"verb": "gather", "actionHook": "/g", "numDigits": 0}, "it must be 1 or more"),
        ({"verb": "gather", "actionHook": "g"}, "a webhook is an http address"),
        ({"verb": "gather", "actionHook": {"method": "GET"}}, "`url` of the webhook"),
        ({"verb": "gather", "actionHook": {"url": "/g", "method": "PUT"}}, "'GET' or 'POST'"),
        ({"verb": "gather", "actionHook": "/g", "earlyMedia": True}, "needs a nested say or play"),
        ({"verb": "listen", "url": "audio.example.com"}, "it must be a wss:// address"),
        ({"verb": "listen", "url": "/a", "mixType": "quad"}, "'mono', 'stereo' or 'mixed'"),
        ({"verb": "listen", "url": "/a", "sampleRate": 11025}, "32000, 48000 or 64000"),
        ({"verb": "listen", "url": "/a", "channel": 3}, "it must be 1 or 2"),
        ({"verb": "listen", "url": "/a", "wsAuth": {"username": "u"}}, "`wsAuth.password`"),
        (
            {"verb": "listen", "url": "/a", "wsAuth": {"username": "u", "password": "p" * 90}},
            "at most 89 bytes together",
        ),
        ({"verb": "dial", "target": []}, "it must not be empty"),
        ({"verb": "dial", "target": [PHONE] * 11}, "10 items"),
        ({"verb": "dial", "target": [{"number": "1"}]}, "a target has a `type`"),
        ({"verb": "dial", "target": [{"type": "phone"}]}, "`target.0.number`"),
        ({"verb": "dial", "target": [{"type": {"a": 1}}]}, "a target has a `type`"),
        ({"verb": "dial", "target": ["phone"]}, "it must be an object"),
        ({"verb": "config", "fillerNoise": {"url": "a"}}, "`fillerNoise.enable`"),
        ({"verb": "config", "amd": {"timers": {"toneTimeoutMs": "5"}}}, "`amd.actionHook`"),
        ({"verb": "conference", "name": "r", "record": {}}, "`record.path`"),
        ({"verb": "conference", "name": "r", "statusEvents": ["sing"]}, "`statusEvents.0`"),
        ({"verb": "sip:decline", "status": 200}, "from 400 to 699"),
        ({"verb": "dub", "action": "add", "track": "t"}, "'addTrack'"),
        ({"verb": "tag", "data": [1]}, "it must be an object"),
        ({"verb": "hangup", "headers": "X: 1"}, "it must be an object"),
        ({"say": "hello"}, "verb 1 (say) has an object for its properties"),
        ({"text": "a", "loop": 2}, "verb 1 has no `verb`"),
        ({}, "verb 1 has no `verb`"),
    ],
)
def test_what_jambonz_would_not_take_is_refused_with_a_sentence(
    verb: dict[str, Any], told: str
) -> None:
    assert told in refused(verb)


def test_every_fault_is_told_at_once_with_its_place() -> None:
    with pytest.raises(Refused) as caught:
        Application([{"verb": "pause"}, {"verb": "say"}, 7])  # type: ignore[list-item]

    assert [fault.split(":")[0] for fault in caught.value.faults] == [
        "`length` of verb 1 (pause)",
        "verb 2 (say)",
        "verb 3 is an object, such as {'verb'",
    ]


@pytest.mark.parametrize("given", [{"verb": "hangup"}, "hangup", 5, None, Pause(length=1)])
def test_an_application_is_a_list(given: Any) -> None:
    with pytest.raises(Refused, match="a list of verbs"):
        Application(given)


def test_no_refusal_shows_what_was_given() -> None:
    told = refused({"verb": "gather", "actionHook": "secret-a", "timeout": "secret-b"})

    assert "secret" not in told


def test_a_repr_shows_no_value() -> None:
    hook = Webhook(url="https://app.example.com", username="ann", password="own-value")  # noqa: S106 - a name for it
    listen = Listen(url="/a", action_hook=hook, metadata={"ticket": "own-value"})

    shown = f"{hook!r} {listen!r} {Phone(number='+1555')} {Application([listen])!r} {Say(text='x')}"

    assert "own-value" not in shown
    assert "+1555" not in shown
    assert "Application(listen)" in shown


class TestWhereTheReferenceDisagreesWithItselfOrThePlatform:
    def test_keys_are_called_digits(self) -> None:
        gather = read_verb({"verb": "gather", "actionHook": "/g", "input": ["speech", "dtmf"]})

        assert gather.write()["input"] == ["speech", "digits"]

    def test_the_hooks_of_gather_are_read_under_the_names_of_its_text(self) -> None:
        gather = read_verb({"verb": "gather", "action": "/g", "partialResultCallback": "/p"})

        assert gather.write() == {"verb": "gather", "actionHook": "/g", "partialResultHook": "/p"}

    def test_early_media_of_gather_goes_to_its_prompt(self) -> None:
        gather = Application(
            [{"verb": "gather", "actionHook": "/g", "say": {"text": "a"}, "earlyMedia": True}]
        )

        assert gather.write()[0] == {
            "verb": "gather",
            "actionHook": "/g",
            "say": {"text": "a", "earlyMedia": True},
        }

    def test_a_voice_without_a_vendor_is_the_default_one(self) -> None:
        assert Synthesizer(language="en-US").write() == {"vendor": "default", "language": "en-US"}
        assert Recognizer().write() == {"vendor": "default"}

    def test_polly_is_aws(self) -> None:
        assert Synthesizer(vendor="polly").write() == {"vendor": "aws"}

    @pytest.mark.parametrize("loop", [0, "forever"])
    def test_nought_times_is_for_ever(self, loop: Any) -> None:
        assert Say(text="a", loop=loop).write()["loop"] == "forever"

    def test_a_sip_user_is_written_as_username(self) -> None:
        target = {"type": "sip", "sipUri": "sip:a", "auth": {"user": "ann", "password": "p"}}

        (dial,) = Application([{"verb": "dial", "target": [target]}]).write()

        assert dial["target"][0]["auth"] == {"username": "ann", "password": "p"}

    def test_the_url_of_a_target_is_its_confirm_hook(self) -> None:
        (dial,) = Application([{"verb": "dial", "target": [{**PHONE, "url": "/screen"}]}]).write()

        assert dial["target"] == [{**PHONE, "confirmHook": "/screen"}]

    def test_each_rate_that_we_read_can_be_asked_for(self) -> None:
        for rate in SAMPLE_RATES:
            (listen,) = Application([{"listen": {"url": "/a", "sampleRate": rate}}]).write()
            assert listen["sampleRate"] == rate

    def test_the_end_of_talking_is_written_as_the_server_calls_it(self) -> None:
        conference = read_verb({"conference": {"name": "r", "statusEvents": ["end-talking"]}})

        assert conference.write()["statusEvents"] == ["stop-talking"]

    def test_stream_is_listen_everywhere(self) -> None:
        nested = {"url": "wss://audio.example.com", "mixType": "stereo"}
        written = Application(
            [
                {"verb": "stream", **nested},
                {"verb": "dial", "target": [PHONE], "stream": nested},
                {"verb": "config", "stream": {"enable": True}},
            ]
        ).write()

        assert written[0]["verb"] == "listen"
        assert written[1]["listen"] == nested
        assert written[2]["listen"] == {"enable": True}

    def test_a_hook_that_jambonz_takes_as_an_address_is_written_as_one(self) -> None:
        transcribe = read_verb({"verb": "transcribe", "transcriptionHook": {"url": "/t"}})

        assert transcribe.write()["transcriptionHook"] == "/t"
        with pytest.raises(Refused, match="an address here, and no object"):
            read_verb({"transcribe": {"transcriptionHook": {"url": "/t", "username": "ann"}}})

    def test_what_no_server_of_today_knows_is_refused(self) -> None:
        told = refused({"verb": "dequeue", "name": "q", "confirmHook": "/c"})

        assert "no server of today knows it" in told
        assert Dequeue(name="q", confirm_hook="/c").confirm_hook == "/c"

    def test_listen_needs_no_action_hook(self) -> None:
        assert Application([Listen(url="wss://audio.example.com")])


class TestPlacement:
    def test_a_decline_stands_alone_or_last_after_early_media(self) -> None:
        decline = {"verb": "sip:decline", "status": 480}
        early = {"verb": "say", "text": "a", "earlyMedia": True}

        assert Application([decline])
        assert Application([early, {"verb": "play", "url": "a", "earlyMedia": True}, decline])
        with pytest.raises(Refused, match="say before it answers the call"):
            Application([{"verb": "say", "text": "a"}, decline])
        with pytest.raises(Refused, match="it must be last"):
            Application([decline, early])

    def test_a_call_that_was_dialled_on_unanswered_can_be_declined(self) -> None:
        decline = SipDecline(status=486)

        assert Application([Dial(target=[Phone(number="1")], answer_on_bridge=True), decline])
        with pytest.raises(Refused, match="dial before it answers"):
            Application([Dial(target=[Phone(number="1")]), decline])

    def test_a_transcribe_is_nested(self) -> None:
        transcribe = Transcribe(transcription_hook="/t")

        assert Application([Listen(url="/a", transcribe=transcribe)])
        assert Application([Dial(target=[User(name="bob@example.com")], transcribe=transcribe)])
        with pytest.raises(Refused, match="stands inside of dial or listen"):
            Application([transcribe])
        assert Application([transcribe], top_level_transcribe=True)

    def test_a_nested_verb_is_written_without_its_name(self) -> None:
        listen = {"verb": "listen", "url": "/a", "transcribe": {"verb": "transcribe"}}
        listen["transcribe"] = {"verb": "transcribe", "transcriptionHook": "/t"}

        assert Application([listen]).write()[0]["transcribe"] == {"transcriptionHook": "/t"}

    @pytest.mark.parametrize(
        ("place", "allowed"),
        [
            ("enqueue wait", {"say", "play", "pause", "leave", "tag"}),
            ("conference wait", {"say", "play", "pause"}),
            ("hold", {"say", "play", "pause"}),
            ("whisper", {"say", "play"}),
        ],
    )
    def test_some_hooks_take_some_verbs_only(self, place: Any, allowed: set[str]) -> None:
        for name, least in LEAST.items():
            if name in allowed:
                assert Application([{"verb": name, **least}], place=place)
            else:
                assert " only" in refused({"verb": name, **least}, place=place)


class TestPassingOn:
    def test_a_verb_unknown_to_us_is_passed_on_and_listed(self) -> None:
        unknown = {"verb": "llm", "vendor": "openai", "llmOptions": {"a": None}}

        verbs: list[Any] = [unknown, {"park": {"slot": "1"}}, Say(text="a")]

        application = Application(verbs)

        assert application.write()[:2] == [unknown, {"verb": "park", "slot": "1"}]
        assert application.passed_through == ("llm", "park")
        assert isinstance(application.verbs[0], Raw)

    def test_a_target_without_a_table_is_passed_on_and_listed(self) -> None:
        others = [
            {"type": "conference", "name": "r"},
            {"type": "ms-teams", "tenant": "t", "user": "u"},
            {"type": "park", "slot": "1"},
        ]

        application = Application([Dial(target=[OtherTarget(given=one) for one in others])])
        read = Application([{"verb": "dial", "target": [*others, PHONE]}])

        assert application.passed_through == ("dial:conference", "dial:ms-teams", "dial:park")
        assert application.write()[0]["target"] == others
        assert read.write()[0]["target"] == [*others, PHONE]

    def test_a_known_verb_can_be_passed_on_unchecked(self) -> None:
        newer = {"verb": "say", "text": "a", "newest": 1}

        assert Application([Raw(given=newer)]).write() == [newer]


class TestAddresses:
    ADDRESSES = Addresses(web="https://app.example.com/desk", audio="wss://audio.example.com")

    def test_paths_become_whole_addresses_wherever_they_stand(self) -> None:
        dial = Dial(
            target=[Sip(sip_uri="sip:a", confirm_hook="/c")],
            dtmf_hook=Webhook(url="/k", method="GET"),
            listen=Listen(url="/listen", transcribe=Transcribe(transcription_hook="/t")),
        )

        (written,) = Application([dial]).write(self.ADDRESSES)

        assert written["target"][0]["confirmHook"] == "https://app.example.com/desk/c"
        assert written["dtmfHook"] == {"url": "https://app.example.com/desk/k", "method": "GET"}
        assert written["listen"]["url"] == "wss://audio.example.com/listen"
        assert written["listen"]["transcribe"]["transcriptionHook"].endswith("/desk/t")

    def test_whole_addresses_and_data_stay_as_they_are(self) -> None:
        verbs: list[dict[str, Any]] = [
            {"verb": "redirect", "actionHook": "https://other.example.com/x"},
            {"verb": "tag", "data": {"actionHook": "/x"}},
            {"verb": "say", "text": "/x"},
        ]

        assert Application(verbs).write(self.ADDRESSES) == verbs


@pytest.fixture(scope="module")
def validator() -> Any:
    jsonschema: Any = importlib.import_module("jsonschema")
    schema = application_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


class TestSchema:
    def test_what_is_written_fits_the_schema(self, validator: Any) -> None:
        for file in sorted(EXAMPLES.glob("*.json")):
            example = json.loads(file.read_text())
            if example["kind"] in {"verb", "application"}:
                given = example["given"]
                verbs = Application(given if isinstance(given, list) else [given]).write()
                assert not list(validator.iter_errors(verbs)), file.stem

    @pytest.mark.parametrize(
        "wrong",
        [
            [{"verb": "pause"}],
            [{"verb": "say", "text": "a", "colour": 1}],
            [{"verb": "listen", "url": "/a", "mixType": "quad"}],
            [{"verb": "dial", "target": []}],
            [{"say": {"text": "a"}}],
            {"verb": "hangup"},
            [{"verb": "say"}],
            [{"verb": "say", "text": "a", "loop": -1}],
            [{"verb": "sip:decline", "status": 200}],
            [{"verb": "redirect", "actionHook": "no path"}],
            [{"verb": "dial", "target": [{"type": "phone"}]}],
            [{"verb": "dial", "target": [{"number": "+15551230003"}]}],
        ],
    )
    def test_what_is_wrong_does_not(self, validator: Any, wrong: Any) -> None:
        assert list(validator.iter_errors(wrong))

    @pytest.mark.parametrize(
        "right",
        [
            {"verb": "dial", "target": [{"type": "ms-teams", "tenant": "a", "user": "b"}]},
            {"verb": "say", "stream": True},
            {"verb": "say", "text": "a", "loop": 0},
            {"verb": "alert", "message": "a"},
        ],
    )
    def test_what_is_passed_on_or_meant_otherwise_fits_as_well(
        self, validator: Any, right: dict[str, Any]
    ) -> None:
        assert len(Application([right])) == 1
        assert not list(validator.iter_errors([right]))

    def test_the_command_prints_it(self) -> None:
        ended = run("schema")

        assert ended.status == 0
        assert json.loads(ended.stdout) == application_schema()


keys = st.text(max_size=5) | st.sampled_from(["type", "url", "vendor", "text", "username", "user"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(keys, inside, max_size=3),
    max_leaves=8,
)
properties = st.sampled_from(
    [
        *("text", "url", "actionHook", "target", "input", "say", "listen", "loop", "data"),
        *("synthesizer", "recognizer", "transcriptionHook", "statusEvents", "amd", "wsAuth"),
    ]
)


@given(
    verb=st.fixed_dictionaries(
        {"verb": st.sampled_from([*LEAST, "stream", "park"])},
        optional={"id": json_values, "earlyMedia": json_values},
    ),
    more=st.dictionaries(properties, json_values, max_size=3),
)
def test_anything_at_all_is_taken_or_refused_and_never_anything_else(
    verb: dict[str, Any], more: dict[str, Any]
) -> None:
    with suppress(Refused):
        Application([{**verb, **more}]).encode()
