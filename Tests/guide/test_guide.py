"""Every page of docs/guide does what it says: its code is run, in its order, in an empty folder."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pages import Block, blocks, matches

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guide"


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Of a shell that finds an installed library, and the command."""
    prefix = tmp_path_factory.mktemp("prefix")
    subprocess.run(
        ["/usr/bin/make", "--silent", "install", "install-mpi", f"PREFIX={prefix}"],
        cwd=ROOT,
        check=True,
        timeout=60,
    )
    found = {
        "PATH": f"{prefix}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PKG_CONFIG_PATH": f"{prefix}/lib/pkgconfig",
        "LD_LIBRARY_PATH": f"{prefix}/lib",
        "CPATH": f"{prefix}/include",
        "LIBRARY_PATH": f"{prefix}/lib",
        # More ranks than cores, as root, in a container.
        "OMPI_MCA_rmaps_base_oversubscribe": "1",
        "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    }
    return os.environ | found


def write_cifar10(folder: Path) -> None:
    """Random images in the form of CIFAR-10's files, one for each class in each file."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    names = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
    for name in names:
        records = rng.integers(0, 256, (40, 1 + 3 * 32 * 32), np.uint8)
        records[:, 0] = np.arange(40) % 10
        records.tofile(folder / f"{name}.bin")
    (folder / "batches.meta.txt").write_text(
        "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n"
    )


def run(block: Block, namespace: dict[str, Any], environment: dict[str, str], page: str) -> str:
    """What a block prints."""
    # A file has its name, and nothing else, in the first line.
    if name := re.match(r"(?://|#|/\*) (\w+\.\w+)(?: \*/)?\n", block.code):
        Path(name[1]).write_text(block.code)
        return ""
    if block.language == "python":
        printed = io.StringIO()
        # Its lines are those of the page, for the sake of tracebacks.
        code = compile("\n" * (block.line - 1) + block.code, page, "exec")
        with contextlib.redirect_stdout(printed):
            exec(code, namespace)
        return printed.getvalue()
    if block.language == "sh":
        done = subprocess.run(
            ["/bin/bash", "-euo", "pipefail", "-c", block.code],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{page}:{block.line}: {done.stdout}{done.stderr}"
        return done.stdout
    raise AssertionError(f"{page}:{block.line}: a block in {block.language!r} without a name")


PAGES = sorted(path.name for path in GUIDE.glob("*.md"))


@pytest.mark.parametrize("page", PAGES)
def test_page(
    page: str, tmp_path: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_cifar10(tmp_path / "cifar-10-batches-bin")
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(GUIDE / page):
        printed = run(block, namespace, environment, page)
        if block.output is not None:
            assert matches(block.output, printed), (
                f"{page}:{block.line} prints\n{printed}instead of\n{block.output}"
            )


def test_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The third column is a program; what is C in it is in the page on embedding."""
    page = (GUIDE / "README.md").read_text()
    imports = re.search(r"after `(import [^`]+)`", page)
    assert imports
    rows = re.findall(r"^\|.*\| `([^|]+)` \|$", page, re.MULTILINE)
    lines = [row for row in rows if not row.startswith("rn_")]
    assert len(lines) >= 20
    (tmp_path / "images" / "a").mkdir(parents=True)
    Image.new("RGB", (32, 32)).save(tmp_path / "images" / "a" / "1.png")
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    namespace = {"x": rng.random((32, 3, 32, 32), np.float32), "y": np.arange(32) % 10}
    exec("\n".join([imports[1], *lines]), namespace)


def test_every_page_is_in_the_contents() -> None:
    contents = (GUIDE / "README.md").read_text()
    assert [page for page in PAGES if page != "README.md" and f"({page})" not in contents] == []


def test_output_is_compared() -> None:
    assert matches("a ... c\n", "a b\n c\n")
    assert not matches("a ... c\n", "a b\n")
    assert not matches("a.c\n", "abc\n")


def test_block_without_an_end_is_an_error(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\nprint()\n")
    with pytest.raises(ValueError, match="does not end"):
        blocks(page)
