//! The calls a command made and what they cost, for `--timings`.

use std::time::Duration;

/// One request to a service, retries included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// `sts`, `eks`, `iam` or `kubernetes`.
    pub service: &'static str,
    /// The operation, such as `GetRole` or `list pods`.
    pub operation: String,
    /// When it began, since the command's start.
    pub began: Duration,
    /// When its answer was there.
    pub ended: Duration,
}

/// Is told of each call; the clock is the implementor's.
pub trait CallObserver: Send + Sync {
    /// Time since the command's start.
    fn now(&self) -> Duration;
    /// A call has ended.
    fn called(&self, call: Call);
}

/// Calls with the chain of those that had to wait for one another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timings {
    /// All calls by their beginning.
    pub calls: Vec<Call>,
    /// Indices into `calls`: the longest chain in which each began after the one before had ended.
    pub critical_path: Vec<usize>,
}

impl Timings {
    /// Sorts the calls and finds the longest chain: the number of round trips in sequence.
    pub fn of(mut calls: Vec<Call>) -> Timings {
        calls.sort_by(|a, b| (a.began, a.ended, &a.operation).cmp(&(b.began, b.ended, &b.operation)));
        let mut by_end: Vec<usize> = (0..calls.len()).collect();
        by_end.sort_by_key(|&index| calls[index].ended);
        let mut chains: Vec<(usize, Option<usize>)> = vec![(1, None); calls.len()];
        // Calls by beginning; `best` is the longest chain among those that ended before it.
        let mut ended = by_end.into_iter().peekable();
        let mut best: Option<usize> = None;
        for index in 0..calls.len() {
            while let Some(done) = ended.next_if(|&done| calls[done].ended <= calls[index].began && done < index) {
                if best.is_none_or(|best: usize| chains[done].0 > chains[best].0) {
                    best = Some(done);
                }
            }
            if let Some(previous) = best {
                chains[index] = (chains[previous].0 + 1, Some(previous));
            }
        }
        let mut critical_path = Vec::new();
        let mut step = (0..calls.len()).max_by_key(|&index| (chains[index].0, calls[index].ended));
        while let Some(index) = step {
            critical_path.push(index);
            step = chains[index].1;
        }
        critical_path.reverse();
        Timings { calls, critical_path }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(operation: &str, began: u64, ended: u64) -> Call {
        Call {
            service: "iam",
            operation: operation.to_owned(),
            began: Duration::from_millis(began),
            ended: Duration::from_millis(ended),
        }
    }

    #[test]
    fn the_critical_path_is_the_longest_chain_of_waiting() {
        let timings = Timings::of(vec![
            call("c", 21, 30),
            call("a", 0, 10),
            call("beside", 0, 29),
            call("b", 11, 20),
            call("late", 25, 26),
        ]);
        let path: Vec<&str> = timings.critical_path.iter().map(|&i| timings.calls[i].operation.as_str()).collect();
        assert_eq!(path, ["a", "b", "c"]);
    }

    #[test]
    fn no_calls_have_no_path() {
        assert_eq!(Timings::of(Vec::new()), Timings::default());
    }
}
