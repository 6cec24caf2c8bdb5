-- What is true of each delivery now, and how each layer stands.
create or replace view metadata.delivery_state as
select
    state.*,
    -- a stale delivery was sent through the layers again: history holds it as it was before
    case
        when counts then historical.status is distinct from 'loaded'
        else historical.status is not null
    end as differs_from_history,
    case
        when is_withdrawn then 'withdrawn'
        when verdict = 'halted' then 'halted'
        when is_superseded then 'superseded'
        when verdict = 'passed' and historical.status = 'loaded' then 'loaded'
        else 'pending'
    end as status
from metadata.delivery_state_at('infinity') as state
left join (
    select
        delivery_sqn as loaded_sqn,
        status
    from metadata.delivery_status
    where layer = 'historical'
) as historical on historical.loaded_sqn = state.delivery_sqn;
