{% macro insert_quarantined_rows(definition, rejected_sql) -%}
{#- a key that is too long stays what it is, to a length that an earlier version may have let into history -#}
insert into metadata.quarantined_row (delivery_sqn, line_number, key, column_name, rule, row)
select
    raw.delivery_sqn,
    raw.line_number,
    case
        when _reject_reason like 'key_too_long:%' and octet_length(concat({{ headwater.quoted_list(definition.key_names, prefix='rejected.') }})) > 10000
            then null
        when {{ headwater.quoted_list(definition.key_names, prefix='rejected.', suffix=' is not null', separator=' and ') }}
            then {{ headwater.key_as_json(definition.key_names, prefix='rejected.') }}
    end,
    split_part(_reject_reason, ':', 2),
    split_part(_reject_reason, ':', 1),
    metadata.shortened(to_jsonb(raw.*) - '{delivery_sqn,line_number,job_inst_id}'::text[])
from (
{{ rejected_sql }}
) as rejected
inner join {{ headwater.raw_relation(definition) }} as raw on raw.ctid = rejected._raw_row
{%- endmacro %}
