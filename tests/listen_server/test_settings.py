"""Settings from the command line, the environment and a file; every fault at once, with its fix."""

import pickle
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from pydantic import BaseModel

from listen_server.errors import ConfigError
from listen_server.faults import Place
from listen_server.plugins import sink_faults
from listen_server.settings import RouteSettings, Settings, SinkSettings, load_settings
from listen_server.sources import PREFIX

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(text: str) -> Path:
        file = tmp_path / "listen.toml"
        file.write_text(text, "utf-8")
        return file

    return write_file


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in os.environ:
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)


def faults_of(file: Path | None = None, **given: Any) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        load_settings(file, **given)
    return list(raised.value.faults)


def test_nothing_given_records_what_comes_in_on_this_machine() -> None:
    settings = load_settings()

    assert settings.loopback
    assert settings.subprotocol == ("audio.jambonz.org", "audio.drachtio.org")
    assert list(settings.routes) == ["/listen", "/record/{vendor}", "/api/v1/record/{vendor}"]
    assert settings.sink_names == ["recording"]
    assert settings.routes["/listen"].max_duration == 4 * 3600
    assert settings.routes["/listen"].end_on_silence is None


@pytest.mark.parametrize("model", [Settings, RouteSettings, SinkSettings])
def test_every_setting_has_its_line_of_documentation(model: type[BaseModel]) -> None:
    for name, setting in model.model_fields.items():
        assert setting.description, f"{model.__name__}.{name} has no docstring"
        assert setting.description.endswith((".", ".com"))


def test_a_file_with_three_mistakes_tells_all_three_with_their_fixes(write: Write) -> None:
    file = write('prot = 8080\ntick = 7\n[routes."/listen"]\nmix = "both"\n')

    assert faults_of(file) == [
        f"`tick` is 7, but 1 or less is asked for (it stands in {file})",
        (
            "`routes.\"/listen\".mix` is 'both', but 'mono', 'stereo' or 'mixed' is asked for "
            f"(it stands in {file})"
        ),
        f"`prot` is not a setting: did you mean `port`? (it stands in {file})",
    ]


def test_mistakes_of_every_kind_and_place_are_told_together(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LISTEN_LOGLEVEL", "debug")
    monkeypatch.setenv("LISTEN_ADMIN_PORT", "many")
    file = write('tls_cert = "/nowhere.pem"\nhost = "0.0.0.0"\n[routes."listen"]\n')

    told = faults_of(file, workers=0)

    assert len(told) == 6
    assert told[0].endswith("did you mean `LISTEN_LOG_LEVEL`?")
    assert told[1].endswith("(it stands in LISTEN_ADMIN_PORT)")
    assert told[2].endswith("(it stands on the command line: --workers)")
    assert told[3].startswith("route 'listen' must begin with /")
    assert told[4].startswith("`tls_cert` and `tls_key` belong together")
    assert told[5] == "`tls_cert`: there is no file /nowhere.pem"


def test_a_mistake_is_not_told_a_second_time_as_a_contradiction(write: Write) -> None:
    (told,) = faults_of(write('host = "0.0.0.0"\nbehind_tls_proxy = "perhaps"\n'))

    assert told.startswith("`behind_tls_proxy` is 'perhaps'")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("max_stream = 3", "`max_stream` is not a setting: did you mean `max_streams`?"),
        ("nonsense = 3", "`nonsense` is not a setting: remove it (it stands in "),
        ('[routes."/a"]\nsink = []', '`routes."/a".sink` is not a setting: did you mean `sinks`?'),
        ('[routes."/a"]\nsinks = "x"', "`routes.\"/a\".sinks` is 'x', but a list is asked for"),
        ("sinks = 5", "`sinks` is 5, but a table is asked for"),
        (
            '[sinks.a]\nwhen_full = "wait"',
            "`sinks.a.when_full` is 'wait', but 'drop_oldest' or 'fail' is ",
        ),
        ("[host]\na = 1", "`host` is a table, but a text is asked for"),
        ('[routes."/a"]\nsample_rate = 44100', "jambonz sends one of 8000, 16000, 24000, 32000, "),
        ("drain_deadline = inf", "`drain_deadline` is inf, but a finite number is asked for"),
        ("max_message = 1000", "1280000 or more is asked for"),
        ("subprotocol = []", '`subprotocol` is [], but a list of names is asked for, or "any"'),
        ('public_audio_url = "https://a"', "it must begin with wss:// (or ws://) and a host"),
        ("[routes]", "`routes` is empty"),
        ("port = true", "`port` is true, but a whole number is asked for"),
        ('port = "8080"', "`port` is '8080', but a whole number is asked for"),
        ("max_streams = 3.5", "`max_streams` is 3.5, but a whole number is asked for"),
        ("tick = true", "`tick` is true, but a number is asked for"),
        ('open = "yes"', "`open` is 'yes', but true or false is asked for"),
        ("open = 1", "`open` is 1, but true or false is asked for"),
        ('[routes."/a"]\nmax_duration = "1"', "`routes.\"/a\".max_duration` is '1', but a number "),
        ('data_dir = ""', "`data_dir` is empty, but a path is asked for"),
        ('tls_cert = "~nobody-here/a"', "nobody on this machine has the home directory"),
        (
            'trusted_proxies = ["proxy"]',
            "`trusted_proxies.0` is 'proxy', but addresses or networks",
        ),
        ('otlp_endpoint = "collector"', "it must begin with http:// or https:// and a host"),
        ('public_audio_url = "wss://a:b@c"', "`public_audio_url` is 'wss://...@c', but it must "),
        ("port = 9000\nadmin_port = 9000", "`port` and `admin_port` are both 9000"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(write: Write, text: str, hint: str) -> None:
    (told,) = faults_of(write(text))

    assert hint in told


def test_the_command_line_comes_before_the_environment_and_that_before_the_file(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write('port = 1000\nadmin_port = 1001\ntick = 0.2\nhost = "::1"\n')
    monkeypatch.setenv("LISTEN_PORT", "2000")
    monkeypatch.setenv("LISTEN_ADMIN_PORT", "2001")

    settings = load_settings(file, port=3000, host=None)

    assert (settings.port, settings.admin_port) == (3000, 2001)
    assert (settings.tick, settings.host) == (0.2, "::1")


def test_a_table_is_joined_from_file_and_environment(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write('[sinks.recording]\nformat = "wav"\ntimeout = 5\n[sinks.other]\nkind = "memory"\n')
    monkeypatch.setenv("LISTEN_SINKS__RECORDING__FORMAT", "flac")
    monkeypatch.setenv("LISTEN_SINKS__RECORDING__FINISH_TIMEOUT", "9")

    settings = load_settings(file)

    recording = settings.sinks["recording"]
    assert (recording.timeout, recording.finish_timeout) == (5, 9)
    assert recording.model_extra == {"format": "flac"}
    assert settings.sinks["other"].kind == "memory"
    assert settings.sink_names == ["recording", "other"]


def test_the_environment_can_hold_every_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_ROUTES", '{"/a": {"sinks": ["memory"], "sample_rate": 16000}}')
    monkeypatch.setenv("LISTEN_SUBPROTOCOL", "audio.jambonz.org,other")
    monkeypatch.setenv("LISTEN_OPEN", "true")

    settings = load_settings()

    assert list(settings.routes) == ["/a"]
    assert settings.routes["/a"].default_format.sample_rate == 16000
    assert settings.subprotocol == ("audio.jambonz.org", "other")
    assert settings.open


@pytest.mark.parametrize("value", ["any", '["any"]', '["a","b"]', "a"])
def test_subprotocols_can_be_spelt_as_people_would(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("LISTEN_SUBPROTOCOL", value)

    spelt = {"any": "any", '["any"]': ("any",), '["a","b"]': ("a", "b"), "a": ("a",)}
    assert load_settings().subprotocol == spelt[value]


def test_what_should_be_json_in_the_environment_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_ROUTES", "{")
    monkeypatch.setenv("LISTEN_TICK", "soon")

    first, second = faults_of()

    assert first.startswith("LISTEN_ROUTES is a table, so JSON, but: Expecting property name")
    assert first.endswith("at character 2")
    assert second == "`tick` is 'soon', but a number is asked for (it stands in LISTEN_TICK)"


def test_json_that_is_broken_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_SINKS", '{"webhook": {"secret": "hunter2"')

    (told,) = faults_of()

    assert "hunter2" not in told


@pytest.mark.parametrize(
    ("variable", "value", "where"),
    [
        ("LISTEN_ROUTES", '{"/a": {"mix": "both"}}', "it stands in LISTEN_ROUTES"),
        ("LISTEN_SINKS__A__TIMEOUT", "0", "it stands in LISTEN_SINKS__A__TIMEOUT"),
        ("listen_sinks__a__timeout", "0", "it stands in listen_sinks__a__timeout"),
    ],
)
def test_a_mistake_in_the_environment_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, where: str
) -> None:
    monkeypatch.setenv(variable, value)

    (told,) = faults_of()

    assert told.endswith(f"({where})")


def test_in_the_environment_words_stand_for_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PORT", "9000")
    monkeypatch.setenv("LISTEN_TICK", "0.5")
    monkeypatch.setenv("LISTEN_BEHIND_TLS_PROXY", "yes")
    monkeypatch.setenv("LISTEN_LOG_LEVEL", "INFO")
    monkeypatch.setenv("LISTEN_TRUSTED_PROXIES", "10.0.0.0/8, ::1")
    monkeypatch.setenv("LISTEN_SINKS__RECORDING__TIMEOUT", "5")

    settings = load_settings()

    assert (settings.port, settings.tick, settings.behind_tls_proxy) == (9000, 0.5, True)
    assert (settings.log_level, settings.trusted_proxies) == ("info", ("10.0.0.0/8", "::1"))
    assert settings.sinks["recording"].timeout == 5


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LISTEN_PORT", "LISTEN_TLS_CERT", "LISTEN_OPEN", "LISTEN_HOST"):
        monkeypatch.setenv(name, "")

    assert load_settings() == Settings()


@pytest.mark.parametrize(
    "host", ["", "256.1.1.1", "1.2.3", "a host", "localhost:8080", "[::1]", "ws://a", "-a", "a..b"]
)
def test_a_host_that_is_no_address_is_told(host: str) -> None:
    (told,) = faults_of(host=host, behind_tls_proxy=True)

    assert told.startswith(f"`host` is {host!r}, but " if host else "`host` is empty, but ")
    assert "an address or a name without a port" in told


@pytest.mark.parametrize("host", ["::1", "fe80::1%lo", "localhost", "audio.example.com", "box_1"])
def test_a_host_may_be_an_address_or_a_name(host: str) -> None:
    assert load_settings(host=host, behind_tls_proxy=True).host == host


def test_a_tilde_is_the_home_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LISTEN_DATA_DIR", "~/calls")

    assert load_settings().data_dir == tmp_path / "calls"


def test_what_other_checks_find_is_told_with_the_rest_unless_it_follows_from_it(
    write: Write,
) -> None:
    file = write('prot = 1\ntls_cert = 5\n[routes."/a"]\nsinks = ["nobodys"]\nmix = "both"\n')
    file.write_text(file.read_text() + '[sinks.memory]\nwhen_full = "wait"\nsecnods = 1\n')

    def check(_settings: Settings, place: Place) -> list[tuple[set[str], str]]:
        return [({"tls_cert"}, "no file"), ({"host"}, f"found {place(['prot'])}")]

    with pytest.raises(ConfigError) as raised:
        load_settings(file, also=(check, sink_faults))

    told = raised.value.faults
    assert [fault.partition(" ")[0] for fault in told[:4]] == [
        "`tls_cert`",
        '`routes."/a".mix`',
        "`sinks.memory.when_full`",
        "`prot`",
    ]
    assert told[4] == f"found in {file}"
    assert told[5].startswith("a sink 'nobodys' is not installed")
    assert told[6].startswith("`sinks.memory.secnods` is not a setting")
    assert len(told) == 7


def test_two_mistakes_in_one_list_bring_forth_no_third(write: Write) -> None:
    told = faults_of(write('[routes."/a"]\nsinks = [1, 2]\n'))

    assert [fault.partition(" ")[0] for fault in told] == [
        '`routes."/a".sinks.0`',
        '`routes."/a".sinks.1`',
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
NAMES = st.sampled_from([*Settings.model_fields, "prot"])
ROUTES = st.dictionaries(
    st.sampled_from(["/a", "b", "/{c}"]),
    st.dictionaries(st.sampled_from([*RouteSettings.model_fields, "sink"]), JSON) | JSON,
)
SINKS = st.dictionaries(
    st.sampled_from(["recording", "a", "."]),
    st.dictionaries(st.sampled_from([*SinkSettings.model_fields, "format"]), JSON) | JSON,
)


@hypothesis.given(values=st.dictionaries(NAMES, JSON, max_size=5), routes=ROUTES, sinks=SINKS)
def test_any_values_are_settings_or_are_told_what_is_wrong(
    values: dict[str, Any], routes: dict[str, Any], sinks: dict[str, Any]
) -> None:
    with suppress(ConfigError):
        load_settings(**{**values, "routes": routes, "sinks": sinks})


def test_variables_of_others_with_our_prefix_are_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FDS", "PID", "SERVICE_HOST", "SERVER_PORT_9090_TCP", "PORT_8080_TCP_ADDR"):
        monkeypatch.setenv(PREFIX + name, "3")

    load_settings()


def test_the_file_can_be_named_by_the_environment(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LISTEN_CONFIG", str(write("port = 1234")))

    assert load_settings().port == 1234


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    (told,) = faults_of(tmp_path / "nowhere.toml")

    assert told == (
        f"cannot read {tmp_path}/nowhere.toml (No such file or directory): "
        "name another with --config"
    )


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    (told,) = faults_of(tmp_path)

    assert "Is a directory" in told


@pytest.mark.parametrize("content", [b"port = ", b"\xff\xfe", b"port = 1\nport = 2"])
def test_a_file_that_is_no_toml_is_told(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "listen.toml"
    file.write_bytes(content)

    (told,) = faults_of(file)

    assert told.startswith(f"{file} is not TOML: ")


def test_a_file_is_utf_8_whatever_the_locale(write: Write) -> None:
    settings = load_settings(write('data_dir = "Gespräche"\n'))

    assert settings.data_dir == Path("Gespräche")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])  # noqa: S104 - that is the danger
def test_beyond_this_machine_credentials_and_encryption_are_asked_for(host: str) -> None:
    without, plain = faults_of(host=host, open=True)

    assert "`open` takes streams without a credential, so it needs a loopback address" in without
    assert "credentials add" in without
    assert "unencrypted" in plain
    assert "behind_tls_proxy = true" in plain


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_this_machine_alone_may_be_open_and_plain(host: str) -> None:
    assert load_settings(host=host, open=True).open


def test_a_proxy_or_a_certificate_makes_it_public(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert.touch()
    key.touch()

    assert not load_settings(host="0.0.0.0", behind_tls_proxy=True).loopback  # noqa: S104
    assert load_settings(host="0.0.0.0", tls_cert=cert, tls_key=key).tls_key == key  # noqa: S104


def test_a_proxy_is_no_program_of_this_machine() -> None:
    (told,) = faults_of(open=True, behind_tls_proxy=True)

    assert "`behind_tls_proxy` brings others" in told


@pytest.mark.parametrize("name", ["tls_cert", "tls_key"])
def test_a_certificate_needs_its_key_and_a_key_its_certificate(tmp_path: Path, name: str) -> None:
    (told,) = faults_of(**{name: tmp_path / ".." / tmp_path.name / "x"})[:1]

    assert told == "`tls_cert` and `tls_key` belong together: set both or none"


def test_a_sinks_own_settings_are_not_in_any_repr() -> None:
    settings = load_settings(sinks={"webhook": {"secret": "hunter2", "timeout": 5}})

    assert "hunter2" not in f"{settings!r} {settings} {settings.sinks!r}"
    assert "timeout=5" in repr(settings)


def test_settings_do_not_change() -> None:
    settings = load_settings()

    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1
    with pytest.raises(ValueError, match="frozen"):
        settings.routes["/listen"].sample_rate = 16000


def test_settings_travel_to_a_worker_as_they_are(write: Write) -> None:
    settings = load_settings(write("[sinks.recording]\nformat = 'flac'\n"), port=1234)

    copy = pickle.loads(pickle.dumps(settings))  # noqa: S301 - our own

    assert copy == settings
    assert copy.sinks["recording"].model_extra == {"format": "flac"}


def test_what_is_made_by_hand_does_not_look_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PORT", "nonsense")

    assert Settings().port == 8080


def test_a_mistake_beside_a_token_is_told_without_the_token(tmp_path: Path) -> None:
    file = tmp_path / "listen.toml"
    file.write_text(
        '[jambonz.acme]\nurl = "ftp://x"\ntoken = "very-secret"\ntokn = "other-secret"\n'
        '[applications."/desk"]\napplication = "json"\ntenants = "x"\n'
    )

    with pytest.raises(ConfigError) as failure:
        load_settings(file)

    assert "secret" not in str(failure.value)
    faults = [fault.split("`")[1] for fault in failure.value.faults]
    assert sorted(faults) == [
        'applications."/desk".application',
        'applications."/desk".tenants',
        "jambonz.acme.tokn",
        "jambonz.acme.url",
    ]


@pytest.mark.parametrize("path", ["desk", "/", "/listen", "/listen/desk", "/api/desk", "/a b"])
def test_an_application_is_in_no_ones_way(path: str) -> None:
    with pytest.raises(ConfigError) as failure:
        load_settings(applications={path: {"application": "desk:Desk"}})

    assert all(path in fault for fault in failure.value.faults)
