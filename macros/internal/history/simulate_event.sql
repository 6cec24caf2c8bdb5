{% macro simulate_event(definition, simulated) -%}
    {#- for a dry run, in a transaction that will be rolled back: the event, and what staging would make of it -#}
    {%- do headwater.run_statement(
        "insert into metadata.delivery_event (event_id, delivery_sqn, event, checks, why, who, event_at) values ("
        ~ "gen_random_uuid(), " ~ simulated.delivery_sqn ~ ", " ~ headwater.sql_literal(simulated.event) ~ ", "
        ~ "string_to_array(" ~ headwater.sql_literal(simulated.checks | join(',')) ~ ", ','), 'dry run', 'dry run', metadata.next_event_at(" ~ simulated.delivery_sqn ~ "))"
    ) -%}
    {%- if 'duplicate_keys' in simulated.checks -%}
        {%- set staging = api.Relation.create(schema='staging', identifier='stg_' ~ definition.name) -%}
        {%- do headwater.run_statement(
            "delete from " ~ staging ~ " as loser using " ~ staging ~ " as winner where "
            ~ headwater.key_match(definition.key_names, 'loser', 'winner') ~ " and loser.delivery_sqn = " ~ simulated.delivery_sqn
            ~ " and winner.delivery_sqn = loser.delivery_sqn"
            ~ " and (winner.line_number, winner.ctid) > (loser.line_number, loser.ctid)"
        ) -%}
        {%- do headwater.run_statement(
            "insert into metadata.delivery_status (delivery_sqn, layer, status, record_count, status_at, job_inst_id)"
            ~ " select " ~ simulated.delivery_sqn ~ ", 'staging', 'loaded', count(*), now(), "
            ~ headwater.this_job_inst(definition.job) ~ " from " ~ staging ~ " where delivery_sqn = " ~ simulated.delivery_sqn
        ) -%}
    {%- endif -%}
{%- endmacro %}
