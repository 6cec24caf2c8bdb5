{% macro normalised_code(code) -%}
    {#- the words of SQL and Jinja, one blank between them, without comments: equal for texts that differ in form alone -#}
    {%- set pattern = [
        "\\{#.*?#\\}", "\\{\\{.*?\\}\\}", "\\{%.*?%\\}", "--[^\\n]*", "/\\*.*?\\*/",
        "[eE]'(?:[^'\\\\]|''|\\\\.)*'", "'(?:[^']|'')*'", '"(?:[^"]|"")*"', "\\$\\$.*?\\$\\$",
        "\\d+(?:\\.\\d+)?", "\\w+", "\\s+", "::|<=|>=|<>|!=|\\|\\||->>|->", "."
    ] | join('|') -%}
    {%- set words = [] -%}
    {%- for found in modules.re.finditer(pattern, code, modules.re.DOTALL) -%}
        {%- set word = found.group(0) -%}
        {%- if word[:2] in ('{{', '{%') -%}
            {%- do words.append(modules.re.sub('\\s+', ' ', modules.re.sub('^(..)-?\\s*|\\s*-?(..)$', '\\1 \\2', word) | trim)) -%}
        {%- elif word[:2] in ('{#', '--', '/*') or not (word | trim) -%}
        {%- elif word[:1] in ("'", '"', '$') or word[:2] in ("e'", "E'") -%}
            {%- do words.append(word) -%}
        {%- else -%}
            {%- do words.append(word | lower) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(words | join(' ')) }}
{%- endmacro %}
