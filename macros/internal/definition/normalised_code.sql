{% macro normalised_code(code) -%}
    {#- the words of SQL and Jinja, one blank between them, without comments: equal for texts that differ in form alone. Jinja
        also reads what stands in a comment of SQL -#}
    {%- set split = headwater.jinja_split(code) -%}
    {%- set pattern = [
        "--[^\\n]*", "/\\*.*?\\*/",
        "[eE]'(?:[^'\\\\]|''|\\\\.)*'", "'(?:[^']|'')*'", '"(?:[^"]|"")*"', "\\$(?P<tag>[a-zA-Z_]\\w*|)\\$.*?\\$(?P=tag)\\$",
        "\\d+(?:\\.\\d+)?", "\\w+", "\\s+", "::|<=|>=|<>|!=|\\|\\||->>|->", "."
    ] | join('|') -%}
    {%- set words = [] -%}
    {%- for found in modules.re.finditer(pattern, split.sql, modules.re.DOTALL) -%}
        {%- set word = found.group(0) -%}
        {%- if word[:2] in ('--', '/*') -%}
            {%- do words.extend(['\x00'] * word.count('\x00')) -%}
        {%- elif word[:1] in ("'", '"', '$') or word[:2] in ("e'", "E'") -%}
            {%- do words.append(word) -%}
        {%- elif word | trim -%}
            {%- do words.append(word | lower) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set texts = (words | join(' ')).split('\x00') -%}
    {%- set whole = [texts[0]] -%}
    {%- for tag in split.tags -%}
        {%- do whole.extend([tag, texts[loop.index]]) -%}
    {%- endfor -%}
    {{ return(whole | join) }}
{%- endmacro %}
