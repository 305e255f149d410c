//! Every state of one strand: on the way there, and on every way back from each of those.
//!
//! Nearest first, so that the first danger found is one of the fewest steps. A step under way is in
//! effect or it is not; both are states. Pods may die and be born at any time, so that a state holds
//! all identities that some pod may carry, and what a newborn pod takes is among them at once.

use std::collections::HashSet;

use super::identities::Identities;
use super::shape::{Place, Places, Shape};
use super::strand::Strand;
use super::way_back::{View, WaysBack};
use crate::Change;

/// What a walk through all states came to.
#[derive(Debug, Clone)]
pub(super) struct Explored {
    pub(super) forward: u64,
    pub(super) back: u64,
    pub(super) danger: Option<Path>,
}

impl Explored {
    fn unsafe_after(moves: Vec<Move>, end: End) -> Explored {
        Explored { forward: 0, back: 0, danger: Some(Path { moves, end }) }
    }
}

/// A shortest way to a pod without permissions.
#[derive(Debug, Clone)]
pub(super) struct Path {
    pub(super) moves: Vec<Move>,
    pub(super) end: End,
}

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    /// A step of the plan has its effect.
    Do(Place),
    /// The run looks, having seen the pods so, and goes back from here; also one going back already,
    /// that was killed and is taken up again. `begun` was under way then, without its effect.
    Turn { view: View, begun: Option<Place> },
    /// A step of the way back has its effect.
    Undo(Place),
}

/// What is wrong in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// A pod may be there that was found with the identity before the plan.
    OldPod,
    /// One that was born or restarted since.
    NewPod,
    /// A restart begins, and its pods are born with the identity.
    Restart,
}

/// A state of a strand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct State {
    /// Steps of the plan that had their effect.
    done: Places,
    /// The way back under way, by its number, and which of its steps had their effect.
    back: Option<(usize, Places)>,
    /// Of subject and annotation, which are as the plan leaves them.
    in_effect: Places,
    /// What some pod may carry.
    carried: Identities,
    /// Whether the plan's restart has reached a pod.
    moved: bool,
    asked: Asked,
}

/// Whether the way back looks at the pods, which is known from its beginning on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Asked {
    /// Nothing that concerns them was begun.
    Not,
    /// The annotation was begun without effect.
    BegunInVain,
    /// The restart was under way.
    Begun,
    /// The annotation or the restart had its effect.
    Always,
}

/// A state that was reached, and how.
struct Reached {
    state: State,
    from: Option<(usize, Move)>,
}

/// Walks through all states of a strand, or to the nearest danger.
pub(super) fn explore(strand: &Strand, changes: &[Change]) -> Explored {
    let mut walk =
        Walk { shape: &strand.shape, effective: strand.shape.effective(), ways_back: WaysBack::of(strand, changes) };
    let mut reached = vec![Reached { state: walk.start(), from: None }];
    let mut seen: HashSet<State> = HashSet::new();
    let mut level = vec![0];
    while !level.is_empty() {
        let mut next_level = Vec::new();
        let mut begun = None;
        // Turning back is no step: where it leads is looked at in the same level.
        let mut at = 0;
        while let Some(&index) = level.get(at) {
            at += 1;
            let state = reached[index].state;
            if !seen.insert(state) {
                continue;
            }
            match walk.danger(&state) {
                // The restart is one step more: another state of this level may be nearer.
                Some(End::Restart) => begun = begun.or(Some(index)),
                Some(end) => return Explored::unsafe_after(moves(&reached, index), end),
                None => {}
            }
            let turns = walk.turns(&state);
            for (by, state) in turns.at_once {
                level.push(reached.len());
                reached.push(Reached { state, from: Some((index, by)) });
            }
            for (by, state) in turns.after_a_step.into_iter().chain(walk.steps(&state)) {
                next_level.push(reached.len());
                reached.push(Reached { state, from: Some((index, by)) });
            }
        }
        if let Some(index) = begun {
            return Explored::unsafe_after(moves(&reached, index), End::Restart);
        }
        level = next_level;
    }
    let (back, forward): (Vec<State>, Vec<State>) = seen.into_iter().partition(|state| state.back.is_some());
    // Two ways back through one state of the world are one state.
    let back: HashSet<State> = back.into_iter().map(|state| State { back: None, ..state }).collect();
    Explored { forward: forward.len() as u64, back: back.len() as u64, danger: None }
}

fn moves(reached: &[Reached], mut index: usize) -> Vec<Move> {
    let mut moves = Vec::new();
    while let Some((from, by)) = reached[index].from {
        moves.push(by);
        index = from;
    }
    moves.reverse();
    moves
}

struct Walk<'a> {
    shape: &'a Shape,
    effective: Places,
    ways_back: WaysBack,
}

impl Walk<'_> {
    fn start(&self) -> State {
        State {
            done: Places::default(),
            back: None,
            in_effect: Places::default(),
            carried: self.shape.carried.or(self.shape.newborn[0]),
            moved: false,
            asked: Asked::Not,
        }
    }

    /// What a pod takes that is born now.
    fn newborn(&self, in_effect: Places) -> Identities {
        self.shape.newborn[usize::from(in_effect.holds(Place::Annotate))]
    }

    /// Whether a step of the plan may be under way.
    fn may_begin(&self, place: Place, done: Places) -> bool {
        let waits_for = self.shape.steps[place.at()].map(|step| step.waits_for);
        self.effective.holds(place) && waits_for.is_some_and(|on| on.and(self.effective).are_in(done))
    }

    fn may_undo(&self, place: Place, way: usize, undone: Places) -> bool {
        let step = self.ways_back.get(way).steps[place.at()];
        !undone.holds(place) && step.is_some_and(|step| step.waits_for.are_in(undone))
    }

    /// What is wrong in a state, if anything.
    fn danger(&self, state: &State) -> Option<End> {
        let subject = self.shape.subject?;
        let is_there =
            if state.in_effect.holds(Place::Subject) { subject.is_there_after } else { subject.is_there_before };
        if is_there {
            return None;
        }
        let needed_by = subject.needed_by();
        // What was so before is not the plan's doing, unless the plan's restart has brought pods into
        // it that were well off.
        let is_as_it_was = !state.moved || self.shape.carried.without(needed_by).is_empty();
        let is_exempt = self.shape.is_exempt() && is_as_it_was;
        if state.carried.meets(needed_by) && !is_exempt {
            // Behind a restart or a verification what is left was born since.
            let is_passed = state.done.holds(Place::Restart) || state.done.holds(Place::Verify);
            let is_old = !is_passed && self.shape.carried.and(state.carried).meets(needed_by);
            return Some(if is_old { End::OldPod } else { End::NewPod });
        }
        let is_restarting = match state.back {
            None => !state.done.holds(Place::Restart) && self.may_begin(Place::Restart, state.done),
            Some((way, undone)) => self.may_undo(Place::Restart, way, undone),
        };
        (is_restarting && self.newborn(state.in_effect).meets(needed_by)).then_some(End::Restart)
    }

    /// The states after one step more.
    fn steps(&self, state: &State) -> Vec<(Move, State)> {
        let may = |place: Place| match state.back {
            None => !state.done.holds(place) && self.may_begin(place, state.done),
            Some((way, undone)) => self.may_undo(place, way, undone),
        };
        Place::ALL.into_iter().filter(|&place| may(place)).map(|place| self.step(state, place)).collect()
    }

    /// A restart or a verification is a gate: behind it every pod carries what it asks for, so that no
    /// pod is left that cannot; and where there is no pod, it is passed at once.
    fn step(&self, state: &State, place: Place) -> (Move, State) {
        let mut next = *state;
        let by = match state.back {
            None => {
                next.done = state.done.with(place);
                match place {
                    Place::Subject | Place::Annotate => next.in_effect = state.in_effect.with(place),
                    Place::Restart => (next.carried, next.moved) = (state.carried.and(self.shape.brought[0]), true),
                    Place::Verify => next.carried = state.carried.and(self.shape.brought[1]),
                }
                Move::Do(place)
            }
            Some((way, undone)) => {
                next.back = Some((way, undone.with(place)));
                let step = self.ways_back.get(way).steps[place.at()];
                match place {
                    Place::Subject | Place::Annotate => next.in_effect = state.in_effect.without(place),
                    Place::Restart | Place::Verify => {
                        next.carried = step.map_or(state.carried, |step| state.carried.and(step.brings));
                        next.moved = false;
                    }
                }
                Move::Undo(place)
            }
        };
        next.carried = next.carried.or(self.newborn(next.in_effect));
        (by, next)
    }

    /// The states in which a run sets out on the way back from here. One that had a step under way, by
    /// which it looks at the pods, is a step further than one that had not.
    fn turns(&mut self, state: &State) -> Turns {
        let mut turns = Turns::default();
        let (begun, asked) = self.asked(state);
        if state.asked == Asked::Not && asked != Asked::Always {
            turns.at_once.push(self.turn(state, View::Unasked, None));
        }
        if asked == Asked::Not {
            return turns;
        }
        let seen = State { asked, ..*state };
        for (view, state) in self.views(&seen) {
            let turn = self.turn(&state, view, begun);
            if begun.is_some() { turns.after_a_step.push(turn) } else { turns.at_once.push(turn) }
        }
        turns
    }

    fn turn(&mut self, state: &State, view: View, begun: Option<Place>) -> (Move, State) {
        let way = self.ways_back.ask(state.done, state.in_effect, view);
        (Move::Turn { view, begun }, State { back: Some((way, Places::default())), ..*state })
    }

    /// Whether the way back looks at the pods, and which step has to be under way for it: it does
    /// when the restart was begun, and when the annotation was that it follows.
    fn asked(&self, state: &State) -> (Option<Place>, Asked) {
        let follows = self.shape.restart_is_right_behind.holds(Place::Annotate);
        let done = |place: Place| state.done.holds(place);
        if state.back.is_some() || !self.effective.holds(Place::Restart) {
            (None, state.asked)
        } else if done(Place::Restart) || follows && done(Place::Annotate) {
            (None, Asked::Always)
        } else if self.may_begin(Place::Restart, state.done) {
            (Some(Place::Restart), Asked::Begun)
        } else if follows && self.may_begin(Place::Annotate, state.done) {
            (Some(Place::Annotate), Asked::BegunInVain)
        } else {
            (None, Asked::Not)
        }
    }

    /// What a look at the pods may show, with what they may carry then. Seeing tells something: pods
    /// that are as before do not carry what none carried.
    fn views(&self, state: &State) -> Vec<(View, State)> {
        let (before, brought) = (self.shape.carried, self.shape.brought[0]);
        let mut views = Vec::with_capacity(2);
        let as_before = if before.is_empty() { state.carried.without(brought) } else { state.carried.and(before) };
        if before.is_empty() || !as_before.is_empty() {
            let carried = as_before.or(self.newborn(state.in_effect));
            views.push((View::AsBefore, State { carried, moved: false, ..*state }));
        }
        if !state.carried.without(before).is_empty() || state.carried.meets(brought) {
            // Pods that a first look found as before were born with it since, by no step of the plan; and
            // so were those that carry it where nothing of the plan has had its effect on pods.
            let moved = if state.back.is_none() { state.asked != Asked::BegunInVain } else { state.moved };
            views.push((View::Moved, State { moved, ..*state }));
        }
        views
    }
}

/// Where a run may go back.
#[derive(Default)]
struct Turns {
    at_once: Vec<(Move, State)>,
    after_a_step: Vec<(Move, State)>,
}
