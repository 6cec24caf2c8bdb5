{% macro code_variables(source_name, model_name, code) -%}
    {#- the variables of dbt_project.yml that code reads, with their values -#}
    {%- set found = {} -%}
    {%- for tag in headwater.jinja_split(code).tags -%}
        {%- for called in modules.re.finditer("(?<![\\w.])var ?\\( ?(?:(['\"])(\\w+)\\1)?", tag) -%}
            {%- set name = called.group(2) -%}
            {%- if not name -%}
                {%- do headwater.raise_model_refused(
                    source_name, model_name, "reads a variable whose name is an expression",
                    "var() of a name in quotes, so that its value is a part of the definition"
                ) -%}
            {%- endif -%}
            {%- do found.update({'variable ' ~ name: tojson(var(name, none))}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}
