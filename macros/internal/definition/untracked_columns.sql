{% macro untracked_columns(definition) -%}
    {#- the columns that the YAML of the historical model says are not tracked: only those that models add, since the
        metadata says it of its attributes -#}
    {%- set node = graph.nodes.get('model.' ~ project_name ~ '.hist_' ~ definition.name) or {'columns': {}} -%}
    {%- set untracked = [] -%}
    {%- for name, column in node.columns.items() -%}
        {%- set meta = dict(column.get('meta') or {}, **((column.get('config') or {}).get('meta') or {})) -%}
        {%- if 'tracked' in meta -%}
            {%- if name in definition.attributes | rejectattr('is_derived') | map(attribute='name') -%}
                {%- do headwater.raise_model_refused(
                    definition.name, node.name, "says in its YAML whether the attribute " ~ name ~ " is tracked",
                    "is_tracked in seeds/attribute.csv, which says it of attributes; the YAML says it of columns that a model adds"
                ) -%}
            {%- endif -%}
            {%- do untracked.append(name) if not meta.tracked -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(untracked) }}
{%- endmacro %}
