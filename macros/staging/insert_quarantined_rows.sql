{% macro insert_quarantined_rows(definition, judged) -%}
insert into metadata.quarantined_row (delivery_sqn, line_number, key, column_name, rule, row)
select
    delivery_sqn,
    line_number,
    case
        when {{ quoted_list(definition.key_names, suffix=' is not null') | replace(', ', ' and ') }}
            then jsonb_build_object({% for name in definition.key_names %}'{{ name }}', {{ adapter.quote(name) }}{{ ', ' if not loop.last }}{% endfor %})
    end,
    split_part(verdict, ':', 2),
    split_part(verdict, ':', 1),
    row_as_it_came - '{delivery_sqn,line_number,job_inst_id}'::text[]
from (
{{ judged }}
) as judged
where verdict is not null
{%- endmacro %}
