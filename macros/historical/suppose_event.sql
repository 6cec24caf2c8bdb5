{% macro suppose_event(definition, supposed) -%}
    {#- for a dry run, in a transaction that will be rolled back: the event, and what staging would make of it -#}
    {%- do run_statement(
        "insert into metadata.delivery_event (event_id, delivery_sqn, event, checks, why, who, event_at) values ("
        ~ "gen_random_uuid(), " ~ supposed.delivery_sqn ~ ", " ~ sql_literal(supposed.event) ~ ", "
        ~ "string_to_array(" ~ sql_literal(supposed.checks | join(',')) ~ ", ','), 'dry run', 'dry run', metadata.next_event_at(" ~ supposed.delivery_sqn ~ "))"
    ) -%}
    {%- if 'duplicate_keys' in supposed.checks -%}
        {%- set staging = api.Relation.create(schema='staging', identifier='stg_' ~ definition.name) -%}
        {%- do run_statement(
            "delete from " ~ staging ~ " as loser using " ~ staging ~ " as winner where "
            ~ key_match(definition.key_names, 'loser', 'winner') ~ " and loser.delivery_sqn = " ~ supposed.delivery_sqn
            ~ " and winner.delivery_sqn = loser.delivery_sqn"
            ~ " and (winner.line_number, winner.ctid) > (loser.line_number, loser.ctid)"
        ) -%}
        {%- do run_statement(
            "insert into metadata.delivery_status (delivery_sqn, layer, status, record_count, status_at, job_inst_id)"
            ~ " select " ~ supposed.delivery_sqn ~ ", 'staging', 'loaded', count(*), now(), "
            ~ this_job_inst(definition.job) ~ " from " ~ staging ~ " where delivery_sqn = " ~ supposed.delivery_sqn
        ) -%}
    {%- endif -%}
{%- endmacro %}
