"""The files below `models/`, read as text: which models there are, and which of them each one reads.

dbt parses a whole project before it runs one model; what a text says is known at once. A reference that only dbt can
resolve (`ref` of an expression) is not found here, and dbt then fails on a subset of the project.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from headwater.metadata.static.naming import PREFIXES

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_REF = re.compile(r"\bref\(\s*(?:(['\"])[^'\"]*\1\s*,\s*)?(['\"])([^'\"]+)\2")
_SOURCE = re.compile(r"\{\{-?\s*source\(")
_KNOWN_AT = re.compile(r"\bknown_at\(\s*(['\"])(\w+)\1")
_NAMED = re.compile(r"\b(?:name|model): *['\"]?(\w+)")
_OF_A_SOURCE = re.compile(r"_(\w+)__(?:source\.yml|docs\.md)")
_CALLED_FROM = {"models": "name", "unit_tests": "model"}  # parts of a YAML that are about one model each
_DEPENDENT = ("exposures", "metrics", "semantic_models", "saved_queries")  # parts that may read several


@dataclass(frozen=True)
class Properties:
    """A YAML file beside models; `text` is what of it concerns some models, or None if all of it does."""

    path: Path
    text: str | None


class ModelFiles:
    """The files in the folder `models` of a project."""

    def __init__(self, models: Path) -> None:
        self._models = models
        self._texts: dict[Path, str] = {}

    @cached_property
    def _files(self) -> Sequence[Path]:
        return sorted(path for path in self._models.rglob("*.*") if path.is_file())

    @cached_property
    def paths(self) -> Mapping[str, Path]:
        """Model → its SQL file."""
        return {path.stem: path for path in self._files if path.suffix == ".sql"}

    @property
    def behind_history(self) -> list[str]:
        """The models that are no source's: marts and what they are made of, in the order of their paths."""
        layers = {self._models / layer for layer in PREFIXES}
        between = {name for source in self._sources for name in self.closure(models_of(source))}
        return [
            name
            for name, path in sorted(self.paths.items(), key=lambda item: item[1])
            if not layers & set(path.parents) and name not in between
        ]

    @property
    def read_elsewhere(self) -> set[str]:
        """The sources whose staged rows a model outside the folders of the layers reads itself."""
        prefix = PREFIXES["staging"]
        folders = [path for path in self._models.glob("*/") if path.name not in PREFIXES]
        paths = [*self._models.glob("*.sql"), *(path for folder in folders for path in folder.rglob("*.sql"))]
        texts = map(self._text, paths)
        read = {name for text in texts for _, _, name in _REF.findall(text)}
        return {name.removeprefix(prefix) for name in read if name.startswith(prefix)}

    @property
    def _sources(self) -> list[str]:
        prefix = PREFIXES["historical"]
        return [name.removeprefix(prefix) for name in self.paths if name.startswith(prefix)]

    def reads(self, model: str) -> set[str]:
        """Return the models and seeds that a model refers to."""
        text = self._text(self.paths[model])
        known = [name for _, source in _KNOWN_AT.findall(text) for name in models_of(source)]
        return {name for _, _, name in _REF.findall(text)} | set(known)

    def reads_sources(self, models: Iterable[str]) -> bool:
        """Return whether one of the models reads a table that dbt does not make."""
        return any(_SOURCE.search(self._text(self.paths[model])) for model in models)

    def closure(self, models: Iterable[str]) -> set[str]:
        """Return the present ones of some models, and all models that they are made of."""
        found: set[str] = set()
        left = [name for name in models if name in self.paths]
        while left:
            name = left.pop()
            found.add(name)
            left += [read for read in self.reads(name) if read in self.paths and read not in found]
        return found

    def documents(self, sources: Collection[str]) -> list[Path]:
        """Return the files of doc blocks but those of other sources."""
        return [path for path in self._files if path.suffix == ".md" and _is_of(path, sources)]

    def properties(self, models: Collection[str], sources: Collection[str]) -> list[Properties]:
        """Return the YAML files that say something of the models, or of no model; without what they say of others."""
        of_models = {path for model in models for path in self._mentions.get(model, ())}
        paths = [path for path in self._mentions[""] if path in of_models or path.stem not in self.paths]
        found = [
            Properties(path, _restricted(self._text(path), models)) for path in paths if _is_of(path, sources)
        ]
        return [one for one in found if one.text != ""]

    @cached_property
    def _mentions(self) -> Mapping[str, Sequence[Path]]:
        """Name → the YAML files with an entry about it; all YAML files by ""."""
        mentions = defaultdict(list)
        for path in self._files:
            if path.suffix in (".yml", ".yaml"):
                for name in {"", *_NAMED.findall(self._text(path))}:
                    mentions[name].append(path)
        return {"": [], **mentions}

    def _text(self, path: Path) -> str:
        """Return what a file said when it was read first."""
        if path not in self._texts:
            self._texts[path] = path.read_text(encoding="utf-8", errors="replace")
        return self._texts[path]

    def fingerprint(self, source: str, beside: Collection[Path]) -> str:
        """Return a digest of all texts that the definition of a source may depend on, those of `beside` among them."""
        models = self.closure(models_of(source))
        seeds = {name for model in models for name in self.reads(model)}
        macros = [self._text(path) for path in beside if path.suffix == ".sql"]
        seeds |= {name for text in macros for _, _, name in _REF.findall(text)}
        paths = [self.paths[name] for name in models]
        paths += [one.path for one in self.properties(models, [source])]
        paths += [path for path in beside if path.suffix != ".csv" or path.stem in seeds]
        digest = hashlib.sha256()
        for path in sorted(paths):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()


def models_of(source: str) -> list[str]:
    """Return the names of the models of a source's layers."""
    return [f"{prefix}{source}" for prefix in PREFIXES.values()]


def sources_of(models: Iterable[str]) -> set[str]:
    """Return the sources whose layers are among some models."""
    prefixes = tuple(PREFIXES.values())
    return {name.partition("_")[2] for name in models if name.startswith(prefixes)}


def _is_of(path: Path, sources: Collection[str]) -> bool:
    """Return whether a file is about one of the sources, or about none in particular."""
    found = _OF_A_SOURCE.fullmatch(path.name)
    return found is None or found.group(1) in sources


def _restricted(text: str, models: Collection[str]) -> str | None:
    """Return the part of a YAML file that concerns some models: None for all of it, "" for nothing.

    What is no YAML is left to dbt, which says so.
    """
    try:
        message: Any = yaml.load(text, LOADER)
    except yaml.YAMLError:
        return None
    if not isinstance(message, dict):
        return None
    kept = {part: _entries(part, entries, models) for part, entries in message.items()}
    if kept == message:
        return None
    kept = {part: entries for part, entries in kept.items() if entries or part == "version"}
    return yaml.safe_dump(kept, sort_keys=False, allow_unicode=True) if kept.keys() - {"version"} else ""


def _entries(part: str, entries: Any, models: Collection[str]) -> Any:
    if not isinstance(entries, list):
        return entries
    if part in _CALLED_FROM:
        return [one for one in entries if not isinstance(one, dict) or one.get(_CALLED_FROM[part]) in models]
    if part in _DEPENDENT:
        return [one for one in entries if {name for _, _, name in _REF.findall(str(one))} <= set(models)]
    return entries
