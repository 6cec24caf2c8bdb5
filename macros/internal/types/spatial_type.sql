{% macro spatial_type(data_type) -%}
    {#- geometry(PointZ,4326) in its parts, as the functions of geometries take them -#}
    {%- set arguments = (data_type.rstrip(')').split('(') + [''])[1].split(',') -%}
    {%- set shape = arguments[0] -%}
    {%- set suffix = 'ZM' if shape.endswith('ZM') else shape[-1:] if shape[-1:] in ('Z', 'M') else '' -%}
    {{ return({
        'shape': shape.removesuffix(suffix) or 'Geometry',
        'dimensions': {'': 0, 'M': 1, 'Z': 2, 'ZM': 3}[suffix] if shape else -1,
        'srid': 4326 if headwater.base_type(data_type) == 'geography' else (arguments + [0])[1] | int,
    }) }}
{%- endmacro %}
