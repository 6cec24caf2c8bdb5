with

staged as (

    select * from {{ ref('stg_census_geography') }}

),

final as (

    select
        ---------- delivery
        delivery_sqn,
        line_number,

        ---------- key
        logical_record_number,

        ---------- attributes
        summary_level,
        name,
        state_code,
        state_fips,
        county_fips,
        county_subdivision_fips,
        place_fips,
        description_code,
        functional_status,
        population,
        land_area_m2,
        water_area_m2,
        latitude_microdegrees,
        longitude_microdegrees

    from staged

)

select * from final
