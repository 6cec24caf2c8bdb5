{% macro open_source_transaction(source_name) -%}
    {#- the lock comes first: what is pending is read under it, once, and nobody changes it until the commit -#}
    {%- call statement('open_source_transaction') -%}
        select metadata.lock_source({{ headwater.sql_literal(source_name) }})
    {%- endcall -%}
    {%- do headwater.run_statement(
        "set local timezone = 'UTC'; set local datestyle = 'ISO, YMD'; set local jit = off; set local work_mem = "
        ~ headwater.sql_literal(env_var('HEADWATER_WORK_MEM', '128MB'))
    ) -%}
{%- endmacro %}
