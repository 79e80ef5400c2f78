-- Whether a worker runs suspects in processes of their own: its end then says nothing about them.
alter table workers add column isolates bigint not null default 0 check (isolates in (0, 1));
