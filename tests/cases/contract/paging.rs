//! Long lists come in pages, and nothing of them is lost.

use std::collections::BTreeSet;

use cni_plan_core::{Observation, Provider, Target};

use super::account::Account;
use super::against_both;
use super::states::{attachment, role_target};

against_both!(a_hundred_and_fifty_roles, thirty_policies_on_one_role);

async fn a_hundred_and_fifty_roles(account: &Account) {
    let names: BTreeSet<String> = (0..150).map(|number| format!("many-{number:03}")).collect();
    for name in &names {
        account.make_role(name).await;
    }
    // IAM's own page has a hundred entries, or as many as are asked for.
    for (page_size, fewest_pages) in [(None, 2), (Some(40), 4)] {
        let mut pages = account.raw.list_roles().set_max_items(page_size).into_paginator().send();
        let (mut found, mut count) = (BTreeSet::new(), 0);
        while let Some(page) = pages.next().await {
            let page = page.unwrap();
            assert!(page.roles.len() <= 100);
            found.extend(page.roles.into_iter().map(|role| role.role_name).filter(|name| name.starts_with("many-")));
            count += 1;
        }
        assert_eq!(found, names);
        assert!(count >= fewest_pages, "{count} pages");
    }

    let targets: Vec<Target> = names.iter().map(|name| role_target(name)).collect();
    let seen = account.iam.observe(&targets.iter().collect::<Vec<_>>()).await;
    assert!(seen.iter().all(|it| matches!(it, Observation::Present(_))), "the adapter sees each of them");
}

async fn thirty_policies_on_one_role(account: &Account) {
    account.make_role("laden").await;
    let mut arns = BTreeSet::new();
    for number in 0..30 {
        let arn = account.make_policy(&format!("laden-{number:02}")).await;
        let call = account.raw.attach_role_policy().role_name("laden").policy_arn(&arn);
        call.send().await.unwrap();
        arns.insert(arn);
    }
    let pages = account.raw.list_attached_role_policies().role_name("laden").max_items(7).into_paginator().items();
    let found: Vec<_> = pages.send().collect::<Result<_, _>>().await.unwrap();
    assert_eq!(found.len(), 30, "none twice");
    assert_eq!(found.into_iter().filter_map(|policy| policy.policy_arn).collect::<BTreeSet<_>>(), arns);

    let absent = "arn:aws:iam::111122223333:policy/laden-30".to_owned();
    let targets: Vec<Target> = arns.iter().chain([&absent]).map(|arn| attachment("laden", arn).0).collect();
    let seen = account.iam.observe(&targets.iter().collect::<Vec<_>>()).await;
    assert!(seen[..30].iter().all(|it| matches!(it, Observation::Present(_))), "{seen:?}");
    assert_eq!(seen[30], Observation::Absent);
}
