{% materialization historical, adapter='postgres' -%}
    {%- set definition = source_definition(config.get('meta').source_name) -%}
    {%- set target_relation = this.incorporate(type='table') -%}

    {{ run_hooks(pre_hooks, inside_transaction=false) }}
    {%- do open_source_transaction(definition.name) -%}
    {{ run_hooks(pre_hooks, inside_transaction=true) }}

    {%- do require_same_definition(definition) -%}
    {%- if not is_being_rebuilt(definition.name) -%}
        {%- do create_historical_table(target_relation, definition) -%}
        {%- if should_full_refresh() -%}
            {%- do forget_history(target_relation, definition) -%}
        {%- endif -%}
    {%- endif -%}
    {%- set supposed = fromjson(env_var('HEADWATER_SUPPOSE', '{}')) -%}
    {%- if supposed.source == definition.name -%}
        {%- do rehearse(target_relation, definition, sql, supposed) -%}
    {%- endif -%}
    {%- set applied = 0 if flags.EMPTY else load_history(target_relation, definition, sql) -%}
    {%- call noop_statement('main', 'APPLIED ' ~ applied ~ ' deliveries') %}{% endcall -%}

    {{ run_hooks(post_hooks, inside_transaction=true) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=false) }}
    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}
