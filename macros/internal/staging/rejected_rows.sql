{% macro rejected_rows(definition) -%}
{#- the raw rows of what is pending that cannot go on, whatever the model makes of the others -#}
select
    _raw_row,
    {{ headwater.typed_keys(definition) | indent(4) }},
    _reject_reason
from (
    select *, {{ headwater.reject_reason(definition) | indent(4) }} as _reject_reason
    from (
        {{ headwater.cleaned_rows(definition.name) | indent(8) }}
    ) as cleaned
    offset 0
) as validated
where _reject_reason is not null
{%- endmacro %}
