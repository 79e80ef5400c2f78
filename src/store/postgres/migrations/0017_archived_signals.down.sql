-- Signals are guarded no more.
drop trigger signals_no_delete on signals;
drop function signals_no_delete();
