{% macro model_definition(layer, definition, described) -%}
    {#- the definition with what the models of a layer add to the metadata: their code, and further columns -#}
    {%- set model_name = ('stg_' if layer == 'staging' else 'hist_') ~ definition.name -%}
    {%- set needed = ['delivery_sqn', 'line_number'] + (['_raw_row'] if layer == 'staging' else [])
        + (['is_delete_mark'] if definition.delete_column else []) -%}
    {%- set untracked = headwater.untracked_columns(definition) -%}
    {%- set names = definition.attributes | map(attribute='name') | list -%}
    {%- for name in needed + names if name not in described.columns -%}
        {%- do headwater.raise_model_refused(
            definition.name, model_name, "does not select " ~ name,
            ("a line `{{ headwater.typed('" ~ name ~ "') }} as " ~ name ~ "`, since seeds/attribute.csv has it" if name in names
             else "`{{ headwater.delivery_columns() }}` as its first line") if layer == 'staging'
            else "a line `" ~ name ~ "`: what staging has goes on to history"
        ) -%}
    {%- endfor -%}
    {%- set recorded, added = dict(definition.recorded), {} -%}
    {%- for name, data_type in described.columns.items() if name not in needed + names + ['_row_hash'] -%}
        {%- do added.update({name: data_type}) -%}
        {%- do headwater.require_own_name(definition.name, model_name, name) -%}
        {%- do recorded.update(headwater.own_attribute(name, data_type, definition.attributes | length + loop.index, untracked, layer)) -%}
    {%- endfor -%}
    {%- do headwater.require_comparable(definition.name, model_name, added) -%}
    {%- do recorded.update({'code of ' ~ layer: headwater.code_of_layer(layer, definition, described)}) -%}
    {{ return(headwater.with_attributes(dict(definition, recorded=recorded))) }}
{%- endmacro %}
