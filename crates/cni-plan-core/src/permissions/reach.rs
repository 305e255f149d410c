//! How far a statement, or a part of one, reaches into what is asked.

/// From nothing to all of it. Of two things that must both match, the lesser counts; of two of which
/// either will do, the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// It matches none of it.
    Nothing,
    /// It matches some of it, and surely not, or not provably, the rest.
    Part,
    /// It may match all of it, by something that cannot be judged here: a condition, a variable.
    Unjudged,
    /// It matches all of it.
    Whole,
}

impl Reach {
    /// Of a list that names what is left out: `NotAction`, `NotResource`.
    pub(super) fn of_the_rest(self) -> Reach {
        match self {
            Reach::Nothing => Reach::Whole,
            Reach::Whole => Reach::Nothing,
            Reach::Part | Reach::Unjudged => self,
        }
    }
}
