{% macro validated_rows(definition, model_sql, last_wins_in) -%}
select
    modelled.*,
    {% if last_wins_in -%}
    case
        when reject_reason is not null then reject_reason
        -- rows that fell out for another reason do not compete
        when {{ headwater.is_any_of(last_wins_in) }}
            and lead(line_number) over (
                partition by delivery_sqn, {{ headwater.quoted_list(definition.key_names) }}, reject_reason is null
                order by line_number, row_as_it_came
            ) is not null
            then {{ headwater.sql_literal('duplicate_key:' ~ definition.key_names[0]) }}
    end
    {%- else -%}
    reject_reason
    {%- endif %} as _reject_reason
from (
{{ model_sql }}
) as modelled
{%- endmacro %}
