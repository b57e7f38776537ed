"""The program of the child process that llama.cpp runs in. It is run as a file and imports nothing of ours, so that it starts at once.

It reads one line of JSON from stdin (the settings, the key among them: arguments can be seen by other users), loads the model, writes
one line of JSON to stdout, and then serves until it is ended or its stdin closes. What llama.cpp itself says goes to stderr.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from typing import Any, NoReturn

NOT_LOADED = 3
"""The exit code when llama.cpp refused the model; why stands on stderr."""


def main() -> NoReturn:
    """Serve until the parent goes."""
    given = json.loads(sys.stdin.buffer.readline() or b"{}")
    if not given:
        os._exit(0)
    _die_with(given["parent"])
    threading.Thread(target=_watch, daemon=True).start()
    # What a library prints must not come between the parent and the one line it waits for.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    import xllamacpp

    try:
        server = xllamacpp.Server(_params(xllamacpp, given))
    except RuntimeError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(
            NOT_LOADED
        )  # the long way out: llama.cpp writes its log in a thread of its own, and why it failed may still be in there
    answers.write(json.dumps({"listening": server.listening_address}) + "\n")
    answers.flush()
    while True:
        threading.Event().wait()


def _params(xllamacpp: Any, given: dict[str, Any]) -> Any:
    params = xllamacpp.CommonParams()
    params.model.path = given["model"]
    params.mmproj.path = given["projector"]
    params.model_alias = {given["alias"]}
    params.hostnames = ["127.0.0.1"]
    params.port = 0  # whichever is free
    params.api_keys = [given["key"]]
    params.n_parallel = given["slots"]
    params.n_ctx = given["context"] * given["slots"]  # it is divided among the slots
    params.cpuparams.n_threads = given["threads"]
    params.cpuparams_batch.n_threads = given["batch_threads"]
    if given["gpu_layers"] is not None:
        params.n_gpu_layers = given["gpu_layers"]
        params.mmproj_use_gpu = given["gpu_layers"] > 0
    params.use_jinja = True
    params.warmup = False
    params.offline = True  # never fetches anything
    params.ui = params.endpoint_slots = params.endpoint_props = False
    params.cache_ram_mib = 0  # no two windows begin alike: 8 GiB of remembered prompts would serve nobody
    params.verbosity = 1  # errors
    return params


def _die_with(parent: int) -> None:
    """See that the end of the parent is ours, however it ended, also while llama.cpp loads and no other thread can run."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    set_death_signal = 1  # PR_SET_PDEATHSIG
    ctypes.CDLL(None, use_errno=True).prctl(set_death_signal, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)  # it went before we asked


def _watch() -> None:
    """Nothing more is ever sent: the end of stdin is the parent's end."""
    while os.read(0, 1):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
