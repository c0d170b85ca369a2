import io
import struct
import subprocess
import sys

import pytest

from imaging.files import decoder_process
from imaging.files.decoder_process import read_header, write_frame
from tests.factories import pictures

PROBE = """
import os, resource
from imaging.files.decoder_process import _limit_cpu, _limit_for_good
_limit_for_good()
_limit_cpu(3)
"""


def run(code):
    return subprocess.run([sys.executable, "-c", PROBE + code], capture_output=True, text=True, timeout=60)


def test_a_frame_is_read_as_it_was_written():
    stream = io.BytesIO()
    write_frame(stream, {"kind": "png"}, b"body")
    stream.seek(0)
    assert read_header(stream) == {"kind": "png", "length": 4}
    assert stream.read() == b"body"
    assert read_header(stream) is None


@pytest.mark.parametrize("content", [struct.pack(">I", 70_000), b"\0\0\0\2[]", b"\0\0\0\2{x"])
def test_a_header_that_is_none_is_an_error(content):
    with pytest.raises((ValueError, EOFError)):
        read_header(io.BytesIO(content))


@pytest.mark.parametrize("content", [b"\0\0", b"\0\0\0\x09{}"])
def test_a_header_that_breaks_off_is_an_error(content):
    with pytest.raises(EOFError):
        read_header(io.BytesIO(content))


def test_a_child_may_not_write_files(tmp_path):
    result = run(f"os.write(os.open({str(tmp_path / 'file')!r}, os.O_CREAT | os.O_WRONLY), b'x')")
    assert "File too large" in result.stderr
    assert (tmp_path / "file").stat().st_size == 0


def test_a_child_may_not_take_much_memory():
    assert "MemoryError" in run("bytearray(2 * 1024**3)").stderr


def test_a_child_may_not_compute_for_long():
    result = run("print(resource.getrlimit(resource.RLIMIT_CPU)[0], resource.getrlimit(resource.RLIMIT_CORE)[0])")
    seconds, core = (int(value) for value in result.stdout.split())
    assert seconds <= 6
    assert core == 0


def test_a_child_ends_after_its_last_job_and_says_so(monkeypatch):
    monkeypatch.setattr(decoder_process, "MOST_JOBS", 2)
    monkeypatch.setattr(decoder_process, "_limit_for_good", lambda: None)
    monkeypatch.setattr(decoder_process, "_limit_cpu", lambda cpu_s: None)
    requests, answers = io.BytesIO(), io.BytesIO()
    for _ in range(3):
        write_frame(requests, {"max_pixels": 10**6, "frame": None, "cpu_s": 5}, pictures.encoded(pictures.ultrasound()))
    requests.seek(0)
    monkeypatch.setattr(decoder_process, "_claim_pipes", lambda: (requests, answers))
    decoder_process.main()
    answers.seek(0)
    headers = []
    while (header := read_header(answers)) is not None:
        answers.read(header["length"])
        headers.append(header)
    assert (headers[0]["sandbox"], headers[0]["missing"]) == (None, "turned off")
    assert [header["is_last"] for header in headers[1:]] == [False, True]


def test_what_a_library_prints_does_not_reach_the_answers():
    code = """
import os, sys
from imaging.files.decoder_process import _claim_pipes
_, answers = _claim_pipes()
os.write(1, b"library chatter")
print("more chatter", flush=True)
answers.write(b"answer"); answers.flush()
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, input=b"", timeout=60)
    assert result.stdout == b"answer"
