"""Audio as values: blocks of samples in, bytes, files and measures out. No network, no clock.

The wire, byte by byte, is in ../README.md.
"""

from listen_codecs.demux import Demux
from listen_codecs.files import (
    SUFFIXES,
    AudioInfo,
    Encoding,
    NoAudio,
    UnreadableAudio,
    audio_info,
    opus_rate,
    read_audio,
    read_blocks,
    write_audio,
)
from listen_codecs.formats import MIXES, SAMPLE_RATES, AudioBlock, AudioFormat, Mix
from listen_codecs.g711 import decode_alaw, decode_ulaw, encode_alaw, encode_ulaw
from listen_codecs.levels import SilenceMeter, peak_dbfs, rms_dbfs
from listen_codecs.pcm import deinterleave, interleave
from listen_codecs.peaks import PeakCollector, draw, waveform_peaks
from listen_codecs.resampling import Resampler, resample
from listen_codecs.wav import (
    MAX_DATA_BYTES,
    NotAWav,
    WavHeader,
    read_wav_header,
    repair_wav,
    wav_header,
)

__all__ = [
    "MAX_DATA_BYTES",
    "MIXES",
    "SAMPLE_RATES",
    "SUFFIXES",
    "AudioBlock",
    "AudioFormat",
    "AudioInfo",
    "Demux",
    "Encoding",
    "Mix",
    "NoAudio",
    "NotAWav",
    "PeakCollector",
    "Resampler",
    "SilenceMeter",
    "UnreadableAudio",
    "WavHeader",
    "audio_info",
    "decode_alaw",
    "decode_ulaw",
    "deinterleave",
    "draw",
    "encode_alaw",
    "encode_ulaw",
    "interleave",
    "opus_rate",
    "peak_dbfs",
    "read_audio",
    "read_blocks",
    "read_wav_header",
    "repair_wav",
    "resample",
    "rms_dbfs",
    "wav_header",
    "waveform_peaks",
    "write_audio",
]
