{% macro default__create_csv_table(model, agate_table) %}
  {%- set declared = model['config'].get('column_types') or {} -%}
  {%- set quotes = model['config'].get('quote_columns', none) -%}
  {%- set columns = {} -%}
  {%- for name in agate_table.column_names -%}
    {%- do columns.update({name | string: declared.get(name, adapter.convert_type(agate_table, loop.index0))}) -%}
  {%- endfor -%}
  {%- for name in declared if name not in columns -%}
    {%- do columns.update({name: declared[name]}) -%}
  {%- endfor -%}
  {%- set sql -%}
create table {{ this.render() }} (
    {%- for name, data_type in columns.items() %}
    {{ adapter.quote_seed_column(name, quotes) }} {{ data_type }}{{ ',' if not loop.last }}
    {%- endfor %}
)
  {%- endset -%}
  {%- call statement('_') -%}{{ sql }}{%- endcall -%}
  {{ return(sql) }}
{% endmacro %}
