//! What the cases of this package share. The cases themselves are under `cases/`.

pub mod background;
pub mod command;
pub mod peers;
pub mod rehearsal;
pub mod served;
pub mod steady;
pub mod wire;
