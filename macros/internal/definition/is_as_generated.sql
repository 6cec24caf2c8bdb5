{% macro is_as_generated(layer, definition, code) -%}
    {#- whether normalised code says no more than the metadata does, in whatever order: it is no part of the definition then -#}
    {%- if layer == 'staging' -%}
        {%- set pattern = "with delivered as \\( select \\* from \\{\\{ headwater.raw_deliveries\\('" ~ definition.name ~ "'\\) \\}\\} \\) ,"
            ~ " typed as \\( select \\{\\{ headwater.delivery_columns\\(\\) \\}\\}( , \\{\\{ headwater.typed\\('(\\w+)'\\) \\}\\} as \\2)+"
            ~ " from delivered \\) select \\* from typed" -%}
    {%- else -%}
        {%- set pattern = "with staged as \\( select \\* from \\{\\{ ref\\('stg_" ~ definition.name ~ "'\\) \\}\\} \\) ,"
            ~ " final as \\( select \\w+( , \\w+)* from staged \\) select \\* from final" -%}
    {%- endif -%}
    {{ return(modules.re.fullmatch(pattern, code) is not none) }}
{%- endmacro %}
