-- Rows that are there and that no code could read. Frozen: a change is a new migration.
-- What is here is left alone by everything: the execution of such a row is held back until a person releases it.
create table quarantine (
  key bigint generated always as identity primary key,
  tenant text,
  execution bigint,
  place text not null,
  row text not null,
  reason text not null,
  at bigint not null
);

create unique index quarantine_row
on quarantine (place, row);
