import re
from pathlib import Path

from lsv1_vectors import KEY, load, vectors

import listen_sinks.voicemail

PAGE = (Path(listen_sinks.voicemail.__file__).parent / "FORMAT.md").read_text()


def test_the_example_on_the_page_is_the_vector_byte_for_byte() -> None:
    example = PAGE.split("\nLSV1\n")[1].split("```")[0]
    bytes_on_the_page = re.findall(r"^  ((?:[0-9a-f]{2} ?)+)$", "LSV1\n" + example, re.MULTILINE)

    assert "".join(bytes_on_the_page).replace(" ", "") == load()["inline"]["hello.lsv1"]
    assert next(vectors())[0].key == KEY.hex() == bytes(range(32)).hex()


def test_every_name_of_the_header_is_on_the_page() -> None:
    header = bytes.fromhex(load()["inline"]["hello.lsv1"])[8:-86].decode()

    assert header in PAGE
    for name in re.findall(r'"(\w+)":', header):
        assert f"| `{name}` |" in PAGE
