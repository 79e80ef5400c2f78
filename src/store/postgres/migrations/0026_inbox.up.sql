-- What transactions of callers leave for Pawl, beside whatever else they write. Frozen: a change is a new migration.
-- Both tables are only ever inserted into by callers, under no lock of Pawl's; its next commit takes up what it finds.
create table submissions (
  number bigint generated always as identity primary key,
  tenant text not null,
  -- The checked request; null once it was taken up.
  admission text,
  submitted_at bigint not null,
  taken_at bigint,
  -- What became of it: an execution, new or known by its key, or a refusal.
  execution bigint,
  refusal text
);

create index submissions_waiting
on submissions (number)
where taken_at is null;

create index submissions_taken
on submissions (taken_at)
where taken_at is not null;

-- Steps that were committed together with what their handler wrote, and are not in the journal yet.
create table transaction_steps (
  execution bigint not null,
  name text not null,
  ordinal bigint not null,
  value text not null,
  fence bigint not null,
  started_at bigint not null,
  at bigint not null,
  primary key (execution, name, ordinal)
);
