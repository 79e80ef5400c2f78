-- Signals are guarded no more.
drop trigger signals_no_delete;
