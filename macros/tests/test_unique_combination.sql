{% test unique_combination(model, columns) -%}

    select {{ quoted_list(columns) }}
    from {{ model }}
    group by {{ quoted_list(columns) }}
    having count(*) > 1

{%- endtest %}
