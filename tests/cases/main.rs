//! What crosses crates: the command line on the sandbox, the adapters against independent
//! witnesses, and the shape of the workspace.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod addon;
mod agreement;
mod apply;
mod bad_input;
mod carried;
mod change_sets;
mod check;
mod confirm;
mod contract;
mod cost;
mod crash;
mod durability;
mod eks_commands;
mod equivalence;
mod events;
mod examples;
mod export;
mod faults;
mod findings;
mod forms;
mod fuzz_replay;
mod guards;
mod hazards;
mod help;
mod hostile;
mod init;
mod layering;
mod locks;
mod mermaid;
mod moto_end_to_end;
mod outage;
mod permissions;
mod picture;
mod pod_identity;
mod probe;
mod pull_requests;
mod quickstart;
mod real_clients;
mod review_page;
mod roles;
mod scenarios;
mod secrets;
mod show;
mod signals;
mod terminal;
mod there_and_back;
mod tutorial;
mod two_processes;
mod undo;
mod validate;
mod verify;
mod visibility;
