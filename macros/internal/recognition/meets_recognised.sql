{% macro meets_recognised(relation, definition, delivery_sqn) -%}
    {#- whether a row that was staged, or fell out, has the key of a version that was recognised: the key comes twice -#}
    {%- set history = headwater.historical_relation(definition) -%}
    {%- set keys = headwater.quoted_list(definition.key_names) -%}
    {{ return(run_query(
        "select count(*) > 0 from (select " ~ keys ~ " from " ~ relation ~ " where delivery_sqn = " ~ delivery_sqn
        ~ " union all select " ~ keys ~ " from (" ~ headwater.unreadable_keys(definition, [delivery_sqn]) ~ ") as unreadable) as delivered"
        ~ " where not exists (select from unmet_version where " ~ headwater.key_match(definition.key_names, 'unmet_version', 'delivered')
        ~ ") and exists (select from " ~ history ~ " as version where valid_to is null and "
        ~ headwater.key_match(definition.key_names, 'version', 'delivered') ~ ")"
    ).rows[0][0]) }}
{%- endmacro %}
