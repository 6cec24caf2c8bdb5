{% macro delivery_columns() -%}
    delivery_sqn, line_number, _raw_row, _row_hash
    {%- if execute and headwater.recorded_metadata(headwater.this_source()).definition.delete_column %}, is_delete_mark{% endif -%}
{%- endmacro %}
