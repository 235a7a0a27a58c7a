"""Child processes that answer, or fail, within a time."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from typing_extensions import Self

LOG_TAIL = 200


class FailedError(Exception):
    """A process did not do what it was started for."""


class Process:
    """A program in a process group of its own, which ends with it."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], log: pathlib.Path
    ) -> None:
        """Starts the program; what it writes to standard error goes to `log`."""
        self._log = log
        with log.open("wb") as errors:
            self._child = subprocess.Popen(  # noqa: S603 (our own programs)
                command,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                bufsize=0,
                start_new_session=True,
            )
        self._in, self._out = self._pipe(self._child.stdin), self._pipe(self._child.stdout)

    @staticmethod
    def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
        assert stream is not None  # noqa: S101 (asked for above)
        return stream

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends the process and all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()
        self._in.close()
        self._out.close()

    def send_line(self, line: str) -> None:
        """Writes a line to its standard input.

        Raises:
            FailedError: It has ended.
        """
        try:
            self._in.write(line.encode() + b"\n")
        except BrokenPipeError:
            raise self._failed("ended") from None

    def read_line(self, seconds: float) -> str:
        """The next line of its standard output.

        Raises:
            FailedError: There was none within the time.
        """
        line, deadline = b"", time.monotonic() + seconds
        while not line.endswith(b"\n"):
            line += self._read(1 << 16, deadline, seconds)
        return line.decode()

    def read_bytes(self, count: int, seconds: float) -> bytes:
        """The next bytes of its standard output.

        Raises:
            FailedError: There were fewer within the time.
        """
        data, deadline = b"", time.monotonic() + seconds
        while len(data) < count:
            data += self._read(count - len(data), deadline, seconds)
        return data

    def wait(self, seconds: float) -> int:
        """Waits for its end; returns the most bytes that it had resident.

        Raises:
            FailedError: It failed, or took longer.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            done, status, usage = os.wait4(self._child.pid, os.WNOHANG)
            if done:
                self._child.returncode = os.waitstatus_to_exitcode(status)
                if self._child.returncode != 0:
                    raise self._failed(f"exit status {self._child.returncode}")
                return 1024 * usage.ru_maxrss
            time.sleep(0.001)
        raise self._failed(f"did not end within {seconds:.0f} s")

    def _read(self, count: int, deadline: float, seconds: float) -> bytes:
        ready, _, _ = select.select([self._out], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            raise self._failed(f"no answer within {seconds:.0f} s")
        data = self._out.read(count)
        if not data:
            raise self._failed("ended without an answer")
        return data

    def _failed(self, how: str) -> FailedError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(1)
        lines = self._log.read_text(errors="replace").strip().splitlines() or [""]
        return FailedError(f"{how}: {lines[-1][-LOG_TAIL:]}")
