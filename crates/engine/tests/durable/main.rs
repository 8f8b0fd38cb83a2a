//! Executions in a real store: SQLite in a folder of its own, written to in the same task, with time that only moves when
//! everybody waits. A process is killed by dropping everything it has.

mod nodes;
mod site;

mod crashes;
mod limits;
mod people;
mod starts;
mod waits;
