//! What the cases of this package share. The cases themselves are under `cases/`.

pub mod command;
pub mod rehearsal;
pub mod steady;
pub mod wire;
