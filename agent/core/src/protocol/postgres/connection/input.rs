//! Everything that happens to a connection comes in here, and goes to the stop that it concerns.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use super::{Blocked, Connection, MAX_IN_FLIGHT, MAX_MEANWHILE, Phase, STARTUP_TIME};
use crate::{
    catalog::Catalog,
    machine::{Appetite, Deadline, Ending, Input, Machine, Output},
    protocol::postgres::frame::Side,
    session::Reading,
};

impl Machine for Connection {
    fn handle(&mut self, now: Instant, input: Input) {
        self.now = now;
        self.policies = self.setup.policies.current();
        if !self.is_finished() {
            self.dispatch(input);
            self.start_clock();
            self.say_notices();
            self.sees_canary();
        }
    }

    fn poll(&mut self) -> Option<Output> {
        self.outbox.pop()
    }

    fn deadline(&self) -> Option<(Instant, Deadline)> {
        match (&self.phase, self.blocked.as_deref()) {
            (Phase::Startup { since }, _) => Some((*since + STARTUP_TIME, Deadline::Startup)),
            (_, Some(Blocked::Catalog { until, .. })) => Some((*until, Deadline::Catalog)),
            (_, Some(Blocked::Approval(held))) => Some((held.until, Deadline::Approval)),
            _ => self.late_at().map(|late| (late, Deadline::Statement)),
        }
    }

    fn rest(&mut self) {
        // While something is in flight, room will be needed again at once.
        if self.in_flight.is_empty() {
            self.in_flight = VecDeque::new();
            self.client.rest();
            self.server.rest();
            self.outbox.rest();
            self.ledger.rest();
        }
    }

    fn appetite(&self) -> Appetite {
        let client = match self.phase {
            Phase::Startup { .. } => true,
            Phase::Ready
                if matches!(self.blocked.as_deref(), Some(Blocked::Approval(_)))
                    || self.is_apart()
                    || self.cancelling
                    || self.large_bind_waits() =>
            {
                // Only to hear that it is gone; what it says meanwhile is kept.
                self.client.buffered() < MAX_MEANWHILE
            }
            Phase::Ready => {
                self.staged.is_none() && self.blocked.is_none() && self.in_flight.len() < MAX_IN_FLIGHT
            }
            Phase::Connecting(_) | Phase::Finished => false,
        };
        let server = matches!(self.phase, Phase::Ready) && self.server_may_be_read();
        Appetite { client, server }
    }
}

impl Connection {
    fn take_catalog(&mut self, catalog: Arc<Catalog>) {
        let current = self.setup.catalog.as_ref().map_or(0, |catalog| catalog.version);
        if catalog.version > current {
            self.protected = catalog.has_protected();
            self.analyses.clear();
            self.setup.catalog = Some(catalog);
            self.follow_catalog(Reading::Unasked);
        }
    }

    fn acknowledged(&mut self) {
        self.release_staged();
        self.drive_server();
        self.drive_client();
    }

    fn dispatch(&mut self, input: Input) {
        match input {
            Input::Client(bytes) => {
                self.client.push(bytes);
                self.drive_client();
            }
            Input::Server(bytes) => {
                self.server.push(bytes);
                self.drive_server();
                // It may have waited to be alone.
                self.release_staged();
                self.drive_client();
            }
            Input::ClientClosed => self.finish("client_closed"),
            Input::ServerClosed => self.server_closed(),
            Input::UpstreamReady(ready) => self.upstream_ready(ready),
            Input::UpstreamFailed(ending) | Input::End(ending) => self.end(&ending),
            Input::Appended { ticket, seq } => match self.ledger.appended(ticket, seq) {
                Ok(()) => self.release_staged_and_continue(),
                Err(error) => self.violation(Side::Server, &error),
            },
            Input::Durable { upto } => {
                self.ledger.durable(upto);
                self.acknowledged();
            }
            Input::RecordFailed => self.record_failed(),
            Input::Catalog(catalog) => {
                self.take_catalog(catalog);
                self.catalog_came();
            }
            Input::CatalogFailed => self.catalog_failed(),
            Input::Hold(news) => self.hold_news(news),
            Input::Cancelled => self.cancelled(),
            Input::CancelOver => {
                self.cancelling = false;
                self.acknowledged();
            }
            Input::Grant(grant) => self.setup.grant = grant,
            Input::Tick => self.tick(),
        }
    }

    fn release_staged_and_continue(&mut self) {
        if self.staged.is_some() {
            self.release_staged();
            self.drive_client();
        }
    }

    fn tick(&mut self) {
        let now = self.now;
        if let Some(Blocked::Turn { message }) =
            self.blocked.take_if(|blocked| matches!(**blocked, Blocked::Turn { .. })).map(|blocked| *blocked)
        {
            self.client_message(message);
            return self.drive_client();
        }
        match (&self.phase, self.blocked.as_deref()) {
            (Phase::Startup { since }, _) if now >= *since + STARTUP_TIME => self.end(&Ending {
                code: "startup_timeout".to_owned(),
                sqlstate: "08006",
                message: "no startup message came in time".to_owned(),
                hint: None,
            }),
            (_, Some(Blocked::Catalog { until, .. })) if now >= *until => self.catalog_failed(),
            (_, Some(Blocked::Approval(held))) if now >= held.until => self.hold_timed_out(),
            _ if self.late_at().is_some_and(|late| now >= late) => self.is_late(),
            _ => {}
        }
    }
}
