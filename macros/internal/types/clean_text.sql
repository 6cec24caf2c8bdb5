{% macro clean_text(column, null_tokens, trim_whitespace) -%}
    {%- set text = namespace(sql='btrim(' ~ column ~ ", e' \\t')" if trim_whitespace else column) -%}
    {%- for token in null_tokens -%}
        {%- set text.sql = 'nullif(' ~ text.sql ~ ', ' ~ headwater.sql_literal(token) ~ ')' -%}
    {%- endfor -%}
    {{ return(text.sql) }}
{%- endmacro %}
