//! What the demo says while it starts: on standard error, moving on a terminal, a plain line elsewhere.

use std::{
    env,
    io::{self, IsTerminal, Write},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

/// The line of the current step.
#[derive(Debug)]
pub struct Progress {
    spinner: Option<ProgressBar>,
}

impl Progress {
    pub fn start() -> Self {
        let dumb = env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
        let spinner = (io::stderr().is_terminal() && !dumb).then(|| {
            let bar = ProgressBar::new_spinner();
            if env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
                bar.set_style(ProgressStyle::default_spinner().tick_chars("-\\|/ "));
            }
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Self { spinner }
    }

    /// Names what is waited for now.
    pub fn step(&self, text: &str) {
        match &self.spinner {
            Some(spinner) => spinner.set_message(format!("{text} …")),
            None => line(&format!("{text} …")),
        }
    }

    /// The end: the moving line goes away.
    pub fn finish(self) {
        if let Some(spinner) = self.spinner {
            spinner.finish_and_clear();
        }
    }
}

/// One line of talk. Nobody may be listening; that is no reason to stop.
pub fn line(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
