{% macro keep_hashing(relation, definition, delivery_sqn, was_empty) -%}
    {#- after a load, what the hashes of current versions were made with. Where it is something else than what rows were
        staged with, a snapshot that came as a whole gives its hashes to the versions that say the same -#}
    {%- set of_source = " where source = " ~ headwater.sql_literal(definition.name) -%}
    {%- set is_other = run_query(
        "select count(*) > 0 from metadata.row_hashing" ~ of_source ~ " and held_with is distinct from staged_with"
    ).rows[0][0] -%}
    {%- if is_other and not headwater.is_edited('historical', definition) and (was_empty or delivery_sqn) -%}
        {%- if not was_empty -%}
            {%- set columns = definition.key_names + definition.tracked_names + definition.untracked_names -%}
            {%- do headwater.run_statement(
                "update " ~ relation ~ " as version set _row_hash = staged._row_hash from " ~ headwater.staging_relation(definition)
                ~ " as staged where version.valid_to is null and staged.delivery_sqn = " ~ delivery_sqn ~ " and "
                ~ headwater.key_match(definition.key_names, 'version', 'staged')
                ~ " and version._row_hash is distinct from staged._row_hash and row(" ~ headwater.quoted_list(columns, prefix='version.')
                ~ ")::text = row(" ~ headwater.quoted_list(columns, prefix='staged.') ~ ")::text"
            ) -%}
        {%- endif -%}
        {%- do headwater.run_statement("update metadata.row_hashing set held_with = staged_with" ~ of_source) -%}
    {%- endif -%}
{%- endmacro %}
