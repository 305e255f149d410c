//! Core's data as text for people: the plan on a terminal, its Markdown twin for a pull request,
//! its graph for Mermaid and Graphviz, its page for a browser, progress lines, drift, findings, rollback,
//! locks and timings.
//!
//! Every function is pure: data in, text out; nothing is printed, read or timed here. Everything
//! that came from outside (names, documents, messages of services) passes through [`inert`] on its
//! way out, so that no output holds a control character other than the line feed and, where colour
//! was asked for, the SGR sequences of this crate's own.

mod access;
mod attribute;
mod aws_call;
mod board;
mod by_hand;
mod commands;
mod describe;
mod document;
mod dot;
mod drawing;
mod drift;
mod eksctl;
mod event;
mod findings;
mod fitting;
mod frame;
mod group;
mod hcl;
mod headline;
mod health;
mod html;
mod inert;
mod lines;
mod locks;
mod markdown;
mod mermaid;
mod page;
mod plan_markdown;
mod plan_text;
mod rollback;
mod run;
mod run_list;
mod safety;
mod settled;
mod step_text;
mod style;
mod table;
mod terraform;
mod timings;
mod told;
mod totals;
mod words;

#[cfg(test)]
mod tests;

pub use access::{GroupIn, access_heading, iam_policy, rbac_heading, rbac_yaml};
pub use aws_call::quoted;
pub use board::{Board, Size};
pub use by_hand::{ClustersByKey, by_hand, clusters_by_key};
pub use commands::{NoScript, commands_script};
pub use dot::plan_dot;
pub use drift::{drift_text, facts_drift_text, outside_drift_text, roles_drift_text};
pub use eksctl::eksctl_config;
pub use event::event_line;
pub use findings::findings_text;
pub use frame::Frame;
pub use health::health_text;
pub use html::plan_html;
pub use inert::{inert, inert_lines};
pub use locks::locks_text;
pub use mermaid::plan_mermaid;
pub use plan_markdown::{Forge, plan_markdown, plan_markdown_within};
pub use plan_text::{plan_text, totals_text};
pub use rollback::{ToldResidue, rollback_text};
pub use run_list::runs_text;
pub use safety::safety_text;
pub use step_text::step_text;
pub use style::Style;
pub use terraform::terraform_config;
pub use timings::timings_text;
pub use told::{EVENTS_SCHEMA, EVENTS_VERSION, RolledBack, Told, ToldError};
pub use words::duration_text;
