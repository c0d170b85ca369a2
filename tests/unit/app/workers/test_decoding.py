import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from jpeg_ls import encode_array
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGLSLossless

from app.workers import decoding
from app.workers.decoding import Decoder, Walls
from imaging.errors import RefusedUpload
from imaging.files.decode import decode
from tests.exam.fuzzing.fuzz import mutated
from tests.exam.fuzzing.fuzz_files import wholes
from tests.factories import pictures

MOST = 25_000_000
GREY = pictures.ultrasound()
CHILD = Path("imaging/files/decoder_process.py")


@pytest.fixture(scope="module")
def decoder():
    decoder = Decoder(MOST, 20, children=1)
    yield decoder
    decoder.close()


SAYS_IT_IS_READY = """
import json, os, struct
def frame(header):
    text = json.dumps(header).encode()
    return struct.pack('>I', len(text)) + text
os.write(1, frame({'sandbox': 'seccomp', 'missing': '', 'length': 0}))
"""


@pytest.fixture
def stubborn(monkeypatch):
    """Make a decoder whose children run other code than the decoder's: what a captured child might do."""
    made = []

    def with_code(code, timeout_s=20, first=SAYS_IT_IS_READY, sandbox="auto"):
        monkeypatch.setattr(decoding, "_COMMAND", (sys.executable, "-c", first + code))
        made.append(Decoder(MOST, timeout_s, children=1, sandbox=sandbox))
        return made[-1]

    yield with_code
    for decoder in made:
        decoder.close()


def refusal_of(decoder, content, frame=None):
    with pytest.raises(RefusedUpload) as refusal:
        decoder.decode(content, frame)
    return refusal.value


def process_of(decoder):
    return decoder._children[0]._process


def test_a_child_answers_what_the_decoder_itself_answers(decoder):
    content = pictures.dicom(np.stack([GREY, 255 - GREY]), NumberOfFrames=2, PixelSpacing=["0.1", "0.1"])
    for frame in (None, 0, 1):
        here, there = decode(content, MOST, frame), decoder.decode(content, frame)
        assert np.array_equal(here.pixels, there.pixels)
        assert {**vars(here), "pixels": 0} == {**vars(there), "pixels": 0}


def test_a_refusal_keeps_code_sentence_and_status(decoder):
    for content in (b"", b"no picture", pictures.png_header(50_000, 50_000), pictures.encoded(GREY)[:900]):
        with pytest.raises(RefusedUpload) as here:
            decode(content, MOST)
        there = refusal_of(decoder, content)
        assert vars(here.value) == vars(there)


def test_a_child_lives_through_many_uploads_and_refusals(decoder):
    content = pictures.encoded(GREY)
    decoder.decode(content)
    process = process_of(decoder).pid
    for _ in range(5):
        decoder.decode(content)
        refusal_of(decoder, b"no picture")
    assert process_of(decoder).pid == process


def test_a_killed_child_is_replaced_before_the_next_upload(decoder):
    decoder.decode(pictures.encoded(GREY))
    before = process_of(decoder)
    before.kill()
    before.wait()
    assert np.array_equal(decoder.decode(pictures.encoded(GREY)).pixels, GREY)
    assert process_of(decoder).pid != before.pid


def test_a_child_that_dies_at_work_means_a_damaged_picture_and_the_next_one_is_read(decoder, monkeypatch):
    decoder.decode(pictures.encoded(GREY))
    process = process_of(decoder)
    os.kill(process.pid, signal.SIGSTOP)
    threading.Timer(0.2, process.kill).start()
    found = refusal_of(decoder, pictures.encoded(GREY))
    assert (found.code, found.status) == ("damaged_image", 422)
    assert np.array_equal(decoder.decode(pictures.encoded(GREY)).pixels, GREY)


def test_a_child_that_takes_too_long_is_killed_and_the_next_upload_is_read():
    decoder = Decoder(MOST, 20, children=1)
    decoder.decode(pictures.encoded(GREY))
    process = process_of(decoder)
    os.kill(process.pid, signal.SIGSTOP)
    decoder.timeout_s = 1
    start = time.monotonic()
    found = refusal_of(decoder, pictures.encoded(GREY))
    assert (found.code, found.status) == ("decode_timeout", 422)
    assert time.monotonic() - start < 4
    assert process.poll() is not None
    decoder.timeout_s = 20
    assert np.array_equal(decoder.decode(pictures.encoded(GREY)).pixels, GREY)
    decoder.close()


def test_when_every_child_is_at_work_the_answer_is_try_again():
    decoder = Decoder(MOST, 1, children=1)
    decoder._free.get()
    found = refusal_of(decoder, pictures.encoded(GREY))
    assert (found.code, found.status) == ("decoder_busy", 503)
    decoder.close()


def test_many_threads_get_their_own_pictures():
    decoder = Decoder(MOST, 20, children=2)
    twins = [pictures.ultrasound(seed, None, 100, 120) for seed in range(6)]

    def is_own(index):
        twin = twins[index % len(twins)]
        return np.array_equal(decoder.decode(pictures.encoded(twin)).pixels, twin)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(is_own, range(48)))
    decoder.close()


def test_children_end_with_the_decoder():
    decoder = Decoder(MOST, 20, children=1)
    decoder.decode(pictures.encoded(GREY))
    process = process_of(decoder)
    decoder.close()
    assert process.poll() is not None
    decoder.close()


def test_children_end_when_the_decoder_is_forgotten():
    decoder = Decoder(MOST, 20, children=1)
    decoder.decode(pictures.encoded(GREY))
    process = process_of(decoder)
    del decoder
    assert process.poll() is not None


def test_a_child_sees_no_secret_of_the_server(monkeypatch, stubborn):
    monkeypatch.setenv("SONOTRIAGE_SECRET_KEY", "s3cret")
    decoder = stubborn("import os, sys; sys.exit('SONOTRIAGE_SECRET_KEY' in os.environ)")
    child = decoder._take()
    assert child.start().wait(20) == 0
    child.end()


@pytest.mark.parametrize(
    "answer",
    [
        "b'no frame at all, only words'",
        "b'\\xff\\xff\\xff\\xff'",
        "b'\\0\\0\\0\\2[]'",
        "frame({'length': 4}) + b'abcd'",
        "frame({'length': -1})",
        "frame({'length': 10**12})",
        "frame({'refused': {'code': 'x', 'sentence': 'y', 'status': 200}, 'length': 0})",
        "frame({'refused': 'x', 'length': 0})",
        "frame(GOOD | {'height': -1, 'width': -4, 'length': 4}) + b'abcd'",
        "frame(GOOD | {'height': 9, 'width': 9, 'length': 4}) + b'abcd'",
        "frame(GOOD | {'length': 4}) + b'ab'",
        "frame(GOOD | {'notices': 5, 'length': 4}) + b'abcd'",
    ],
)
def test_what_a_captured_child_answers_is_not_believed(stubborn, answer):
    decoder = stubborn(
        "import sys\n"
        "GOOD = dict(height=2, width=2, kind='png', colour_share=0.0, spacing_mm=None, spacing_source=None,"
        " frame=0, frames=1, notices=[])\n"
        "sys.stdin.buffer.read(4)\n"
        f"os.write(1, {answer})\n"
    )
    assert refusal_of(decoder, pictures.encoded(GREY)).code == "damaged_image"


def test_a_child_that_uses_up_its_processor_time_took_too_long(stubborn):
    pytest.importorskip("resource")
    decoder = stubborn("import os, signal; os.kill(os.getpid(), signal.SIGXCPU)")
    assert refusal_of(decoder, pictures.encoded(GREY)).code == "decode_timeout"


def status_of(process):
    """Lines of /proc/PID/status by their names."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_a_child_is_shut_in_before_the_first_foreign_byte():
    decoder = Decoder(MOST, 20, children=1, sandbox="required")
    decoder.warm_up()
    status = status_of(process_of(decoder))
    assert decoder.walls == Walls("seccomp")
    assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", "1")
    assert np.array_equal(decoder.decode(pictures.encoded(GREY)).pixels, GREY)
    decoder.close()


def test_a_jpeg_ls_stream_that_breaks_off_is_damaged_at_once(decoder):
    whole = bytes(encode_array(GREY))
    for cut in (whole[:-2], whole[: len(whole) // 2], whole[:400]):
        assert code_of(decoder, cut) in ("read", "damaged_image")
        packed = pictures.dicom(GREY, JPEGLSLossless, body=encapsulate([cut]))
        assert code_of(decoder, packed) in ("read", "bad_dicom")


def code_of(decoder, content):
    answer = answer_of(decoder, content)
    return answer[0] if isinstance(answer, tuple) else "read"


def test_whatever_comes_a_child_that_is_shut_in_answers_as_an_open_one():
    """Else something that is imported or opened late would be missing inside, and its picture be called damaged."""
    decoders = [Decoder(MOST, 20, children=1, sandbox=sandbox) for sandbox in ("off", "required")]
    for content in [*(whole for _, whole in wholes()), *(mutated(number)[1] for number in range(120))]:
        outside, inside = (answer_of(decoder, content) for decoder in decoders)
        assert inside == outside
    for decoder in decoders:
        decoder.close()


def answer_of(decoder, content):
    try:
        picture = decoder.decode(content)
        return vars(picture) | {"pixels": picture.pixels.tobytes()}
    except RefusedUpload as refusal:
        return refusal.code, refusal.sentence


def test_children_stay_open_where_that_is_said():
    decoder = Decoder(MOST, 20, children=1, sandbox="off")
    assert decoder.walls is None
    assert np.array_equal(decoder.decode(pictures.encoded(GREY)).pixels, GREY)
    assert decoder.walls == Walls(None, "turned off")
    assert status_of(process_of(decoder))["Seccomp"] == "0"
    decoder.close()


IS_OPEN = SAYS_IT_IS_READY.replace("'seccomp', 'missing': ''", "None, 'missing': 'libseccomp is not installed'")


def test_where_walls_are_required_an_open_child_gets_no_picture(stubborn, caplog):
    decoder = stubborn("import sys; sys.exit(len(sys.stdin.buffer.read(1)))", first=IS_OPEN, sandbox="required")
    child = decoder._children[0]
    process = child.start()
    assert refusal_of(decoder, pictures.encoded(GREY)).code == "decoder_busy"
    assert process.returncode in (0, -signal.SIGKILL)  # 1: a byte of the picture came
    assert caplog.records[-1].reason == "libseccomp is not installed"


def test_where_walls_are_wished_for_an_open_child_does_and_says_so(stubborn):
    decoder = stubborn("import sys; sys.stdin.buffer.read(4)", first=IS_OPEN)
    assert refusal_of(decoder, pictures.encoded(GREY)).code == "damaged_image"
    decoder._children[0].meet()
    assert decoder.walls == Walls(None, "libseccomp is not installed")


@pytest.mark.parametrize(
    "first",
    ["import os; os.write(1, b'a word')", "import sys; sys.exit(1)", "import os; os.write(1, b'\\0\\0\\0\\2[]')"],
)
def test_a_child_that_does_not_get_ready_gets_no_picture(stubborn, first):
    decoder = stubborn("", first=first)
    decoder.warm_up()
    assert refusal_of(decoder, pictures.encoded(GREY)).code == "decoder_busy"


def test_the_child_after_the_last_is_ready_before_somebody_waits_for_it(stubborn):
    decoder = Decoder(MOST, 20, children=1)
    decoder.decode(pictures.encoded(GREY))
    process = process_of(decoder)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    decoder._children[0].renew()
    assert process_of(decoder).poll() is None
    decoder.close()


def test_a_server_that_can_start_no_child_says_try_again(monkeypatch):
    monkeypatch.setattr(decoding, "_COMMAND", ("/nonexistent/python",))
    decoder = Decoder(MOST, 1, children=1)
    assert refusal_of(decoder, pictures.encoded(GREY)).status == 503
