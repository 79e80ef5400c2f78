-- Takes the column away with what it holds.
alter table workers drop column isolates;
