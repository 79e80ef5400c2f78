drop table transaction_steps;
drop table submissions;
