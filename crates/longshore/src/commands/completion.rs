//! `longshore completion <shell>`

use clap::Args;
use clap_complete::Shell;

use crate::error::Result;
use crate::output::print;

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore completion bash > /etc/bash_completion.d/longshore
  longshore completion zsh  > ~/.zfunc/_longshore
  longshore completion fish > ~/.config/fish/completions/longshore.fish")]
pub struct CompletionArgs {
    /// Shell to complete in
    shell: Shell,
}

impl CompletionArgs {
    pub(super) fn run(&self) -> Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut crate::cli::command(), "longshore", &mut script);
        print(&String::from_utf8_lossy(&script))
    }
}
