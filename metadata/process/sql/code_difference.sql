-- Return where two texts of a piece of code begin to differ, as words of a sentence, with some words around.
create or replace function metadata.code_difference(of_piece text, was text, becomes text) returns text
language plpgsql immutable as $$
declare
    differs_at integer := 1;
    step integer := 1 << 20;
begin
    if was is null then
        return of_piece || ' is new';
    elsif becomes is null then
        return of_piece || ' is gone';
    end if;
    -- the length of what both begin with, by halving
    while step > 0 loop
        if left(was, differs_at - 1 + step) = left(becomes, differs_at - 1 + step)
            and differs_at - 1 + step <= least(length(was), length(becomes)) then
            differs_at := differs_at + step;
        else
            step := step / 2;
        end if;
    end loop;
    differs_at := greatest(differs_at - 20, 1);
    return of_piece || ' was …' || substr(was, differs_at, 60) || '…, is …' || substr(becomes, differs_at, 60) || '…';
end
$$;
