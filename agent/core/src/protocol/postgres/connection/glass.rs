//! Whoever runs what would wait, because a glass is broken, is told so each time.

use connect_shared::decision::Decision;

use super::Connection;
use crate::{
    approval::LeaveOf,
    protocol::postgres::answer::{self, ErrorText, Severity},
};

impl Connection {
    pub(super) fn tell_of_broken_glass<'d>(&mut self, decisions: impl Iterator<Item = &'d Decision>) {
        let leaves = &self.setup.grant.leaves;
        let broken = |request: &String| {
            let glass = leaves.iter().filter(|leave| leave.of == LeaveOf::Everything);
            glass.map(|leave| leave.request.to_string()).any(|glass| glass == *request)
        };
        let mut named = decisions.filter_map(|decision| decision.reasons.first()?.object.as_ref());
        let Some(request) = named.find(|request| broken(request)) else { return };
        let message = format!("nobody has approved this: the glass is broken ({request})");
        self.notices.push(answer::error(ErrorText {
            severity: Severity::Notice,
            sqlstate: "00000",
            message: &message,
            detail: Some("It is written down, and will be reviewed."),
            hint: None,
        }));
    }
}
