//! How `completions` is asked for.

use clap::Args;
use clap_complete::Shell;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  cni-plan completions bash > ~/.local/share/bash-completion/completions/cni-plan
  cni-plan completions zsh > ~/.zfunc/_cni-plan
  cni-plan completions fish > ~/.config/fish/completions/cni-plan.fish";
