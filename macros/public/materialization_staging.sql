{% materialization staging, adapter='postgres' -%}
    {%- set definition = headwater.source_definition(config.get('meta').source.name) -%}
    {%- set target_relation = this.incorporate(type='table') -%}

    {{ run_hooks(pre_hooks, inside_transaction=false) }}
    {%- do headwater.open_source_transaction(definition.name) -%}
    {{ run_hooks(pre_hooks, inside_transaction=true) }}

    {%- do headwater.require_same_definition(definition) -%}
    {%- do headwater.create_staging_table(target_relation, definition) -%}
    {%- if should_full_refresh() -%}
        {%- do headwater.reset_staging(target_relation, definition) -%}
    {%- endif -%}
    {%- set pending = [] if flags.EMPTY else headwater.pending_deliveries(definition.name, 'staging') -%}
    {%- if pending -%}
        {%- do headwater.stage_deliveries(target_relation, definition, pending, sql) -%}
    {%- endif -%}
    {%- call noop_statement('main', 'STAGED ' ~ (pending | length) ~ ' deliveries') %}{% endcall -%}

    {{ run_hooks(post_hooks, inside_transaction=true) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=false) }}
    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}
