//! The look at the world that a plan is made on: what its steps are about, and what is on its roles beside.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cni_plan_core::{Address, Observation, Owner, ProviderError, RoleAsked, RoleRead, Target};
use futures::future::join;
use futures::stream::{self, StreamExt};

use crate::Providers;
use crate::inspect::{AT_ONCE, no_provider, observe};

/// What was seen.
#[derive(Debug, Default)]
pub struct Looked {
    /// The state at each address.
    pub observed: HashMap<Address, Observation>,
    /// What is on each role, with the question.
    pub roles: Vec<(RoleAsked, Result<RoleRead, ProviderError>)>,
}

/// [`observe`], and what is on each of these roles beside. An answer of an account serves both.
pub async fn look<'a>(
    wanted: impl IntoIterator<Item = (&'a Address, &'a Target)>,
    roles: Vec<RoleAsked>,
    providers: &Providers,
) -> Looked {
    let mut accounts: BTreeMap<&str, Questions<'_>> = BTreeMap::new();
    for role in &roles {
        accounts.entry(&role.account).or_default().roles.push(role);
    }
    let (mut of_accounts, mut alone) = (Vec::new(), Vec::new());
    for (address, target) in wanted {
        match target.owner() {
            Owner::Account(account) if accounts.contains_key(account) => {
                accounts.entry(account).or_default().targets.insert(target);
                of_accounts.push((address, target));
            }
            _ => alone.push((address, target)),
        }
    }
    let asked = stream::iter(accounts).map(|(account, questions)| questions.ask(account, providers));
    let (mut observed, answers) =
        join(observe(alone, providers), asked.buffer_unordered(AT_ONCE).collect::<Vec<_>>()).await;
    let (mut seen, mut read) = (HashMap::new(), Vec::new());
    for (observations, found) in answers {
        seen.extend(observations);
        read.extend(found.into_iter().map(|(role, found)| (role.clone(), found)));
    }
    let state = |(address, target): (&Address, &Target)| Some((address.clone(), seen.get(target).cloned()?));
    observed.extend(of_accounts.into_iter().filter_map(state));
    Looked { observed, roles: read }
}

/// What one account is asked.
#[derive(Default)]
struct Questions<'a> {
    targets: BTreeSet<&'a Target>,
    roles: Vec<&'a RoleAsked>,
}

type Answers<'a> = (Vec<(&'a Target, Observation)>, Vec<(&'a RoleAsked, Result<RoleRead, ProviderError>)>);

impl<'a> Questions<'a> {
    async fn ask(self, account: &str, providers: &Providers) -> Answers<'a> {
        let targets: Vec<&Target> = self.targets.into_iter().collect();
        let owner = Owner::Account(account);
        let (observations, found) = match providers.get(owner) {
            Some(provider) => provider.observe_with_roles(&targets, &self.roles).await,
            None => {
                let unseen = || no_provider(owner);
                let roles = self.roles.iter().map(|_| Err(unseen())).collect();
                (vec![Observation::Unseen(unseen()); targets.len()], roles)
            }
        };
        debug_assert_eq!((observations.len(), found.len()), (targets.len(), self.roles.len()));
        (targets.into_iter().zip(observations).collect(), self.roles.into_iter().zip(found).collect())
    }
}
