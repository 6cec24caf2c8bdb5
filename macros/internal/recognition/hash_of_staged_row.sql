{% macro hash_of_staged_row(raw_hash, hashing) -%}
    {#- 64 bits: of a million rows of which one in fifty changed, one hash in 10^9 is that of another row by chance, and then
        it also comes twice, which is seen, unless that other row is gone -#}
    {{ return("hashint8extended(" ~ raw_hash ~ ", ('x' || " ~ headwater.sql_literal(hashing[:16]) ~ ")::bit(64)::bigint)") }}
{%- endmacro %}
