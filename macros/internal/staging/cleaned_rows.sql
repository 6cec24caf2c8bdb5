{% macro cleaned_rows(source_name) -%}
{#- the raw rows of what is pending: attributes under our names, still text, and where in the raw table each row is. A
    unit test has rows without a place, and nothing that is pending -#}
{%- set definition = headwater.source_definition(source_name) -%}
{%- set is_unit_test = model.resource_type == 'unit_test' -%}
select
    {{ 'null::tid' if is_unit_test else 'raw.ctid' }} as _raw_row,
    raw.delivery_sqn,
    raw.line_number,
    {%- for attribute in definition.attributes if not attribute.is_derived %}
    {{ headwater.clean_text('raw.' ~ headwater.sql_identifier(attribute.raw_column), attribute.null_tokens, definition.trim_whitespace) }} as {{ headwater.sql_identifier(attribute.name) }},
    {%- endfor %}
    {%- if definition.delete_column %}
    coalesce(raw.{{ headwater.sql_identifier(definition.delete_column) }} in (
        {%- for value in definition.delete_values %}{{ headwater.sql_literal(value) }}{{ ', ' if not loop.last }}{% endfor -%}
    ), false) as is_delete_mark,
    {%- endif %}
    {{ 'null::bigint' if is_unit_test else headwater.hash_of_raw_row(definition) }} as _row_hash,
    raw._rest
from {{ source('raw', source_name).render() }} as raw
{%- if not is_unit_test %}
where {{ headwater.pending_rows(source_name) }}
{%- endif %}
{%- endmacro %}
