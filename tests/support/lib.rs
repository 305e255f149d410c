//! What the cases of this package share. The cases themselves are under `cases/`.

pub mod background;
pub mod command;
pub mod course;
pub mod ending;
pub mod killed;
pub mod peers;
pub mod rehearsal;
pub mod relay;
pub mod served;
pub mod steady;
pub mod terminal;
pub mod trials;
pub mod wire;
