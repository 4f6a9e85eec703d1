//! The end of a connection: why it ends, what its client still hears, and how its accounts are settled.

use super::{Connection, Phase};
use crate::{
    machine::{Ending, Output},
    protocol::postgres::{
        answer::{self, ErrorText, Severity},
        frame::Side,
    },
};

impl Connection {
    /// Ends the connection with a FATAL error for the client, unless a message is halfway out.
    pub(super) fn end(&mut self, ending: &Ending) {
        if self.is_finished() {
            return;
        }
        if !self.outbox.is_torn() {
            self.outbox.say_to_client(answer::error(ErrorText {
                severity: Severity::Fatal,
                sqlstate: ending.sqlstate,
                message: &ending.message,
                detail: None,
                hint: ending.hint.as_deref(),
            }));
        }
        self.finish(&ending.code);
    }

    /// Ends the connection because a peer broke the protocol.
    pub(super) fn violation(&mut self, side: Side, error: &dyn std::fmt::Display) {
        let code = match side {
            Side::Client => "client_violation",
            Side::Server => "server_violation",
        };
        let message = error.to_string();
        self.end(&Ending { code: code.to_owned(), sqlstate: "08P01", message, hint: None });
    }

    /// Settles every account and says goodbye to the driver. Statements whose end is not known get
    /// OUTCOME unknown; those that never went out are said to be cut.
    pub(super) fn finish(&mut self, code: &str) {
        if self.is_finished() {
            return;
        }
        self.cut_staged();
        self.cut_own();
        for expect in std::mem::take(&mut self.in_flight) {
            self.account_unknown(expect);
        }
        for (_, run) in std::mem::take(&mut self.suspended) {
            self.account_done(run);
        }
        self.phase = Phase::Finished;
        self.unblock();
        self.outbox.push(Output::Finished { code: code.to_owned() });
    }

    /// The log has refused a record. Nothing that waits for it may move; how statements ended that it has taken
    /// before is told it all the same, and those that it knows nothing of never began.
    pub(super) fn record_failed(&mut self) {
        self.outbox.keep_ends();
        self.forget_unrecorded();
        self.end(&Ending {
            code: "record_unavailable".to_owned(),
            sqlstate: "58030",
            message: "the agent cannot record statements, so it runs none".to_owned(),
            hint: Some("Tell the operator of the agent: its log is closed. Nothing was lost.".to_owned()),
        });
    }

    pub(super) fn server_closed(&mut self) {
        if self.told_the_end {
            return self.finish("upstream_closed");
        }
        // Results that wait for their record are lost with the connection; the client hears why.
        self.end(&Ending {
            code: "upstream_closed".to_owned(),
            sqlstate: "57P01",
            message: "the database closed the connection".to_owned(),
            hint: Some("Connect again; if it happens again, ask the operator of the database.".to_owned()),
        });
    }
}
