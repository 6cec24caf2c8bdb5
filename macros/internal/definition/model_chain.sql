{% macro model_chain(layer, source_name) -%}
    {#- the nodes that a layer of a source is made by: its model, the models in between down to the layer before, and the
        seeds that they join. Whatever else is read before history is refused -#}
    {%- set prefix = 'model.' ~ project_name ~ '.' -%}
    {%- set before = prefix ~ 'stg_' ~ source_name if layer == 'historical' else 'source.' ~ project_name ~ '.raw.' ~ source_name -%}
    {%- set open = [prefix ~ ('hist_' if layer == 'historical' else 'stg_') ~ source_name] -%}
    {%- set chain = {'models': [], 'seeds': []} -%}
    {%- for _ in range(1000) if open -%}
        {%- set node = graph.nodes[open.pop()] -%}
        {%- do chain.models.append(node) if node not in chain.models -%}
        {%- if chain.models | length > 1 and node.config.materialized != 'ephemeral' -%}
            {%- do headwater.raise_model_refused(
                source_name, node.name, "is a " ~ node.config.materialized ~ " that history is made of",
                "materialized: ephemeral: history reads what is staged in one transaction, and of a table an older state"
            ) -%}
        {%- endif -%}
        {%- for id in node.depends_on.nodes if id != before -%}
            {%- set kind = id.split('.')[0] -%}
            {%- if kind == 'seed' -%}
                {%- do chain.seeds.append(graph.nodes[id]) if graph.nodes[id] not in chain.seeds -%}
            {%- elif kind == 'model' and not headwater.is_of_a_layer(graph.nodes[id]) -%}
                {%- do open.append(id) -%}
            {%- else -%}
                {%- do headwater.raise_model_refused(
                    source_name, node.name, "reads " ~ id.split('.')[2:] | join('.'),
                    "only deliveries of " ~ source_name ~ " and seeds before history, which would else depend on the hour of the load. Join sources behind history, in a mart or an intermediate model of marts"
                ) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(chain) }}
{%- endmacro %}
