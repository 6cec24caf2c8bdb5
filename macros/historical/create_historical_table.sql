{% macro create_historical_table(relation, definition) -%}
    {%- set name = relation.identifier -%}
    {%- set keys = quoted_list(definition.key_names) -%}
    {%- do run_query(create_table_sql(
        relation,
        historical_columns(definition),
        not_null=definition.key_names + ['valid_from', 'change_type', 'delivery_sqn', 'job_inst_id', 'process_date']
    )) -%}
    {%- for index in [
        "unique index if not exists " ~ adapter.quote(name ~ '_current_key') ~ " on " ~ relation ~ " (" ~ keys ~ ") where valid_to is null",
        "unique index if not exists " ~ adapter.quote(name ~ '_valid_from_key') ~ " on " ~ relation ~ " (" ~ keys ~ ", valid_from)",
        "index if not exists " ~ adapter.quote(name ~ '_valid_from_idx') ~ " on " ~ relation ~ " using brin (valid_from)",
        "index if not exists " ~ adapter.quote(name ~ '_valid_to_idx') ~ " on " ~ relation ~ " using brin (valid_to)",
    ] -%}
        {%- do run_query("create " ~ index) -%}
    {%- endfor -%}
{%- endmacro %}
