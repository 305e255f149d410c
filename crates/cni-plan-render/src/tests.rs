//! Whole outputs as snapshots, and what has to hold of every output.

mod fixture;
mod hostile;
mod plans;
mod runs;
