"""Rows of raw and staging may be purged; what needs them again says so, and they come back from S3."""

from alembic import op

revision = "0003"
down_revision = "0002"

DDL = """
-- purged: its rows went by the source's policy, the counts stay; recalled: they are gone, and a question wants them back
alter table metadata.delivery_status
    drop constraint delivery_status_status_check,
    add constraint delivery_status_status_check
        check (status in ('loaded', 'passed', 'halted', 'stale', 'purged', 'recalled'));

-- the deliveries of a source, where their rows are, and whether anything waits for them
create function metadata.delivery_needs(of_source text) returns table (
    delivery_sqn bigint,
    publisher_name text,
    delivery_date timestamptz,
    verdict text,
    is_withdrawn boolean,
    differs_from_history boolean,
    status text,
    is_in_raw boolean,
    is_staged boolean,
    is_wanted boolean
)
language sql stable as $$
with

state as (

    select
        delivery_state.*,
        coalesce(raw.status = 'loaded', false) as is_in_raw,
        coalesce(staging.status = 'loaded', false) as is_staged,
        coalesce(staging.status = 'recalled', false) as is_recalled
    from metadata.delivery_state
    left join metadata.delivery_status as raw
        on raw.delivery_sqn = delivery_state.delivery_sqn and raw.layer = 'raw'
    left join metadata.delivery_status as staging
        on staging.delivery_sqn = delivery_state.delivery_sqn and staging.layer = 'staging'
    where source = of_source

),

-- from here on history is to be made anew, or will be if what is pending passes, and every delivery that counts must
-- be staged: for history, and for the checks that compare with what was current before
since as (

    select min(delivery_date) as since
    from state
    where differs_from_history or (verdict = 'pending' and not is_withdrawn)

)

select
    delivery_sqn,
    publisher_name,
    delivery_date,
    verdict,
    is_withdrawn,
    differs_from_history,
    status,
    is_in_raw,
    is_staged,
    is_recalled or (not is_withdrawn and (verdict = 'pending' or (counts and delivery_date >= since) is true))
from state
cross join since
$$;

create or replace function metadata.pending_deliveries(of_source text, of_layer text) returns bigint[]
language sql stable
return (
    select coalesce(array_agg(delivery_sqn order by delivery_date, publisher_name collate "C", delivery_sqn), '{}')
    from metadata.delivery_needs(of_source)
    where case of_layer
        when 'raw' then is_wanted and not is_staged and not is_in_raw
        when 'staging' then is_wanted and not is_staged and is_in_raw
        when 'checks' then not is_withdrawn and verdict = 'pending' and is_staged
        when 'historical' then differs_from_history
    end
);

-- which deliveries raw or staging may lose when it keeps those from the keep-th newest on that history holds: what is
-- settled and older. What is halted waits for a decision, and is not settled.
create function metadata.purgeable_deliveries(of_source text, of_layer text, keep integer) returns bigint[]
language sql stable
return (
    with

    needs as (

        select * from metadata.delivery_needs(of_source)

    ),

    oldest_kept as (

        select delivery_date, publisher_name
        from needs
        where status = 'loaded'
        order by delivery_date desc, publisher_name collate "C" desc
        offset greatest(keep - 1, 0)
        limit 1

    )

    select coalesce(array_agg(
        needs.delivery_sqn order by needs.delivery_date, needs.publisher_name collate "C", needs.delivery_sqn
    ), '{}')
    from needs
    left join oldest_kept on true
    where case of_layer when 'raw' then is_in_raw when 'staging' then is_staged end
        and status in ('loaded', 'withdrawn', 'superseded')
        and not differs_from_history
        and not is_wanted
        and (
            keep = 0
            or needs.delivery_date < oldest_kept.delivery_date
            or (
                needs.delivery_date = oldest_kept.delivery_date
                and needs.publisher_name collate "C" < oldest_kept.publisher_name collate "C"
            )
        )
);

-- which deliveries counted at a moment and have no rows in staging now
create function metadata.unstaged_deliveries_at(of_source text, known_at timestamptz) returns bigint[]
language sql stable
return (
    select coalesce(array_agg(delivery_sqn order by delivery_date, publisher_name collate "C"), '{}')
    from metadata.delivery_state_at(known_at) as state
    where source = of_source
        and counts
        and not exists (
            select from metadata.delivery_status as staged
            where staged.delivery_sqn = state.delivery_sqn and staged.layer = 'staging' and staged.status = 'loaded'
        )
);

-- true, or an error: a snapshot that is not staged would look empty, and what was known a history without it
create function metadata.require_staged_at(of_source text, known_at timestamptz) returns boolean
language plpgsql stable as $$
declare
    unstaged bigint[] := metadata.unstaged_deliveries_at(of_source, known_at);
begin
    if unstaged <> '{}' then
        raise exception 'Not staged: source %: what was known at % is made of deliveries %, which staging does not hold. `headwater as-of % --on DAY --known-at MOMENT` brings them back from S3.',
            of_source, known_at, array_to_string(unstaged, ', '), of_source;
    end if;
    return true;
end
$$;
"""


def upgrade() -> None:
    op.execute(DDL)


def downgrade() -> None:
    raise NotImplementedError(
        "purged rows are not brought back by SQL: make a new migration that goes forward"
    )
