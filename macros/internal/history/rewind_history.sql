{% macro rewind_history(relation, source_name, since) -%}
    {%- set unloaded = run_query(
        "delete from metadata.delivery_status using metadata.delivery"
        ~ " where delivery.delivery_sqn = delivery_status.delivery_sqn and layer = 'historical'"
        ~ " and source = " ~ headwater.sql_literal(source_name) ~ " and delivery_date >= " ~ headwater.sql_literal(since)
        ~ " returning delivery.delivery_sqn"
    ) -%}
    {%- if unloaded.rows -%}
        {%- do headwater.run_statement("delete from " ~ relation ~ " where valid_from >= " ~ headwater.sql_literal(since)) -%}
        {%- do headwater.run_statement(
            "update " ~ relation ~ " set valid_to = null, end_type = null, ended_by_delivery_sqn = null"
            ~ " where valid_to >= " ~ headwater.sql_literal(since)
        ) -%}
    {%- endif -%}
{%- endmacro %}
