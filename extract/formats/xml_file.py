"""XML: the elements at the record path, each an object: attributes as `@name`, children by their names.

An element with text alone is that text; beside attributes or children, text is `#text`. A child that comes several
times is a list. Names have the prefixes that the document declares.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from headwater.extract.files.content import require_records
from headwater.extract.files.limits import Limits
from headwater.extract.files.text_blocks import Readable
from headwater.extract.formats.discovered import FoundRecord
from headwater.extract.formats.json_values import JsonValue, NotJsonError
from headwater.extract.formats.record_path import parse_record_path
from headwater.extract.formats.xml_stream import Watched
from headwater.metadata.errors import FormatBroken
from headwater.metadata.static.model import Source

_NAMESPACED = re.compile(r"\{([^}]*)\}(.*)")
_XML = "http://www.w3.org/XML/1998/namespace"
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


def read_xml(source: Source, stream: Readable, file: str) -> Iterator[FoundRecord]:
    """The records of one document. Raises `FormatBroken`.

    The reader skips a document type. It refuses entities that the document declares, and anything external.
    """
    watched = Watched(require_records(stream, file, "XML", ok="an XML document"), file)
    path = parse_record_path(source.options["record_path"])
    try:
        for record in _Document(watched, path, Limits.of(source).max_nesting).records():
            yield None, record
    except ParseError as error:
        line, column = error.position
        reason = str(error).partition(": line")[0]
        raise FormatBroken(file, line, f"not well-formed XML: {reason}, at character {column + 1}") from None
    except DefusedXmlException as error:
        raise FormatBroken(
            file, None, f"an XML document with entities of its own, expected none ({type(error).__name__})"
        ) from None
    except NotJsonError as error:
        raise FormatBroken(file, None, str(error)) from None
    except (LookupError, ValueError) as error:
        raise FormatBroken(file, None, f"an XML document that cannot be read ({error})") from None


class _Document:
    """A document that is read as a stream; memory drops an element when it ends."""

    def __init__(self, stream: Watched, path: tuple[str, ...], max_nesting: int) -> None:
        self._stream, self._path, self._max_nesting = stream, path, max_nesting
        self._prefixes = {_XML: "xml"}

    def records(self) -> Iterator[JsonValue]:
        path = self._path
        names: list[str] = []
        open_elements: list[Element] = []
        is_holder_found = False
        events = iterparse(cast(Any, self._stream), ("start", "end", "start-ns"))
        for event, found in cast("Iterator[tuple[str, Any]]", events):
            if event == "start-ns":
                prefix, uri = found
                self._prefixes.setdefault(uri, prefix)
            elif event == "start":
                names.append(self._name(found.tag))
                open_elements.append(found)
                if len(names) > self._max_nesting:
                    raise NotJsonError(f"elements more than {self._max_nesting} deep (max_nesting)")
                if len(names) == 1 and names[0] != path[0]:
                    raise NotJsonError(f"the document is {names[0]!r}, expected {path[0]!r} (record_path)")
                is_holder_found = is_holder_found or tuple(names) == path[:-1]
            else:
                if tuple(names) == path:
                    yield self._record(found)
                names.pop()
                open_elements.pop()
                if len(names) < len(path):
                    self._stream.count = 0
                    if open_elements:
                        del open_elements[-1][:]
        if not is_holder_found and len(path) > 1:
            raise NotJsonError(
                f"no element {'.'.join(path[:-1])!r}, expected the records there (record_path)"
            )

    def _record(self, element: Element) -> JsonValue:
        value = self._value(element)
        return value if isinstance(value, dict) else {"#text": value}

    def _value(self, element: Element) -> JsonValue:
        if element.get(_NIL) in ("true", "1"):
            return None
        if not element.attrib and not len(element):
            return element.text or ""
        value: dict[str, JsonValue] = {f"@{self._name(n)}": text for n, text in element.attrib.items()}
        text = element.text or ""
        repeated: set[str] = set()
        for child in element:
            name, inner = self._name(child.tag), self._value(child)
            text += child.tail or ""
            if name not in value:
                value[name] = inner
            elif name in repeated:
                value[name].append(inner)  # type: ignore[union-attr]
            else:
                value[name] = [value[name], inner]
                repeated.add(name)
        if text.strip():
            value["#text"] = text if not len(element) else text.strip()
        return value

    def _name(self, tag: str) -> str:
        """Return a name as the document writes it: with the prefix of its namespace, if it has one."""
        found = _NAMESPACED.fullmatch(tag)
        if found is None:
            return tag
        prefix = self._prefixes.get(found[1], "")
        return f"{prefix}:{found[2]}" if prefix else found[2]
