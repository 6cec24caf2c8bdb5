-- When the next event of a delivery happens: now; where the clock has gone back, right after what it follows. So
-- events sort by their moment, on S3 too, and what was known at a moment is never an effect without its cause. The
-- caller holds the lock of the source.
create or replace function metadata.next_event_at(of_delivery bigint) returns timestamptz
language sql volatile as $$
select greatest(clock_timestamp(), max(event_at) + interval '1 microsecond')
from metadata.delivery_event
where delivery_sqn = of_delivery
$$;
