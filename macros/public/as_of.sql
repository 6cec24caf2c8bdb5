{% macro as_of(versions, day) -%}
    {#- of versions, a historical model or `known_at`, those that were true on that day, as a table expression -#}
    (
        select *
        from {{ versions }} as version
        where valid_from <= {{ headwater.sql_literal(day) }}::timestamptz
            and (valid_to is null or valid_to > {{ headwater.sql_literal(day) }}::timestamptz)
    )
{%- endmacro %}
