{% macro model_by_delivery(source_name, model_sql, pending) -%}
    {#- an edited model may look across rows: it sees one delivery at a time, so that what it makes of one does not depend on
        which others are pending beside it -#}
    {%- for delivery_sqn in pending -%}
        {%- set of_delivery = model_sql | replace(headwater.pending_array(source_name), headwater.sql_literal('{' ~ delivery_sqn ~ '}') ~ '::bigint[]') -%}
        {%- if loop.first -%}
            {%- do headwater.create_temporary('modelled_row', of_delivery, planned_by=false) -%}
        {%- else -%}
            {%- do headwater.run_statement("insert into modelled_row select * from (\n" ~ of_delivery ~ "\n) as modelled") -%}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}
