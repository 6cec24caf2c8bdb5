{% macro code_of_layer(layer, definition, described) -%}
    {#- what the tables of a layer depend on beside the metadata, piece by piece: models, macros and functions as
        normalised code, seeds as a digest of their rows -#}
    {%- set chain = headwater.model_chain(layer, definition.name) -%}
    {%- set code = {} -%}
    {%- for node in chain.models -%}
        {%- set text = headwater.normalised_code(node.raw_code) -%}
        {%- do headwater.require_timeless(definition.name, node.name, text) -%}
        {%- if not (loop.first and headwater.is_as_generated(layer, definition, text)) -%}
            {%- do code.update({'model ' ~ node.name: text}) -%}
        {%- endif -%}
        {%- for name, text in headwater.project_macros(node).items() -%}
            {%- do headwater.require_timeless(definition.name, node.name, text) -%}
            {%- do code.update({'macro ' ~ name: text}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- set readable = ['raw.' ~ definition.name if layer == 'staging' else 'staging.stg_' ~ definition.name] -%}
    {%- for seed in chain.seeds -%}
        {%- do readable.append(seed.schema ~ '.' ~ seed.alias) -%}
        {%- do code.update({'seed ' ~ seed.name: run_query(
            "select md5(string_agg(md5(seed::text), '' order by md5(seed::text))) from "
            ~ api.Relation.create(schema=seed.schema, identifier=seed.alias) ~ " as seed"
        ).rows[0][0]}) -%}
    {%- endfor -%}
    {%- for relation in described.relations if relation not in readable -%}
        {%- do headwater.raise_model_refused(
            definition.name, chain.models[0].name, "reads the table " ~ relation ~ " by its name",
            "ref() of a seed, or a join behind history: before it, only deliveries of the source and seeds are read"
        ) -%}
    {%- endfor -%}
    {%- for name, text in described.functions.items() -%}
        {%- if name in described.volatile_functions -%}
            {%- do headwater.raise_model_refused(
                definition.name, chain.models[0].name, "calls the volatile function " ~ name,
                "an immutable or stable one: what a row says must not depend on when it is loaded"
            ) -%}
        {%- endif -%}
        {%- do code.update({'function ' ~ name: headwater.normalised_code(text)}) -%}
    {%- endfor -%}
    {{ return(code) }}
{%- endmacro %}
