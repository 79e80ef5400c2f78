-- Takes paused time and paced releases away. What a release still held goes to the due at once.
insert into ready (queue, rank, turn, id, available_at, paid)
select queue, rank, turn, id, available_at, paid
from parked
where key in (select key from releases)
on conflict do nothing;
delete from parked where key in (select key from releases);
delete from timers where kind = 5;
drop table releases;
drop table pause_intervals;
