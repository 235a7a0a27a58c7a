"""The wheel's tag: one that carries the library is for a platform, and for any Python 3 there."""

from __future__ import annotations

from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel


class LibraryDistribution(Distribution):
    """Python files, and perhaps the library, which belongs where extension modules do."""

    def has_ext_modules(self) -> bool:
        """Whether there is a library."""
        return any(Path("resnet").glob("libresnet.so*"))


class LibraryWheel(bdist_wheel):
    """A wheel whose library is of no Python's ABI."""

    def get_tag(self) -> tuple[str, str, str]:
        """Python, ABI and platform."""
        return "py3", "none", super().get_tag()[2]


setup(distclass=LibraryDistribution, cmdclass={"bdist_wheel": LibraryWheel})
