"""Finding and loading the C library."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import resnet
from resnet import _library

if TYPE_CHECKING:
    from collections.abc import Iterator


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "PYTHONPATH": str(Path(resnet.__file__).parents[1]), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("content", [None, b"", b"not a library"])
def test_a_bad_path_in_libresnet_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "libresnet.so"
    if content is not None:
        path.write_bytes(content)
    done = run("import resnet; resnet.get_threads()", LIBRESNET=str(path))
    assert done.returncode == 1
    assert "LibraryError: LIBRESNET names" in done.stderr
    assert str(path) in done.stderr


def test_another_library_is_an_error() -> None:
    done = run("import resnet; resnet.get_threads()", LIBRESNET="libc.so.6")
    assert "LibraryError: libc.so.6 is not the library expected" in done.stderr


def test_importing_needs_no_library() -> None:
    assert run("import resnet", LIBRESNET="/nowhere").returncode == 0


def test_a_library_in_the_package_is_preferred_to_a_checkouts(tmp_path: Path) -> None:
    package = tmp_path / "checkout/bindings/python/resnet"
    places = _library._places(package / "_library.py")
    assert places == [package / "libresnet.so.1", package / "libresnet.so"]
    (tmp_path / "checkout/include").mkdir(parents=True)
    (tmp_path / "checkout/include/resnet.h").touch()
    assert _library._places(package / "_library.py") == [
        *places,
        tmp_path / "checkout/build/libresnet.so",
    ]


def test_versions() -> None:
    header = (Path(__file__).parents[3] / "include/resnet.h").read_text(encoding="utf-8")
    declared = re.findall(r"^#define RN_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)$", header, re.MULTILINE)
    assert resnet.__version__ == resnet.library_version() == ".".join(declared)
    assert importlib.metadata.version("resnet") == resnet.__version__


def test_winograd_can_be_forbidden() -> None:
    model = resnet.Model("resnet20", seed=1)
    images = np.random.default_rng(2).normal(size=(2, 3, 32, 32)).astype(np.float32)
    assert resnet.get_winograd()
    fast = model.logits(images)
    try:
        resnet.set_winograd(False)
        assert not resnet.get_winograd()
        direct = model.logits(images)
    finally:
        resnet.set_winograd(True)
    assert not np.array_equal(fast, direct)
    np.testing.assert_allclose(fast, direct, rtol=0, atol=1e-5 * np.abs(direct).max())
    np.testing.assert_array_equal(model.logits(images), fast)


def test_threads_can_be_set_and_read() -> None:
    try:
        resnet.set_threads(3)
        assert resnet.get_threads() == 3
    finally:
        resnet.set_threads(0)
    assert resnet.get_threads() >= 1
    for wrong in (-1, 2**40, 1.5, "2"):
        with pytest.raises(resnet.InvalidArgumentError, match="thread"):
            resnet.set_threads(wrong)  # type: ignore[arg-type]


def test_an_unknown_instruction_set_is_an_error() -> None:
    done = run(
        "import resnet\ntry:\n  resnet.instruction_set()\n"
        "except resnet.InvalidArgumentError as error: print(error)",
        RESNET_ISA="abacus",
    )
    assert "abacus" in done.stdout, done.stderr


def test_the_process_ends_cleanly_with_objects_alive() -> None:
    done = run(
        "import numpy as np, resnet, threading, time\n"
        "model = resnet.Model('resnet20')\n"
        "trainer = resnet.Trainer(model)\n"
        "x, y = np.zeros((64, 3, 32, 32), np.float32), np.zeros(64, np.int32)\n"
        "data = resnet.Dataset(x, y, classes=10)\n"
        "model.cycle = model\n"
        "def work():\n"
        "  while True: other.logits(x)\n"
        "other = resnet.Model('resnet20')\n"
        "threading.Thread(target=work, daemon=True).start()\n"
        "time.sleep(0.2)\n"
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def limited_group() -> Iterator[Path]:
    """A control group that may use half a processor."""
    root, file, limit = Path("/sys/fs/cgroup/cpu"), "cpu.cfs_quota_us", "50000"
    if not (root / file).exists():
        root, file, limit = root.parent, "cpu.max", "50000 100000"
    try:
        group = Path(tempfile.mkdtemp(prefix="resnet-", dir=root))
    except OSError as error:
        pytest.skip(f"no control groups can be made here: {error}")
    try:
        # A file that is not there cannot be made.
        (group / file).write_text(limit)
        yield group
    except OSError as error:
        pytest.skip(f"the control groups here cannot be limited: {error}")
    finally:
        group.rmdir()


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is one thread anyway")
def test_threads_fit_the_time_that_the_control_group_has(limited_group: Path) -> None:
    done = run(
        f"import resnet; open({str(limited_group / 'cgroup.procs')!r}, 'w').write('0');"
        "print(resnet.get_threads()); resnet.set_threads(2); print(resnet.get_threads());"
        "resnet.set_threads(0); print(resnet.get_threads())"
    )
    assert done.stdout.split() == ["1", "2", "1"], done.stderr
