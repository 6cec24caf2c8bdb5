{% macro first_difference(definition) -%}
    {#- an attribute that keeps the latest value has lost those before it: what is not just the next delivery makes
        history again from its beginning -#}
    {%- set found = run_query(
        "select case when " ~ ('true' if definition.latest_names else 'false') ~ " and exists ("
        ~ "select from metadata.delivery_status join metadata.delivery using (delivery_sqn)"
        ~ " where layer = 'historical' and source = first.source and delivery_date >= since)"
        ~ " then '-infinity' else since end::text"
        ~ " from (select source, min(delivery_date) as since from metadata.delivery_state where differs_from_history"
        ~ " and source = " ~ headwater.sql_literal(definition.name) ~ " group by source) as first"
    ) -%}
    {{ return(found.rows[0][0] if found.rows else none) }}
{%- endmacro %}
