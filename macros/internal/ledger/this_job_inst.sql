{% macro this_job_inst(job) -%}
    {{ return(run_query("select metadata.this_job_inst(" ~ headwater.sql_literal(job) ~ ")").rows[0][0] | int) }}
{%- endmacro %}
