"""`headwater.yml`: a project's name, and the versions of Headwater that may run it.

    name: town                          # as in dbt_project.yml
    requires_headwater: ">=0.2,<0.3"    # version specifiers, as pip has them
    shares_airflow: true                # optional: its DAG ids and assets begin with town__, beside other projects

A project without the file is one of a version before 0.2: it goes by the name in its dbt_project.yml, and any
version runs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import yaml
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

import headwater
from headwater.metadata.errors import ProjectRefused
from headwater.metadata.static.naming import SAFE_NAME

FILE = "headwater.yml"
EXPECTED = {  # by what is wrong, as pydantic names it
    "missing": "is missing, expected it in the file",
    "bool_type": "expected true or false",
    "string_type": "expected text",
}
RAISING = (">=", ">", "~=", "==")  # operators that a version may be too old for


def _specifiers(value: Any) -> SpecifierSet:
    try:
        return value if isinstance(value, SpecifierSet) else SpecifierSet(value)
    except (InvalidSpecifier, TypeError, AttributeError):
        raise ValueError('expected version specifiers such as ">=0.2,<0.3"') from None


class _Content(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True)

    name: Annotated[str, Field(pattern=f"^{SAFE_NAME.pattern}$")]
    requires_headwater: Annotated[SpecifierSet, BeforeValidator(_specifiers)]
    shares_airflow: bool = False

    @model_validator(mode="after")
    def _has_a_prefix(self) -> _Content:
        if self.shares_airflow and "__" in self.name:
            raise ValueError(
                f"expected no __ in the name {self.name}, since it separates project and job in DAG ids"
            )
        return self


@dataclass(frozen=True)
class ProjectFile:
    """The content of a headwater.yml at `path`."""

    path: Path
    name: str
    requires_headwater: SpecifierSet
    shares_airflow: bool = False

    def allows(self, version: str) -> bool:
        """Return whether this version of Headwater may run the project; a pre-release of one in the range may."""
        return self.requires_headwater.contains(Version(version), prereleases=True)

    def is_newer_than(self, version: str) -> bool:
        """Return whether this version of Headwater is too old for the project."""
        return any(
            one.operator in RAISING
            and not one.contains(version, prereleases=True)
            and Version(version) <= Version(one.version.removesuffix(".*"))
            for one in self.requires_headwater
        )


def read_project_file(root: Path) -> ProjectFile | None:
    """Return what the headwater.yml in `root` says, None if there is no such file.

    Raises `ProjectRefused` if it is not what it should be.
    """
    path = root / FILE
    try:
        return _parsed(path, path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ProjectRefused(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        raise ProjectRefused(f"{path}: {_first_problem(error)}") from None


@lru_cache(maxsize=64)
def _parsed(path: Path, text: str) -> ProjectFile:  # each DAG and asset asks for the project again
    content = _Content.model_validate(yaml.safe_load(text))
    return ProjectFile(path, content.name, content.requires_headwater, content.shares_airflow)


def require_version(found: ProjectFile) -> None:
    """Raise `ProjectRefused` unless the project may be run by this version of Headwater."""
    version = headwater.__version__
    if found.allows(version):
        return
    wanted = found.requires_headwater
    upgrade = (
        ""
        if found.is_newer_than(version)
        else f"Run `headwater upgrade` to bring it to {version}, or install "
    )
    install = f"{'another' if upgrade else 'Install another'} Headwater: pip install 'headwater{wanted}'."
    raise ProjectRefused(
        f"{found.path} asks for Headwater {wanted}, and this is {version}. {upgrade}{install}"
    )


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    place = ".".join(map(str, problem["loc"]))
    if problem["type"] == "extra_forbidden":
        return f"unknown setting {place}, expected {', '.join(_Content.model_fields)}"
    if problem["type"] == "string_pattern_mismatch":
        return f"{place} is {problem['input']!r}, expected lower-case letters, digits and _, a letter first, at most 50"
    message = EXPECTED.get(problem["type"]) or problem["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else "expected the settings name and requires_headwater"
