{% macro judged_rows(definition, model_sql, last_wins_in) -%}
select
    modelled.*,
    {% if last_wins_in -%}
    case
        when fall_out is not null then fall_out
        -- rows that fell out for another reason do not compete
        when {{ is_any_of(last_wins_in) }}
            and lead(line_number) over (
                partition by delivery_sqn, {{ quoted_list(definition.key_names) }}, fall_out is null
                order by line_number, row_as_it_came
            ) is not null
            then {{ sql_literal('duplicate_key:' ~ definition.key_names[0]) }}
    end
    {%- else -%}
    fall_out
    {%- endif %} as verdict
from (
{{ model_sql }}
) as modelled
{%- endmacro %}
