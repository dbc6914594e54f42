import io

import pytest
import soundfile

from listen_codecs import UnreadableAudio, read_audio, wav_header
from listen_codecs.guarded import Guarded, guarded


class BrokenDisk(io.BytesIO):
    """A file that cannot be read from a certain byte on."""

    broken_from = 100

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() + (size or 0) > self.broken_from:
            raise OSError("the disk is broken")
        return super().read(size)


def test_a_disk_that_breaks_while_a_file_is_read_is_not_called_bad_audio(
    capfd: pytest.CaptureFixture[str],
) -> None:
    file = BrokenDisk(wav_header(8000, 1, 4000) + bytes(4000))

    with pytest.raises(OSError, match="broken"):
        read_audio(file)

    assert capfd.readouterr() == ("", "")


def test_the_first_thing_that_went_wrong_is_the_one_that_is_told() -> None:
    lent = Guarded(BrokenDisk(bytes(200)))
    lent.readinto(memoryview(bytearray(150)))
    first = lent.error

    assert lent.readinto(memoryview(bytearray(160))) == 0
    assert lent.error is first is not None


def test_a_header_that_points_before_the_file_is_no_fault_of_the_disk() -> None:
    lent = Guarded(io.BytesIO(bytes(8)))

    assert lent.seek(-1) == -1
    assert lent.seek(3) == lent.tell() == 3
    assert lent.error is None


def test_an_error_that_libsndfile_did_not_notice_is_raised_all_the_same() -> None:
    with pytest.raises(OSError, match="broken"), guarded(BrokenDisk(bytes(200))) as lent:
        lent.readinto(memoryview(bytearray(150)))


def test_libsndfiles_own_errors_stay_what_they_are() -> None:
    with pytest.raises(soundfile.LibsndfileError), guarded(io.BytesIO(b"no audio")) as lent:
        soundfile.SoundFile(lent)
    with pytest.raises(UnreadableAudio, match="recognised"):
        read_audio(io.BytesIO(b"no audio"))
