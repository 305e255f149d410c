//! What crosses crates: the command line on the sandbox, the adapters against independent
//! witnesses, and the shape of the workspace.

mod bad_input;
mod examples;
mod layering;
mod quickstart;
mod scenarios;
mod undo;
