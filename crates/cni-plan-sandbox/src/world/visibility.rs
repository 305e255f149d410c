//! Readers that lag behind writers, as IAM's do: for a while after a write they show the account as it
//! was, then now as it was and now as it is, and only then for good as it is.
//!
//! The account's recent states are kept whole, and a reader is given one of them; no action knows of
//! it. Writers never come here: they are judged by the account as it is.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::account::Account;

/// How IAM's readers lag behind its writers. By default not at all.
///
/// Its text form is `lag=2s,oscillation=30s,seed=7`, each part optional, a duration in `ms`, `s` or `m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Visibility {
    /// For so long after a write nobody sees it.
    pub lag: Duration,
    /// For so long after that each read shows the account as it was or as it is.
    pub oscillation: Duration,
    /// Decides which: the same seed and the same reads, the same answers.
    pub seed: u64,
}

/// A text form of [`Visibility`] that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the visibility {text:?} is not understood at {part:?}; write such as lag=2s,oscillation=30s,seed=7")]
pub struct VisibilitySyntax {
    text: String,
    part: String,
}

impl Visibility {
    fn is_at_once(self) -> bool {
        self.window().is_zero()
    }

    /// How long after a write somebody may not see it.
    fn window(self) -> Duration {
        self.lag + self.oscillation
    }
}

impl FromStr for Visibility {
    type Err = VisibilitySyntax;

    fn from_str(text: &str) -> Result<Visibility, VisibilitySyntax> {
        let mut visibility = Visibility::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let misunderstood = || VisibilitySyntax { text: text.to_owned(), part: part.to_owned() };
            let (name, value) = part.split_once('=').ok_or_else(misunderstood)?;
            match name {
                "lag" => visibility.lag = duration(value).ok_or_else(misunderstood)?,
                "oscillation" => visibility.oscillation = duration(value).ok_or_else(misunderstood)?,
                "seed" => visibility.seed = value.parse().map_err(|_| misunderstood())?,
                _ => return Err(misunderstood()),
            }
        }
        Ok(visibility)
    }
}

impl fmt::Display for Visibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (lag, oscillation) = (self.lag.as_millis(), self.oscillation.as_millis());
        write!(f, "lag={lag}ms,oscillation={oscillation}ms,seed={}", self.seed)
    }
}

/// The recent states of every account, and who has been shown which.
#[derive(Debug, Default)]
pub(super) struct Past {
    visibility: Visibility,
    accounts: BTreeMap<String, VecDeque<Moment>>,
    /// How often each thing was asked, which is all that chance depends on besides the seed.
    asked: HashMap<String, u64>,
}

/// An account as it was from some instant on.
#[derive(Debug)]
struct Moment {
    /// `None`: since before anything that is remembered.
    since: Option<Instant>,
    account: Arc<Account>,
}

impl Past {
    pub(super) fn of(visibility: Visibility) -> Past {
        Past { visibility, ..Past::default() }
    }

    pub(super) fn visibility(&self) -> Visibility {
        self.visibility
    }

    /// Changes how readers lag; what was written before is seen by all.
    pub(super) fn set(&mut self, visibility: Visibility) {
        *self = Past::of(visibility);
    }

    /// A copy of an account that is about to be written to, for [`Past::written`]; `None` where
    /// readers do not lag.
    pub(super) fn before_write(&self, account: &Account) -> Option<Account> {
        (!self.visibility.is_at_once()).then(|| account.clone())
    }

    /// Keeps an account as it was before a write and as it is after it.
    pub(super) fn written(&mut self, before: Option<Account>, after: &Account) {
        let Some(before) = before else { return };
        let moments = self.accounts.entry(after.id.clone()).or_default();
        forget(moments, self.visibility.window());
        if moments.is_empty() {
            moments.push_back(Moment { since: None, account: Arc::new(before) });
        }
        moments.push_back(Moment { since: Some(Instant::now()), account: Arc::new(after.clone()) });
    }

    /// The account as the next reader of `what` is shown it; `None`: as it is.
    pub(super) fn shown(&mut self, account: &str, what: &str) -> Option<Arc<Account>> {
        let moments = self.accounts.get_mut(account)?;
        forget(moments, self.visibility.window());
        if moments.len() < 2 {
            return None;
        }
        let is_known = |moment: &&Moment| moment.since.is_none_or(|since| since.elapsed() >= self.visibility.lag);
        // The first is known to all, so there is always one to choose.
        let known = moments.iter().take_while(is_known).count().max(1);
        let asked = self.asked.entry(format!("{account} {what}")).or_default();
        *asked += 1;
        let chosen = chance(self.visibility.seed, what, *asked) % known as u64;
        moments.get(usize::try_from(chosen).unwrap_or_default()).map(|moment| Arc::clone(&moment.account))
    }
}

/// Drops what nobody can see any more: whatever came before a write that all see.
fn forget(moments: &mut VecDeque<Moment>, window: Duration) {
    while moments.get(1).is_some_and(|next| next.since.is_some_and(|since| since.elapsed() >= window)) {
        moments.pop_front();
    }
}

/// A number that looks like chance and is the same for the same arguments.
fn chance(seed: u64, what: &str, asked: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (seed, what, asked).hash(&mut hasher);
    hasher.finish()
}

fn duration(text: &str) -> Option<Duration> {
    let units = [("ms", 1), ("s", 1000), ("m", 60_000)];
    let (number, factor) = units.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))?;
    number.parse::<u64>().ok()?.checked_mul(*factor).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    /// An account that tells its states apart by how many ids it has given out.
    fn written(visibility: Visibility) -> (Past, Account) {
        let mut past = Past::of(visibility);
        let mut account = Account::new("1", "aws");
        for _ in 0..3 {
            let before = past.before_write(&account);
            account.new_id("AROA");
            past.written(before, &account);
        }
        (past, account)
    }

    fn shown(past: &mut Past, times: usize) -> Vec<String> {
        (0..times).filter_map(|_| Some(Account::clone(&*past.shown("1", "GetRole r")?).new_id("AROA"))).collect()
    }

    #[test]
    fn within_the_lag_all_is_as_it_was() {
        let (mut past, _) = written(Visibility { lag: LONG, ..Visibility::default() });
        let first = Account::new("1", "aws").new_id("AROA");
        assert_eq!(shown(&mut past, 20), vec![first; 20]);
    }

    #[test]
    fn within_the_oscillation_old_and_new_are_shown_and_a_seed_repeats_itself() {
        let visibility = Visibility { oscillation: LONG, seed: 3, ..Visibility::default() };
        let (first, second) = (shown(&mut written(visibility).0, 40), shown(&mut written(visibility).0, 40));
        assert_eq!(first, second);
        let distinct: std::collections::BTreeSet<&String> = first.iter().collect();
        assert_eq!(distinct.len(), 4, "each of the four states is shown");
        assert!(first.windows(2).any(|pair| pair[0] == pair[1]), "two in a row prove nothing");
        let other = Visibility { seed: 4, ..visibility };
        assert_ne!(first, shown(&mut written(other).0, 40));
    }

    #[test]
    fn after_both_all_is_as_it_is_and_nothing_is_kept() {
        let brief = Visibility { lag: Duration::from_millis(1), oscillation: Duration::from_millis(1), seed: 0 };
        let (mut past, _) = written(brief);
        std::thread::sleep(brief.window());
        assert_eq!(shown(&mut past, 3), Vec::<String>::new());
        assert_eq!(past.accounts["1"].len(), 1);
    }

    #[test]
    fn the_text_form_reads_back_and_a_wrong_one_says_where() {
        let visibility: Visibility = "lag=2s, oscillation=1m,seed=7".parse().unwrap();
        assert_eq!((visibility.lag.as_secs(), visibility.oscillation.as_secs(), visibility.seed), (2, 60, 7));
        assert_eq!(visibility.to_string().parse(), Ok(visibility));
        for wrong in ["lag", "lag=2", "lag=-1s", "delay=1s", "seed=x"] {
            let error = wrong.parse::<Visibility>().unwrap_err().to_string();
            assert!(error.contains(wrong) && error.contains("oscillation=30s"), "{error}");
        }
    }
}
