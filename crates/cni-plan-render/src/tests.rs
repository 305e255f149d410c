//! Whole outputs as snapshots, and what has to hold of every output.

mod commands;
mod fixture;
#[path = "../benches/pure/fleet.rs"]
mod fleet;
mod hostile;
mod html;
mod limits;
mod plans;
mod runs;
