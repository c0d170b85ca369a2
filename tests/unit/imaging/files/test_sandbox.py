"""What a process can do once it is shut in: one process tries everything inside, and copies of another one outside."""

import json
import subprocess
import sys

import pytest

from imaging.files import sandbox

TRIES = """
import ctypes, fcntl, json, mmap, os, resource, signal, socket, sys, threading, time
from imaging.files import sandbox
secret, walls, attempts = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
held, parent = os.open(secret, os.O_RDONLY), os.getppid()

def outcome(attempt):
    try:
        exec(attempt)
        return "done"
    except (OSError, RuntimeError) as error:
        return f"refused: {error}"

def outcome_of_a_copy(attempt):
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.dup2(writing, 1)
        os.write(1, outcome(attempt).encode())
        os._exit(0)
    os.close(writing)
    return os.read(reading, 999).decode().strip()

if walls == "shut":
    sandbox.enter()
tell = outcome if walls == "shut" else outcome_of_a_copy
sys.stdout.write(json.dumps({attempt: tell(attempt) for attempt in attempts}))
"""
REFUSED = {
    "read the database": "open(secret, 'rb').read()",
    "write beside it": "os.open(secret + '.new', os.O_CREAT | os.O_WRONLY)",
    "see that it is there": "os.stat(secret)",
    "list a folder": "os.listdir(os.path.dirname(secret))",
    "rename it": "os.rename(secret, secret + '.other'); os.rename(secret + '.other', secret)",
    "link to it": "os.symlink(secret, secret + '.link'); os.unlink(secret + '.link')",
    "change its rights": "os.chmod(secret, 0o600)",
    "change the rights of what it holds": "os.fchmod(held, 0o600)",
    "make a connection": "socket.socket(socket.AF_INET).close()",
    "make a connection on this machine": "socket.socket(socket.AF_UNIX).close()",
    "make a pair of sockets": "socket.socketpair()[0].close()",
    "make a pipe": "os.pipe()",
    "start a process": "os.fork() or os._exit(0)",
    "become another program": "os.execv('/bin/echo', ['echo', 'done'])",
    "signal the server": "os.kill(parent, 0)",
    "limit the server": "resource.prlimit(parent, resource.RLIMIT_NPROC)",
    "have the server signalled by a file": "fcntl.fcntl(held, fcntl.F_SETOWN, parent)",
    "map code": "mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC)",
    "see the folder that it is in": "os.getcwd()",
}
ALLOWED = {
    "read what it holds": "os.read(held, 4)",
    "start a thread of its own": "thread = threading.Thread(target=int); thread.start(); thread.join()",
    "take memory": "mmap.mmap(-1, 50_000_000); bytearray(50_000_000)",
    "limit itself": "resource.setrlimit(resource.RLIMIT_CPU, (99, resource.getrlimit(resource.RLIMIT_CPU)[1]))",
    "wait": "time.sleep(0.001)",
    "ask for a lock on what it holds": "fcntl.lockf(held, fcntl.LOCK_SH | fcntl.LOCK_NB)",
}


def outcomes(folder, walls):
    secret = folder / "sonotriage.db"
    secret.write_text("s3cret")
    attempts = json.dumps([*REFUSED.values(), *ALLOWED.values()])
    command = [sys.executable, "-c", TRIES, str(secret), walls, attempts]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    return outcomes(tmp_path_factory.mktemp("outside"), "open")


@pytest.fixture(scope="module")
def inside(tmp_path_factory):
    return outcomes(tmp_path_factory.mktemp("inside"), "shut")


@pytest.mark.parametrize("name", REFUSED)
def test_a_process_that_is_shut_in_can_not(outside, inside, name):
    assert outside[REFUSED[name]] == "done"
    assert inside[REFUSED[name]].startswith("refused:")


@pytest.mark.parametrize("name", ALLOWED)
def test_a_process_that_is_shut_in_can_still(inside, name):
    assert inside[ALLOWED[name]] == "done"


def test_threads_that_were_there_before_are_shut_in_too():
    code = """
import socket, threading
from imaging.files import sandbox
shut, told = threading.Event(), []
def work():
    shut.wait(20)
    try:
        socket.socket()
    except PermissionError:
        told.append("refused")
thread = threading.Thread(target=work)
thread.start()
sandbox.enter()
shut.set()
thread.join()
print(*told)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert found.stdout == "refused\n"


def test_the_trial_says_that_it_works():
    found = subprocess.run([sys.executable, "-m", "imaging.files.sandbox"], capture_output=True, text=True, timeout=60)
    assert (found.returncode, found.stdout) == (0, "")


def test_the_trial_says_what_is_missing():
    code = "import sys; sys.modules['pyseccomp'] = None\nfrom imaging.files import sandbox; sandbox.main()"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (found.returncode, found.stdout) == (1, "pyseccomp is not installed")


def test_a_missing_library_is_told_from_a_missing_binding(monkeypatch):
    monkeypatch.delitem(sys.modules, "pyseccomp", raising=False)
    monkeypatch.setattr("ctypes.util.find_library", lambda name: None if name == "seccomp" else "libc.so.6")
    with pytest.raises(sandbox.NoSandbox, match="libseccomp is not installed"):
        sandbox.enter()
