with

libraries as (

    select * from {{ ref('hist_libraries') }}
    where valid_to is null

),

summed as (

    select
        district,
        sum(seats) as seats
    from libraries
    group by district

)

select * from summed
