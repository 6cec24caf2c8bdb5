{% macro historical_columns(definition) -%}
    {%- set columns = [] -%}
    {%- for attribute in definition.attributes -%}
        {%- do columns.append((attribute.name, attribute.data_type)) -%}
    {%- endfor -%}
    {{ return(columns + [
        ('valid_from', 'timestamptz'),
        ('valid_to', 'timestamptz'),
        ('change_type', "text check (change_type in ('new', 'changed'))"),
        ('end_type', "text check (end_type in ('changed', 'removed'))"),
        ('delivery_sqn', 'bigint'),
        ('ended_by_delivery_sqn', 'bigint'),
        ('job_inst_id', 'bigint'),
        ('process_date', 'timestamptz'),
        ('_row_hash', 'bigint'),
    ]) }}
{%- endmacro %}
