-- Takes the tables away with what they hold.
drop table bulk_items;
drop table bulks;
drop table depth;
drop index requests_rerun;
