with

indexes as (

    select * from {{ ref('hist_cpi_indexes') }}
    where
        valid_to is null
        and series like 'CUUR%SA0'  -- all urban consumers, not adjusted for the season, monthly; all items

),

areas as (

    select * from {{ ref('hist_cpi_areas') }}
    where valid_to is null

),

periods as (

    select * from {{ ref('hist_cpi_periods') }}
    where valid_to is null

),

monthly as (

    select
        substr(series, 5, 4) as area,
        make_date(year, right(period, 2)::integer, 1) as month_date,
        period,
        price_index
    from indexes
    where
        length(series) = 11  -- four of them for the area, and SA0
        and period between 'M01' and 'M12'

),

final as (

    select
        monthly.area,
        areas.area_name,
        monthly.month_date,
        periods.period_name as month_name,
        monthly.price_index,
        round(100 * (monthly.price_index / a_year_before.price_index - 1), 1) as inflation_pct
    from monthly
    inner join areas on monthly.area = areas.area
    inner join periods on monthly.period = periods.period
    left join monthly as a_year_before
        on
            monthly.area = a_year_before.area
            and monthly.month_date = a_year_before.month_date + interval '1 year'

)

select * from final
