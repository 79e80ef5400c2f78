-- Schedules are gone with what they were to run.
drop table schedules;
