{% macro create_historical_table(relation, definition) -%}
    {%- set name = relation.identifier -%}
    {%- set keys = headwater.quoted_list(definition.key_names) -%}
    {%- do headwater.run_statement(headwater.create_table_sql(
        relation,
        headwater.historical_columns(definition),
        not_null=definition.key_names + ['valid_from', 'change_type', 'delivery_sqn', 'job_inst_id', 'process_date']
    )) -%}
    {%- set indexes = [] -%}
    {%- if definition.partition_by -%}
        {%- do indexes.append(
            "index if not exists " ~ headwater.sql_identifier(name ~ '_current_part_idx') ~ " on " ~ relation ~ " ("
            ~ headwater.quoted_list(definition.partition_by) ~ ") where valid_to is null"
        ) -%}
    {%- endif -%}
    {%- for index in indexes + [
        "unique index if not exists " ~ headwater.sql_identifier(name ~ '_current_key') ~ " on " ~ relation ~ " (" ~ keys ~ ") where valid_to is null",
        "unique index if not exists " ~ headwater.sql_identifier(name ~ '_valid_from_key') ~ " on " ~ relation ~ " (" ~ keys ~ ", valid_from)",
        "index if not exists " ~ headwater.sql_identifier(name ~ '_valid_from_idx') ~ " on " ~ relation ~ " using brin (valid_from)",
        "index if not exists " ~ headwater.sql_identifier(name ~ '_valid_to_idx') ~ " on " ~ relation ~ " using brin (valid_to)",
    ] -%}
        {%- do headwater.run_statement("create " ~ index) -%}
    {%- endfor -%}
{%- endmacro %}
