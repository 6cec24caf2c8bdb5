{% macro staging_columns(definition) -%}
    {%- set columns = [('delivery_sqn', 'bigint'), ('line_number', 'bigint'), ('job_inst_id', 'bigint')] -%}
    {%- if definition.delete_column -%}
        {%- do columns.append(('is_delete_mark', 'boolean')) -%}
    {%- endif -%}
    {%- for attribute in definition.attributes -%}
        {%- do columns.append((attribute.name, attribute.data_type)) -%}
    {%- endfor -%}
    {{ return(columns + [('_row_hash', 'bigint')]) }}
{%- endmacro %}
