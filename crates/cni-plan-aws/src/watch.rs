//! Reads again and again until what is read can be believed. Knows nothing of what is read, or how.

use std::time::Duration;

use cni_plan_core::{Observation, Target};
use tokio::time::{Instant, sleep};

/// The last that was seen of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    /// To be believed.
    Believed(Observation),
    /// There was no time left to wait for an answer that is.
    NotInTime(Observation),
}

/// An answer, and for how long it has been the same.
struct Streak {
    answer: Observation,
    since: Instant,
    lasted: Duration,
}

/// Reads `targets` until `is_believed` says so of each answer and of how long that has been the same,
/// with `delays` in between. What cannot be seen is believed: waiting would not help.
pub(crate) async fn watch<'t, Fut>(
    targets: &[&'t Target],
    delays: impl Iterator<Item = Duration>,
    is_believed: impl Fn(&Target, &Observation, Duration) -> bool,
    read: impl Fn(Vec<&'t Target>) -> Fut,
) -> Vec<Seen>
where
    Fut: Future<Output = Vec<Observation>>,
{
    let mut delays = delays;
    let mut streaks: Vec<Option<Streak>> = targets.iter().map(|_| None).collect();
    let mut open: Vec<usize> = (0..targets.len()).collect();
    loop {
        let asked = Instant::now();
        let answers = read(open.iter().map(|&at| targets[at]).collect()).await;
        let answered = Instant::now();
        for (&at, answer) in open.iter().zip(answers) {
            match &mut streaks[at] {
                Some(streak) if streak.answer == answer => streak.lasted = asked - streak.since,
                streak => *streak = Some(Streak { answer, since: answered, lasted: Duration::ZERO }),
            }
        }
        open.retain(|&at| {
            streaks[at].as_ref().is_some_and(|Streak { answer, lasted, .. }| {
                !matches!(answer, Observation::Unseen(_)) && !is_believed(targets[at], answer, *lasted)
            })
        });
        match delays.next().filter(|_| !open.is_empty()) {
            Some(delay) => sleep(delay).await,
            None => break,
        }
    }
    let last = streaks.into_iter().map(|streak| streak.map_or(Observation::Absent, |streak| streak.answer));
    let seen = |(at, answer)| if open.contains(&at) { Seen::NotInTime(answer) } else { Seen::Believed(answer) };
    last.enumerate().map(seen).collect()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use cni_plan_core::{Attachment, Resource};

    use super::*;
    use crate::Visibility;

    const VISIBILITY: Visibility = Visibility::within(Duration::from_secs(120));

    fn target() -> Target {
        Target::Role { account: "1".to_owned(), name: "r".to_owned() }
    }

    fn there() -> Observation {
        Observation::Present(Resource::Attachment(Attachment { role: "r".to_owned(), policy_arn: "p".to_owned() }))
    }

    /// What is seen when IAM answers by `script`, which is told the seconds since the start and how
    /// many reads came before; and how many seconds that took.
    async fn stable(script: impl Fn(u64, usize) -> Observation) -> (Seen, u64) {
        let (begun, reads) = (Instant::now(), Cell::new(0));
        let target = target();
        let seen = watch(
            &[&target],
            VISIBILITY.even_delays(),
            |_, _, lasted| lasted >= VISIBILITY.stable_for(),
            |_| {
                let answer = script(begun.elapsed().as_secs(), reads.replace(reads.get() + 1));
                std::future::ready(vec![answer])
            },
        )
        .await;
        (seen.into_iter().next().unwrap(), begun.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_stays_the_same_is_believed_and_no_sooner() {
        assert_eq!(stable(|_, _| there()).await, (Seen::Believed(there()), 30));
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_late_or_goes_back_and_forth_is_waited_for() {
        let late = |seconds, _| if seconds < 25 { Observation::Absent } else { there() };
        assert_eq!(stable(late).await, (Seen::Believed(there()), 60));
        let wavering = |seconds, reads: usize| match seconds {
            0..30 if reads.is_multiple_of(2) => Observation::Absent,
            _ => there(),
        };
        assert_eq!(stable(wavering).await, (Seen::Believed(there()), 52));
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_settles_is_not_believed() {
        let restless = |_, reads: usize| if reads.is_multiple_of(2) { Observation::Absent } else { there() };
        let (seen, took) = stable(restless).await;
        assert!(matches!(seen, Seen::NotInTime(_)), "{seen:?}");
        assert_eq!(took, 120);
    }
}
