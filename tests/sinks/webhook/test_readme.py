import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from webhook_receiver import OTHER_SECRET, SECRET

from listen_sinks.webhook.config import StreamConfig, TargetConfig
from listen_sinks.webhook.target import sign

README = Path(__file__).parents[3] / "sinks" / "listen_sinks" / "webhook" / "README.md"
BODY = '{"type":"message.received","data":{"message":"01KQSB2X2M8ZJ9V4T6W3R5Y7NA"}}'
RUN_JAVASCRIPT = """
const [secret, headers, body] = JSON.parse(process.argv[2]);
console.log(JSON.stringify(verify(secret, headers, Buffer.from(body))));
"""


def example(language: str) -> str:
    return str(re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.DOTALL)[0])


def test_the_receiver_in_python_takes_what_we_send_and_nothing_else() -> None:
    handled: list[Any] = []
    seen: list[str] = []

    def seen_before(event: str) -> bool:
        seen.append(event)
        return seen.count(event) > 1

    names: dict[str, Any] = {
        "handle": lambda kind, data: handled.append((kind, data)),
        "seen_before": seen_before,
    }
    exec(example("python"), names)  # noqa: S102 - it is our own page
    receive = names["receive"]
    headers = sign([OTHER_SECRET, SECRET], "e1", BODY)

    assert receive(SECRET, headers, BODY.encode()) == 204
    assert receive(OTHER_SECRET, headers, BODY.encode()) == 204
    assert receive(SECRET, headers, BODY.replace("01K", "02K").encode()) == 400
    assert receive(SECRET, {**headers, "webhook-timestamp": "1"}, BODY.encode()) == 400
    assert handled == [("message.received", {"message": "01KQSB2X2M8ZJ9V4T6W3R5Y7NA"})]


def test_the_receiver_in_javascript_takes_what_we_send_and_nothing_else(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node")
    program = tmp_path / "verify.mjs"
    program.write_text(example("javascript") + RUN_JAVASCRIPT)
    headers = sign([OTHER_SECRET, SECRET], "e1", BODY)

    def verify(**changes: Any) -> Any:
        given = {"secret": SECRET, "headers": headers, "body": BODY, **changes}
        words = json.dumps([given["secret"], given["headers"], given["body"]])
        done = subprocess.run([node, program, words], capture_output=True, check=True)
        return json.loads(done.stdout)

    assert verify() == json.loads(BODY)
    assert verify(secret=OTHER_SECRET) == json.loads(BODY)
    assert verify(body=BODY + " ") is None
    assert verify(headers={**headers, "webhook-timestamp": "1"}) is None
    assert verify(headers={}) is None


def test_the_table_names_every_setting_of_the_sink_with_its_default() -> None:
    text = README.read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| `(\w+)` \|", text, re.MULTILINE))
    own = {name: StreamConfig.model_fields[name] for name in rows}

    assert set(rows) == StreamConfig.model_fields.keys() - TargetConfig.model_fields.keys()
    for name, field in own.items():
        assert json.loads(rows[name]) == field.default, name
    for name in TargetConfig.model_fields:
        assert f"`{name}`" in text


def test_the_addresses_in_it_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", README.read_text()):
        assert target.startswith("https://") or (README.parent / target).exists(), target
