{% materialization historical, adapter='postgres' -%}
    {%- set target_relation = this.incorporate(type='table') -%}

    {{ run_hooks(pre_hooks, inside_transaction=false) }}
    {%- set definition = headwater.source_definition(headwater.this_source()) -%}
    {%- do headwater.open_source_transaction(definition.name) -%}
    {{ run_hooks(pre_hooks, inside_transaction=true) }}

    {%- set applied = 0 -%}
    {%- do headwater.require_same_definition(definition) -%}
    {%- if headwater.has_table(headwater.staging_relation(definition)) -%}
        {%- set described = headwater.described_query(sql) -%}
        {%- set definition = headwater.model_definition('historical', headwater.with_staged_columns(definition), described) -%}
        {%- do headwater.require_same_definition(definition) -%}
        {%- if not headwater.is_being_rebuilt(definition.name) -%}
            {%- do headwater.create_historical_table(target_relation, definition) -%}
            {%- do headwater.require_same_types(target_relation, definition, described) -%}
            {%- if should_full_refresh() -%}
                {%- do headwater.reset_history(target_relation, definition) -%}
            {%- endif -%}
        {%- endif -%}
        {%- set simulated = fromjson(env_var('HEADWATER_SIMULATE', '{}')) -%}
        {%- if simulated.source == definition.name -%}
            {%- do headwater.dry_run(target_relation, definition, sql, simulated) -%}
        {%- endif -%}
        {%- set applied = 0 if flags.EMPTY else headwater.load_history(target_relation, definition, sql) -%}
    {%- endif -%}
    {%- call noop_statement('main', 'APPLIED ' ~ applied ~ ' deliveries') %}{% endcall -%}

    {{ run_hooks(post_hooks, inside_transaction=true) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=false) }}
    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}
