{% macro written_code(layer, definition) -%}
    {#- what was written to make a layer: models and macros as normalised code, variables, seeds as a digest of their rows -#}
    {%- set chain = headwater.model_chain(layer, definition.name) -%}
    {%- set code = {} -%}
    {%- for node in chain.models -%}
        {%- set text = headwater.normalised_code(node.raw_code) -%}
        {%- set pieces = headwater.project_macros(node) -%}
        {%- do code.update(pieces) -%}
        {%- if not (loop.first and headwater.is_as_generated(layer, definition, text)) -%}
            {%- do code.update({'model ' ~ node.name: text}) -%}
        {%- endif -%}
        {%- for piece in [text] + pieces.values() | list -%}
            {%- do headwater.require_timeless(definition.name, node.name, piece) -%}
            {%- do code.update(headwater.code_variables(definition.name, node.name, piece)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for seed in chain.seeds -%}
        {%- do code.update({'seed ' ~ seed.name: run_query(
            "select md5(string_agg(md5(seed::text), '' order by md5(seed::text))) from "
            ~ api.Relation.create(schema=seed.schema, identifier=seed.alias) ~ " as seed"
        ).rows[0][0] or ''}) -%}
    {%- endfor -%}
    {{ return(code) }}
{%- endmacro %}
