{% macro hash_of_staged_row(raw_hash, hashing) -%}
    {#- 64 bits: of a million rows of which one in fifty changed, one changed row in 10^9 loads has by chance the hash of
        another key's version; and unless that version is gone too, it is then met twice, which is seen. By xor, since to hash
        a bigint again would fold it to 32 bits -#}
    {{ return("int8xor(" ~ raw_hash ~ ", ('x' || " ~ headwater.sql_literal(hashing[:16]) ~ ")::bit(64)::bigint)") }}
{%- endmacro %}
