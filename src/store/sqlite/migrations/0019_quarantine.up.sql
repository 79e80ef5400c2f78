-- Rows that are there and that no code could read. Frozen: a change is a new migration.
-- What is here is left alone by everything: the execution of such a row is held back until a person releases it.
create table quarantine (
  key integer primary key,
  tenant text,
  execution integer,
  place text not null,
  row text not null,
  reason text not null,
  at integer not null
) strict;

create unique index quarantine_row
on quarantine (place, row);
