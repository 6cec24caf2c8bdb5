{% materialization staging, adapter='postgres' -%}
    {%- set target_relation = this.incorporate(type='table') -%}

    {{ run_hooks(pre_hooks, inside_transaction=false) }}
    {%- set definition = headwater.source_definition(headwater.this_source()) -%}
    {%- do headwater.open_source_transaction(definition.name) -%}
    {{ run_hooks(pre_hooks, inside_transaction=true) }}

    {#- what the metadata changed comes first: raw may lack a column that the model would read -#}
    {%- do headwater.require_same_definition(definition) -%}
    {%- if not headwater.has_table(headwater.raw_relation(definition)) -%}
        {%- do headwater.create_raw_table(headwater.raw_relation(definition), definition) -%}
    {%- endif -%}
    {%- set described = headwater.described_query(sql, reads='raw') -%}
    {%- set definition = headwater.model_definition('staging', definition, described) -%}
    {%- do headwater.require_same_definition(definition) -%}
    {%- do headwater.create_staging_table(target_relation, definition) -%}
    {%- do headwater.require_same_types(target_relation, definition, described) -%}
    {%- if should_full_refresh() -%}
        {%- do headwater.reset_staging(target_relation, definition) -%}
    {%- endif -%}
    {%- set pending = [] if flags.EMPTY else headwater.pending_deliveries(definition.name, 'staging') -%}
    {%- if pending -%}
        {%- set hashing = headwater.hashing_of_rows(definition, sql, described) -%}
        {%- do headwater.stage_deliveries(target_relation, definition, pending, sql, hashing) -%}
    {%- endif -%}
    {%- call noop_statement('main', 'STAGED ' ~ (pending | length) ~ ' deliveries') %}{% endcall -%}

    {{ run_hooks(post_hooks, inside_transaction=true) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=false) }}
    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}
