with

delivered as (

    select * from {{ headwater.raw_deliveries('census_geography') }}

),

typed as (

    select
        ---------- delivery
        {{ headwater.delivery_columns() }},

        ---------- key
        {{ headwater.typed('logical_record_number') }} as logical_record_number,

        ---------- attributes
        {{ headwater.typed('summary_level') }} as summary_level,
        {{ headwater.typed('name') }} as name,
        {{ headwater.typed('state_code') }} as state_code,
        {{ headwater.typed('state_fips') }} as state_fips,
        {{ headwater.typed('county_fips') }} as county_fips,
        {{ headwater.typed('county_subdivision_fips') }} as county_subdivision_fips,
        {{ headwater.typed('place_fips') }} as place_fips,
        {{ headwater.typed('description_code') }} as description_code,
        {{ headwater.typed('functional_status') }} as functional_status,
        {{ headwater.typed('population') }} as population,
        {{ headwater.typed('land_area_m2') }} as land_area_m2,
        {{ headwater.typed('water_area_m2') }} as water_area_m2,
        {{ headwater.typed('latitude_microdegrees') }} as latitude_microdegrees,
        {{ headwater.typed('longitude_microdegrees') }} as longitude_microdegrees

    from delivered

)

select * from typed
