{% macro require_own_name(source_name, model_name, name) -%}
    {%- set taken = [
        'delivery_sqn', 'line_number', 'job_inst_id', 'valid_from', 'valid_to', 'change_type', 'end_type',
        'ended_by_delivery_sqn', 'delivery_date', 'process_date', 'is_delete_mark'
    ] -%}
    {%- if name in taken or not modules.re.fullmatch('[a-z][a-z0-9_]{0,49}', name) -%}
        {%- do headwater.raise_model_refused(
            source_name, model_name, "selects a column " ~ headwater.sql_identifier(name),
            "another name: lower-case letters, digits and _, up to 50, beginning with a letter, and none of "
            ~ taken | join(', ')
        ) -%}
    {%- endif -%}
{%- endmacro %}
