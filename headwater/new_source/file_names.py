"""The pattern of file names, and the date in them.

Files of a folder whose names differ only in digits, or in a hash, belong to one kind. Parts that vary among
them become variable; fixed parts, and parts that no other file shows, are doubts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from headwater.metadata.errors import NewSourceRefused
from headwater.new_source.doubt import MOST_SHOWN, Doubt, listed, option_flag, quoted

_HASH = (
    r"(?<![0-9A-Za-z])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9A-Za-z])"
    r"|(?<![0-9A-Za-z])(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{7,64}(?![0-9A-Za-z])"
)
_PART = re.compile(rf"(?P<hash>{_HASH})|(?<!\.bz)(?P<digits>[0-9]+)")

# formats of dates in names, the longest first; None for a default format
_DATES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"\d{4}-\d{2}-\d{2}", ("%Y-%m-%d",)),
    (r"\d{4}_\d{2}_\d{2}", ("%Y_%m_%d",)),
    (r"\d{4}\.\d{2}\.\d{2}", ("%Y.%m.%d",)),
    (r"\d{2}-\d{2}-\d{4}", ("%d-%m-%Y", "%m-%d-%Y")),
    (r"\d{2}\.\d{2}\.\d{4}", ("%d.%m.%Y", "%m.%d.%Y")),
    (r"\d{2}_\d{2}_\d{4}", ("%d_%m_%Y", "%m_%d_%Y")),
    (r"\d{14}", ("%Y%m%d%H%M%S",)),
    (r"\d{12}", ("%Y%m%d%H%M",)),
    (r"\d{8}", ("%Y%m%d", "%d%m%Y", "%m%d%Y")),
    (r"\d{4}-\d{2}", ("%Y-%m",)),
    (r"\d{4}_\d{2}", ("%Y_%m",)),
    (r"\d{6}", ("%Y%m", "%y%m%d", "%d%m%y", "%m%d%y")),
)
_YEAR = (r"\d{4}", ("%Y",))  # if the files of a kind differ in it
_KNOWN_FORMATS = ("%Y%m%d", "%Y-%m-%d", "%Y-%m")
# formats of a time of day after a date
_TIMES = (
    (r"T\d{6}Z", "T%H%M%SZ"), (r"T\d{6}", "T%H%M%S"), (r"T\d{4}Z", "T%H%MZ"), (r"T\d{4}", "T%H%M"),
    *((rf"{sign}\d{{2}}{between}\d{{2}}{between}\d{{2}}Z?", f"{sign}%H{between}%M{between}%S")
      for sign in "T_- " for between in "-:_."),
    *((rf"{sign}\d{{6}}", f"{sign}%H%M%S") for sign in "_- "),
    *((rf"{sign}\d{{2}}{between}\d{{2}}", f"{sign}%H{between}%M") for sign in "T_- " for between in "-:_."),
    *((rf"{sign}\d{{4}}", f"{sign}%H%M") for sign in "_- "),
)  # fmt: skip
_FIRST_YEAR, _LAST_YEAR = 1900, 2100
_EPOCH = re.compile(r"1[0-9]{9}([0-9]{3})?")  # since 2001


@dataclass(frozen=True)
class NamePattern:
    """The regular expression for the names of a source's files, the format of the date in it, and the doubts."""

    pattern: str
    has_date: bool
    date_format: str | None = None
    doubts: tuple[Doubt, ...] = ()

    @property
    def options(self) -> dict[str, str]:
        """Return the pattern as options of a source."""
        dated = {"date_from": "name" if self.has_date else "header"}
        return {"file_pattern": self.pattern, **dated} | (
            {"date_format": self.date_format} if self.date_format else {}
        )


@dataclass(frozen=True)
class _Date:
    """The position of the date in a name, as the parts from `first` to `last`, and the formats that fit all names."""

    first: int
    last: int
    written: str
    formats: tuple[str, ...]
    tail: str = ""  # of a time of day that is no part of a digit run, such as Z


def kind_of(name: str) -> str:
    """Return the name of a file without the parts that may vary between deliveries."""
    return _PART.sub(lambda found: "#" if found["hash"] else "0", own_name(name))


def own_name(name: str) -> str:
    """Return the name without its folders."""
    return name.rpartition("/")[2]


def pattern_of(
    name: str, others: Iterable[str] = (), date_format: str | None = None, *, anywhere: bool = False
) -> NamePattern:
    """Return the pattern of a file and of those `others` in the same folder or page that belong to its kind.

    `date_format` is a given one; `anywhere` means that the files may lie in folders.
    """
    name = own_name(name)
    all_others = sorted({other for other in others if own_name(other) != name})
    same = [
        name,
        *(other_name for other in all_others if kind_of(other_name := own_name(other)) == kind_of(name)),
    ]
    names = [_Name(one) for one in dict.fromkeys(same)]
    date = _date_of(names, date_format)
    pattern, fixed = _pattern(names, date)
    if anywhere:
        pattern = f"(^|/){pattern.removeprefix('^')}"
    found = NamePattern(pattern, date is not None, _told_format(date))
    doubts = [
        *_doubts_of_date(names, date, date_format), *_doubts_of_fixed(name, names, fixed, found),
        *_doubts_of_left_out(name, all_others, found),
    ]  # fmt: skip
    return NamePattern(found.pattern, found.has_date, found.date_format, tuple(doubts))


def pattern_told(pattern: str, name: str, date_format: str | None = None) -> NamePattern:
    """Return a given pattern, with the format of the date that it finds in the name.

    Raises `NewSourceRefused` if the format is unknown.
    """
    match = re.search(pattern, name)
    text = match.groupdict().get("date") if match else None
    if text is None or date_format is not None:
        return NamePattern(pattern, text is not None, date_format)
    formats = [form for written, form in _formats() if _fits(text, written, form)]
    if not formats:
        raise NewSourceRefused(
            f"{quoted(name)}: {quoted(text)}, which the file_pattern finds, is a date in no way that is known, expected"
            " how it is written: --option date_format=FORMAT"
        )
    doubts = [_doubt_of_format(quoted(text), formats)] if len(formats) > 1 else []
    return NamePattern(pattern, True, None if formats[0] in _KNOWN_FORMATS else formats[0], tuple(doubts))


def _formats() -> Iterator[tuple[str, str]]:
    """Yield the formats of a date, as pattern and format, without and with a time."""
    for written, formats in (*_DATES, _YEAR):
        for form in formats:
            yield written, form
            if "%d" in form and "%H" not in form:
                yield from ((written + of_time, form + time) for of_time, time in _TIMES)


def _doubt_of_format(text: str, formats: Sequence[str]) -> Doubt:
    return Doubt(
        "date_format", f"{text} in the name is the delivery date, as {formats[0]}",
        f"all names fit {listed(formats[1:]) or 'another number of four digits'}, too",
        "deliveries apply on other days, in another order", option_flag("date_format", formats[0]), is_harmful=True,
        option="date_format", choices=tuple(formats),
    )  # fmt: skip


class _Name:
    """A name and its variable parts."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.parts = list(_PART.finditer(text))

    def between(self, first: int, last: int) -> str:
        """Return the text from one part to another."""
        return self.text[self.parts[first].start() : self.parts[last].end()]

    def after(self, part: int) -> str:
        """Return the text after a part."""
        return self.text[self.parts[part].end() :]


def _date_of(names: Sequence[_Name], given: str | None) -> _Date | None:
    """Return the date; prefers one that all names have, and one that varies."""
    ranked = []
    templates = _DATES if len(names) == 1 else (*_DATES, _YEAR)
    for order, (written, formats) in enumerate(templates):
        for first, last in _spans(names[0], written):
            texts = [name.between(first, last) for name in names]
            fitting = [form for form in ([given] if given else formats) if _is_date(texts[0], form)]
            able = [form for form in fitting if all(_fits(text, written, form) for text in texts)]
            if (written, formats) == _YEAR and (not able or len(set(texts)) == 1):
                continue
            if fitting:
                rank = (not able, len(names) > 1 and len(set(texts)) == 1, order, -first)
                ranked.append((rank, _Date(first, last, written, tuple(able or fitting[:1]))))
    if not ranked:
        return None
    best = min(ranked, key=lambda entry: entry[0])[1]
    return _with_time(names, best)


def _spans(name: _Name, written: str) -> Iterator[tuple[int, int]]:
    """Return the parts from which to which a name has such a text."""
    begins = {part.start(): place for place, part in enumerate(name.parts)}
    ends = {part.end(): place for place, part in enumerate(name.parts)}
    for match in re.finditer(rf"(?<!\d){written}(?!\d)", name.text):
        if match.start() in begins and match.end() in ends:
            yield begins[match.start()], ends[match.end()]


def _with_time(names: Sequence[_Name], date: _Date) -> _Date:
    """Return the date with the time of day that follows it in all names."""
    if not all(form.endswith(("%d", "%Y", "%m")) and "d" in form for form in date.formats):
        return date
    for written, form in _TIMES:
        matches = [re.match(rf"{written}(?!\d)", name.after(date.last)) for name in names]
        texts = [match.group().removesuffix("Z") for match in matches if match]
        if len(texts) < len(names) or not all(_is_time(text, form.removesuffix("Z")) for text in texts):
            continue
        tail = "Z" if all(match and match.group().endswith("Z") for match in matches) else ""
        if not tail and any(match and match.group().endswith("Z") for match in matches):
            continue
        form = form.removesuffix("Z") + tail
        plain = written.removesuffix("?").removesuffix("Z") + tail
        last = date.last + len(_PART.findall(texts[0]))
        return _Date(date.first, last, date.written + plain, tuple(one + form for one in date.formats), tail)
    return date


def _told_format(date: _Date | None) -> str | None:
    return None if date is None or date.formats[0] in _KNOWN_FORMATS else date.formats[0]


def _pattern(names: Sequence[_Name], date: _Date | None) -> tuple[str, list[int]]:
    """Return the pattern, and its fixed parts."""
    name, made, fixed, at, place = names[0], "", [], 0, 0
    while place < len(name.parts):
        part = name.parts[place]
        made += _escaped(name.text[at : part.start()])
        if date and date.first == place:
            made += f"(?P<date>{date.written})"
            at = name.parts[date.last].end() + len(date.tail)
            place = date.last + 1
            continue
        texts = [other.parts[place].group() for other in names]
        if part["hash"]:
            made += _hash_pattern(texts)
        elif len(set(texts)) > 1:
            made += r"\d+"
        else:
            made += part.group()
            fixed.append(place)
        at, place = part.end(), place + 1
    return f"^{made}{_escaped(name.text[at:])}$", fixed


def _hash_pattern(texts: Sequence[str]) -> str:
    if all("-" in text for text in texts):
        return "[0-9a-f-]{36}"
    lengths = {len(text) for text in texts}
    return f"[0-9a-f]{{{lengths.pop()}}}" if len(lengths) == 1 else "[0-9a-f]+"


def _doubts_of_date(names: Sequence[_Name], date: _Date | None, given: str | None) -> Iterator[Doubt]:
    if date is None:
        yield from _doubts_without_date(names)
        return
    text = names[0].between(date.first, date.last) + date.tail
    form = date.formats[0]
    if given is not None:
        return
    guess = f"{quoted(text)} in the name is the delivery date, as {form}"
    if len(date.formats) > 1 or form == "%Y":
        yield _doubt_of_format(quoted(text), date.formats)
    elif elsewhere := list(_dates_elsewhere(names[0], date)):
        yield Doubt(
            "date_from", guess, f"{listed(map(quoted, elsewhere))} in the name may be it, too",
            "deliveries apply on other days, in another order",
            "--option 'file_pattern=REGEX', with the date in a group (?P<date>…)", is_harmful=True,
        )  # fmt: skip
    else:
        yield Doubt(
            "date_from", guess, f"{len(names):,} {'name has' if len(names) == 1 else 'names have'} one",
            "deliveries apply on other days", option_flag("date_from", "name"),
        )  # fmt: skip


def _doubts_without_date(names: Sequence[_Name]) -> Iterator[Doubt]:
    texts = (part.group() for part in names[0].parts)
    since = next((text for text in texts if _EPOCH.fullmatch(text)), None)
    message = f"; {since} may count seconds since 1970, which no date_format reads" if since else ""
    yield Doubt(
        "date_from", "a delivery is dated by the last change of its file", f"its name has no date{message}",
        "deliveries apply on other days, in another order", option_flag("date_from", "header"),
        is_harmful=len(names) > 1,
    )  # fmt: skip


def _dates_elsewhere(name: _Name, date: _Date) -> Iterator[str]:
    """Yield other possible dates in a name."""
    for written, formats in _DATES:
        for first, last in _spans(name, written):
            text = name.between(first, last)
            if (last < date.first or first > date.last) and any(_is_date(text, form) for form in formats):
                yield text


def _doubts_of_fixed(
    name: str, names: Sequence[_Name], fixed: Sequence[int], found: NamePattern
) -> Iterator[Doubt]:
    flag = option_flag("file_pattern", found.pattern)
    if not fixed or len(names) > 1:
        yield Doubt(
            "file_pattern", f"its files are called like {found.pattern}", _seen(names, found),
            "files of other names never land", flag,
        )  # fmt: skip
        return
    digits = listed(dict.fromkeys(names[0].parts[place].group() for place in fixed))
    loose = found.pattern
    for place in reversed(fixed):
        loose = _loosened(loose, names[0].parts[place].group())
    yield Doubt(
        "file_pattern", f"{digits} in {quoted(name)} never changes", "no other file of this kind is there",
        "files whose names have other digits there never land", flag, is_harmful=True, option="file_pattern",
        choices=(found.pattern, loose),
    )  # fmt: skip


def _seen(names: Sequence[_Name], found: NamePattern) -> str:
    if len(names) > 1:
        return f"{len(names):,} files of this kind are there"
    return "one file is there" + ("" if found.has_date else ", and its name has nothing that changes")


def _loosened(pattern: str, digits: str) -> str:
    """Return the pattern with any digits in place of the last of these fixed parts."""
    at = [match.start() for match in re.finditer(rf"(?<![0-9{{]){digits}(?![0-9}}])", pattern)]
    return pattern[: at[-1]] + r"\d+" + pattern[at[-1] + len(digits) :] if at else pattern


def _doubts_of_left_out(name: str, others: Sequence[str], found: NamePattern) -> Iterator[Doubt]:
    """Return a doubt for each file of the kind that does not match the pattern or its date."""
    pattern = re.compile(found.pattern)
    formats = [found.date_format] if found.date_format else list(_KNOWN_FORMATS)
    left_out = []
    for other in others:
        if kind_of(other) != kind_of(name):
            continue
        match = pattern.search(other)
        if match is None:
            left_out.append((other, f"it does not match {found.pattern}"))
        elif found.has_date and not any(_is_date(match["date"], form) for form in formats):
            left_out.append((other, f"{quoted(match['date'])} in it is no date"))
    shown = [(f"{quoted(other)} is no delivery of the source", why) for other, why in left_out[:MOST_SHOWN]]
    if more := left_out[MOST_SHOWN:]:
        guess = f"{len(more):,} more files of this kind are no deliveries of the source"
        shown.append((guess, f"the first is {quoted(more[0][0])}"))
    for guess, why in shown:
        yield Doubt(
            "file_pattern", guess, why, "what it holds never lands",
            "--option 'file_pattern=REGEX'", is_harmful=True,
        )  # fmt: skip


def _fits(text: str, written: str, form: str) -> bool:
    return re.fullmatch(written, text) is not None and _is_date(text, form)


def _is_date(text: str, form: str) -> bool:
    try:
        return _FIRST_YEAR <= datetime.strptime(text, form).year <= _LAST_YEAR  # noqa: DTZ007
    except ValueError:
        return False


def _is_time(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)  # noqa: DTZ007
    except ValueError:
        return False
    return True


def _escaped(text: str) -> str:
    """Escape a text for a pattern with visible characters, without the backslashes that only verbose patterns need."""
    return "".join(_escaped_sign(sign) for sign in text)


def _escaped_sign(sign: str) -> str:
    if sign in "-# &~":
        return sign
    if sign.isprintable():
        return re.escape(sign)
    code = ord(sign)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
