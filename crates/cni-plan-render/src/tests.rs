//! Whole outputs as snapshots, and what has to hold of every output.

mod fixture;
mod hostile;
mod limits;
mod plans;
mod runs;
