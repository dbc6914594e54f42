import pytest

from listen_codecs import MIXES, SAMPLE_RATES, AudioFormat, Mix


@pytest.mark.parametrize("rate", [0, -8000, 44100, 10**9])
def test_a_rate_that_jambonz_does_not_have_is_refused(rate: int) -> None:
    with pytest.raises(ValueError, match="sample rate"):
        AudioFormat(rate, "mono")


def test_a_mix_that_jambonz_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="quad"):
        AudioFormat(8000, "quad")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mix", "channels"), list(zip(MIXES, (1, 2, 1), strict=True)), ids=list(MIXES)
)
def test_only_stereo_has_two_channels(mix: Mix, channels: int) -> None:
    assert AudioFormat(8000, mix).channels == channels
    assert AudioFormat(8000, mix).frame_bytes == 2 * channels


@pytest.mark.parametrize("rate", SAMPLE_RATES)
def test_a_packet_lasts_twenty_milliseconds_at_every_rate(rate: int) -> None:
    assert AudioFormat(rate, "stereo").seconds(rate // 50) == pytest.approx(0.02)
