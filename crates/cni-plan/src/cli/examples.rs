//! The examples below each command's help, and on its page of `docs/cli.md`.

pub(super) const PLAN: &str = "\
Examples:
  cni-plan plan spec.yaml                      save the change set under plans/
  cni-plan plan --no-save spec.yaml            look only
  cni-plan plan --detailed-exitcode spec.yaml  exit with 2 if there are changes
  cni-plan plan --sandbox spec.yaml            rehearse; no AWS, no cluster

In the plan: + is created  ~ is changed  - is deleted  ! is run  = is left alone";

pub(super) const APPLY: &str = "\
A saved change set is applied without asking: saving it for review was the
question. It applies once: named a second time it is refused (exit code 3) with
the run that did it.

Examples:
  cni-plan apply                       apply the one unapplied under plans/
  cni-plan apply plans/spec.plan.json  apply this one
  cni-plan apply spec.yaml             plan, ask, apply
  cni-plan apply --sandbox --auto-approve spec.yaml
  cni-plan apply --lock-timeout 5m --no-input plans/spec.plan.json";

pub(super) const RUNS: &str = "\
Examples:
  cni-plan runs         names, specs, how each run stands and how far it came
  cni-plan runs --json  the same as JSON";

pub(super) const RESUME: &str = "\
Examples:
  cni-plan resume                             finish the one unfinished run
  cni-plan resume 20260102-030405-0123456789  finish this one";

pub(super) const ROLLBACK: &str = "\
Examples:
  cni-plan rollback                             undo the one unfinished run
  cni-plan rollback 20260102-030405-0123456789  undo this one, finished or not
  cni-plan rollback --auto-approve              do not ask";

pub(super) const LOCK_SHOW: &str = "\
Examples:
  cni-plan lock show spec.yaml             who is at work on the spec's clusters
  cni-plan lock show plans/spec.plan.json  on the change set's";

pub(super) const LOCK_BREAK: &str = "\
Examples:
  cni-plan lock break spec.yaml  ask, then break every lock that is held
  cni-plan lock break --cluster my-cluster --auto-approve spec.yaml";

#[cfg(feature = "sandbox")]
pub(super) const SANDBOX_RESET: &str = "\
Examples:
  cni-plan sandbox reset            empty: the clusters of a spec are made up
  cni-plan sandbox reset half-done  the world of a scenario";

#[cfg(feature = "sandbox")]
pub(super) const SANDBOX_LIST: &str = "\
Examples:
  cni-plan sandbox list  names, and what each holds";

#[cfg(feature = "sandbox")]
pub(super) const SANDBOX_SERVE: &str = "\
Examples:
  cni-plan sandbox serve ipv4         print what leads aws and kubectl there
  cni-plan sandbox serve --port 8080  the world that `--sandbox` commands keep
  cni-plan sandbox serve ipv4 --fault 'iam:AttachRolePolicy=AccessDenied'";
