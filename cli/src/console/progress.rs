//! Waiting that shows: a spinner or a bar on a terminal; elsewhere one plain line when it begins.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Something that is waited for. It disappears when dropped.
#[derive(Debug)]
pub(crate) struct Waiting {
    bar: Option<ProgressBar>,
}

impl Waiting {
    pub(super) fn start(what: &str, live: bool) -> Self {
        if !live {
            let _closed = writeln!(io::stderr().lock(), "{what} …");
            return Self { bar: None };
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(style("{spinner} {msg} … {elapsed}", ProgressStyle::default_spinner));
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar: Some(bar) }
    }

    pub(super) fn measure(what: &str, live: bool) -> Self {
        let bar = live.then(|| {
            // Nothing is drawn before it is known how much there is: none of nothing would be a full bar.
            ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr())
                .with_style(style("{msg} {wide_bar} {human_pos}/{human_len}", ProgressStyle::default_bar))
                .with_message(what.to_owned())
        });
        Self { bar }
    }

    /// How far it is.
    pub(crate) fn reached(&self, done: u64, total: u64) {
        if let Some(bar) = &self.bar {
            bar.set_length(total);
            bar.set_position(done);
        }
    }
}

fn style(template: &str, fallback: fn() -> ProgressStyle) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| fallback())
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
