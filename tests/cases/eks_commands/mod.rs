//! `aws eks` as people type it against the sandbox's add-ons, access entries, Pod Identity associations
//! and node groups: what the real command prints and exits with, and what there is afterwards, as the
//! state and the real `kubectl` show it.

mod access_entries;
mod addons;
mod associations;
mod node_groups;

use cni_plan_sandbox::{ClusterSeed, Options, Sandbox};
use cni_plan_tests::peers::Shell;
use cni_plan_tests::served::Served;
use serde_json::{Value, json};

const ROLE: &str = "arn:aws:iam::111122223333:role/plugin";
const OTHER_ROLE: &str = "arn:aws:iam::111122223333:role/other";

/// `aws eks` on the cluster `my-cluster`.
struct Eks {
    shell: Shell,
}

impl Eks {
    fn of(served: &Served) -> Eks {
        Eks { shell: served.shell() }
    }

    /// Runs a command, which has to succeed and to print JSON or nothing.
    #[track_caller]
    fn call(&self, command: &str) -> Value {
        let printed = self.shell.must(&line(command));
        if printed.is_empty() { Value::Null } else { serde_json::from_str(&printed).unwrap() }
    }

    /// Runs commands that have to fail, each with the code of the error that EKS documents for it.
    #[track_caller]
    fn are_refused(&self, commands: &[(&str, &str)]) {
        for (command, code) in commands {
            let refused = self.shell.run(&line(command));
            assert_eq!(refused.code, Some(255), "{refused:#?}");
            let words = format!("({code}) when calling the {} operation: ", operation(command));
            assert!(refused.stderr.contains(&words), "expected {words}: {refused:#?}");
        }
    }
}

/// The commands about updates call the cluster `--name`, those about versions are about none.
fn line(command: &str) -> String {
    let option = match command.split(' ').next().unwrap() {
        "list-updates" | "describe-update" => "--name my-cluster",
        "describe-addon-versions" => "",
        _ if command.contains("--cluster-name ") => "",
        _ => "--cluster-name my-cluster",
    };
    format!("aws eks {command} {option}")
}

/// `describe-addon` calls DescribeAddon.
fn operation(command: &str) -> String {
    let words = command.split(' ').next().unwrap().split('-');
    words.map(|word| format!("{}{}", word[..1].to_uppercase(), &word[1..])).collect()
}

/// What EKS holds of `my-cluster`.
fn eks_of(state: &Value) -> &Value {
    &state["clusters"]["us-west-2/my-cluster"]["eks"]
}

/// A sandbox in this process, which can be told what one that is served cannot.
async fn own_sandbox(options: Options, seed: ClusterSeed) -> (Sandbox, tempfile::TempDir, Eks) {
    let sandbox = Sandbox::start(options).await.unwrap();
    sandbox.ensure_cluster(&seed).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let shell = Shell::new(folder.path(), &sandbox.environment());
    (sandbox, folder, Eks { shell })
}

/// The names in a list that the command prints, in order.
fn sorted(list: &Value) -> Value {
    let mut names: Vec<&str> = list.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    names.sort_unstable();
    json!(names)
}
