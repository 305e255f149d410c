//! What crosses crates: the command line on the sandbox, the adapters against independent
//! witnesses, and the shape of the workspace.

mod apply;
mod bad_input;
mod cost;
mod examples;
mod help;
mod hostile;
mod layering;
mod quickstart;
mod scenarios;
mod two_processes;
mod undo;
