{% macro code_of_layer(layer, definition, described) -%}
    {#- what the tables of a layer depend on beside the metadata, piece by piece: what was written, and functions of the
        database that it calls. Raises where they depend on anything else -#}
    {%- set chain = headwater.model_chain(layer, definition.name) -%}
    {%- set code = headwater.written_code(layer, definition) -%}
    {%- set readable = ['raw.' ~ definition.name if layer == 'staging' else 'staging.stg_' ~ definition.name] -%}
    {%- for seed in chain.seeds -%}
        {%- do readable.append(seed.schema ~ '.' ~ seed.alias) -%}
    {%- endfor -%}
    {%- for relation in described.relations if relation not in readable -%}
        {%- do headwater.raise_model_refused(
            definition.name, chain.models[0].name, "reads the table " ~ relation ~ " by its name",
            "ref() of a seed, or a join behind history: before it, only deliveries of the source and seeds are read"
        ) -%}
    {%- endfor -%}
    {%- for name in described.changing -%}
        {%- do headwater.raise_model_refused(
            definition.name, chain.models[0].name, "calls " ~ name,
            "what says the same of a row whenever and wherever it is loaded: no clock, no chance, no setting; a function of yours is declared immutable"
        ) -%}
    {%- endfor -%}
    {#- dbt's --empty limits what ref() reads -#}
    {%- if layer == 'historical' and described.across_rows and not flags.EMPTY -%}
        {%- do headwater.raise_model_refused(
            definition.name, chain.models[0].name, "makes a row of several, by " ~ described.across_rows,
            "that in stg_" ~ definition.name ~ ", which reads one delivery at a time: history reads what staging holds of all of them, today"
        ) -%}
    {%- endif -%}
    {%- for name, text in described.functions.items() -%}
        {%- set text = headwater.normalised_code(text) -%}
        {%- do headwater.require_timeless(definition.name, chain.models[0].name, text) -%}
        {%- do code.update({'function ' ~ name: text}) -%}
    {%- endfor -%}
    {{ return(code) }}
{%- endmacro %}
