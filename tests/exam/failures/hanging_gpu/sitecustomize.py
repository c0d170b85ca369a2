"""A GPU for a server under test: with this folder on PYTHONPATH, sessions on the CPU say that they are CUDA's.

While the file that EXAM_GPU_HANGS names is there, whatever runs on it waits for ever, as on a GPU that is gone.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

CHANGED = "app.inference.sessions"  # changed when it is loaded: gunicorn's first process must not load onnxruntime


class Finder:
    """Finds that one module the usual way, and has it changed after it was run."""

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        if name != CHANGED:
            return None
        sys.meta_path.remove(self)  # type: ignore[arg-type]
        spec = importlib.util.find_spec(name)
        assert spec is not None
        loader: Any = spec.loader
        run = loader.exec_module

        def exec_module(module: Any) -> None:
            run(module)
            change(module)

        loader.exec_module = exec_module
        return spec


def change(sessions: Any) -> None:
    """Let sessions that are not asked for the CPU claim to run on a GPU."""
    real = sessions.onnxruntime.InferenceSession

    class Graphic:
        def __init__(self, content: bytes, options: Any, providers: list[str], **_: Any) -> None:
            self._real = real(content, options, providers=[sessions.CPU])
            self._providers = [each if isinstance(each, str) else each[0] for each in providers]

        def __getattr__(self, name: str) -> Any:
            return getattr(self._real, name)

        def get_providers(self) -> list[str]:
            return self._providers

        def run(self, *arguments: Any) -> Any:
            while self._providers[0] == sessions.CUDA and Path(os.environ["EXAM_GPU_HANGS"]).exists():
                time.sleep(0.1)
            return self._real.run(*arguments)

    sessions.onnxruntime.InferenceSession = Graphic
    sessions._wanted = lambda provider, *_: [sessions.CPU] if provider == "cpu" else [sessions.CUDA]


sys.meta_path.insert(0, Finder())  # type: ignore[arg-type]
