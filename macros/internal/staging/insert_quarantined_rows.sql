{% macro insert_quarantined_rows(definition, validated) -%}
{#- a key that is too long stays what it is, to a length that an earlier version may have let into history -#}
insert into metadata.quarantined_row (delivery_sqn, line_number, key, column_name, rule, row)
select
    delivery_sqn,
    line_number,
    case
        when _reject_reason like 'key_too_long:%' and octet_length(concat({{ headwater.quoted_list(definition.key_names) }})) > 10000
            then null
        when {{ headwater.quoted_list(definition.key_names, suffix=' is not null', separator=' and ') }}
            then jsonb_build_object({% for name in definition.key_names %}{{ headwater.sql_literal(name) }}, {{ headwater.sql_identifier(name) }}{{ ', ' if not loop.last }}{% endfor %})
    end,
    split_part(_reject_reason, ':', 2),
    split_part(_reject_reason, ':', 1),
    metadata.shortened(row_as_it_came - '{delivery_sqn,line_number,job_inst_id}'::text[])
from (
{{ validated }}
) as validated
where _reject_reason is not null
{%- endmacro %}
