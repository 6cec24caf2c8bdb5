{% macro jinja_split(code) -%}
    {#- a text as Jinja reads it, before Postgres does: `sql` without Jinja's comments, with a \0 where a tag stands, and the
        `tags`, each with one blank where there is white space -#}
    {%- set string = "'(?:[^'\\\\]|\\\\.)*'" ~ '|"(?:[^"\\\\]|\\\\.)*"' -%}
    {%- set inside = "(?:" ~ string ~ "|[^'\"])*?" -%}
    {%- set pattern = "\\{#.*?#\\}|\\{\\{" ~ inside ~ "\\}\\}|\\{%" ~ inside ~ "%\\}" -%}
    {%- set split = {'sql': [], 'tags': [], 'read': 0} -%}
    {%- for found in modules.re.finditer(pattern, code, modules.re.DOTALL) -%}
        {%- do split.sql.append(code[split.read:found.start()]) -%}
        {%- do split.update({'read': found.end()}) -%}
        {%- if found.group(0)[:2] != '{#' -%}
            {%- set tag = [] -%}
            {%- for word in modules.re.findall(string ~ "|\\s+|[^\\s'\"]+", found.group(0)) -%}
                {%- do tag.append(word if word | trim else ' ') -%}
            {%- endfor -%}
            {%- do split.tags.append(modules.re.sub('^(..)[-+]? ?| ?[-+]?(..)$', '\\1 \\2', tag | join) | trim) -%}
            {%- do split.sql.append('\x00') -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return({'sql': (split.sql + [code[split.read:]]) | join, 'tags': split.tags}) }}
{%- endmacro %}
