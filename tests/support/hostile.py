"""Names and values as a hostile or merely odd publisher sends them: one table, which the tests of every layer share.

Each entry is a plain string under an id that names what it is made to break. A layer that cannot carry an entry (a
header of CSV holds no NUL, a name of Postgres no more than 63 bytes) leaves it out by id and says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

# What a publisher may call a column, a member, a topic or a table.
NAMES: Mapping[str, str] = {
    "double_quote": 'height (12")',
    "quote_and_function": """id"||pg_read_file('/etc/hostname')||"id""",
    "single_quote": "owner's share",
    "quote_and_comment": "x'); drop table metadata.delivery; --",
    "backslash": "share\\of\\total",
    "backslash_at_end": "path\\",
    "dollar_quote": "$$ $tag$ price",
    "colon_parameter": "at :time and ::text",
    "percent": "share %s of 100 %(total)s %",
    "braces": "{0} {name!r} {}",
    "jinja_expression": "{{ env_var('HOME') }}",
    "jinja_statement": "{% if x %}",
    "jinja_end": "total %} }} #}",
    "jinja_comment": "{# note",
    "jinja_raw": "{% endraw %}{{ 1/0 }}",
    "jinja_call": "env_var('HOME')",
    "script": "</script><img src=x onerror=\"document.title='ran'\">",
    "html_entity": "a &lt;b&gt; &amp; <b>c</b>",
    "newline": "first line\nsecond line",
    "carriage_return": "first\r\nsecond",
    "tab": "first\tsecond",
    "next_line": "first\x85second",
    "line_separator": "first\u2028second",
    "right_to_left": "price\u202eecirp\u202c",
    "zero_width": "pri\u200bce\ufeff",
    "terminal_escape": "\x1b[31mred\x1b]0;title\x07",
    "bytes_63": "a" * 63,
    "bytes_64": "a" * 64,
    "bytes_over_63_in_umlauts": "ü" * 40,
    "emoji": "price 💶",
    "blank": "   ",
    "system_column": "ctid",
    "own_column": "delivery_sqn",
    "own_alias": "delivered",
    "upper_case": "Price",
    "lower_case": "price",
    "reserved": "select",
    "formula": "=cmd|' /C calc'!A0",
    "comma_and_semicolon": "a,b;c|d",
    "spelling": "<space> \\t <u+41>",
    "yaml": "- &a *b: !!python/object:os.system [x]  # no",
}

# What may stand in a cell, beside everything that may be a name.
VALUES: Mapping[str, str] = {
    **NAMES,
    "nul_escape": "a\\u0000b",
    "copy_end": "\\.",
    "copy_null": "\\N",
    "lone_quote": '"',
    "key_of_9000": "k" * 9_000,
    "deep_list": "[" * 200_000,
    "deep_object": '{"a":' * 50_000,
    "deep_and_closed": "[" * 5_000 + "]" * 5_000,
    "deep_object_closed": '{"a":' * 600 + "1" + "}" * 600,
    "json_nul": '"a\\u0000b"',
    "json_half_surrogate": '"\\ud800"',
    "json_huge_number": "1e200000",
    "key_that_cannot_be_packed": "".join(map(chr, range(0x4E00, 0x5200))),  # 3,072 bytes, all different
    "digits_200000": "9" * 200_000,
    "tiny_number": "1e-16383",
    "before_year_1": "0001-01-01 00:00:00+15:00",
    "after_year_9999": "9999-12-31 23:59:59-15:00",
    "infinity": "infinity",
    "not_a_number": "NaN",
    "year_10000": "10000-01-01",
}

# What a publisher may call a file; the name comes in a link, a listing, or from a folder.
FILE_NAMES: Mapping[str, str] = {
    "nul": "20260101\x00.csv",
    "8000_characters": "20260101" + "x" * 8_000 + ".csv",
    "newline": "20260101\n.csv",
    "leads_out": "../../20260101.csv",
    "absolute": "/etc/20260101.csv",
    "backslash": "..\\20260101.csv",
    "no_utf8": "st\udce9-part-2026-01-06-1.csv",
    "terminal_escape": "20260101\x1b[2J.csv",
    "right_to_left": "20260101\u202evsc.exe",
    "script": "20260101</script><img src=x onerror=alert(1)>.csv",
    "jinja": "20260101{{ env_var('HOME') }}.csv",
    "quotes": "20260101'\".csv",
    "percent": "20260101%00%2e%2e%2f.csv",
}

# What an HTTP header may say.
HEADERS: Mapping[str, str] = {
    "nul": '"a\x00b"',
    "high_bytes": '"st\xe9"',
    "8000_characters": '"' + "e" * 8_000 + '"',
    "escape": '"\x1b[2J"',
}


def params(table: Mapping[str, str], *, leaving_out: Iterable[str] = ()) -> list[Any]:
    """Return the entries of a table for `pytest.mark.parametrize`, each under its id, without some."""
    excluded = set(leaving_out)
    if unknown := excluded - table.keys():
        raise ValueError(f"no such entries: {', '.join(sorted(unknown))}")
    return [pytest.param(text, id=name) for name, text in table.items() if name not in excluded]
