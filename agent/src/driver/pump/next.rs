//! What happens next. Everything is polled by hand, in one place and in one order: what lets others go on
//! comes first, then what is to be written, and last what brings more work. Bytes leave on the way, without
//! a turn of the loop: nothing depends on them but who may be read.

use std::{
    collections::VecDeque,
    future::Future as _,
    task::{Context, Poll, ready},
    time::Instant,
};

use connect_core::machine::Machine as _;
use tokio::time::sleep_until;

use super::{
    super::{database::Arrived, follow::News},
    Event, Pump,
};

/// Most bytes for the database that may wait; beyond that the client is not read.
const MAX_UPSTREAM_QUEUED: usize = 256 * 1024;

impl Pump {
    pub(super) fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        if let Poll::Ready(event) = self.poll_authority_and_log(context) {
            return Poll::Ready(event);
        }
        if let Poll::Ready(News::Changed) = self.draining.poll(context) {
            return Poll::Ready(Event::Draining);
        }
        if let Poll::Ready(News::Changed) = self.leaves.poll(context) {
            return Poll::Ready(Event::Leaves);
        }
        if let Poll::Ready(resume) = self.resumes.poll(context) {
            return Poll::Ready(Event::Resume(resume));
        }
        if self.lapsed {
            // Not a byte moves. Only that the tunnel is gone is noticed, and that the time is up.
            return match self.poll_lost(context) {
                Poll::Ready(event) => Poll::Ready(event),
                Poll::Pending => self.poll_alarm(context),
            };
        }
        if let Poll::Ready(event) = self.poll_write(context) {
            return Poll::Ready(event);
        }
        if let Poll::Ready(event) = self.poll_server(context) {
            return Poll::Ready(event);
        }
        if let Poll::Ready(event) = self.poll_needs(context) {
            return Poll::Ready(event);
        }
        if let Poll::Ready(event) = self.poll_client(context) {
            return Poll::Ready(event);
        }
        self.rest();
        self.poll_alarm(context)
    }

    /// An idle connection keeps no room for what it had.
    fn rest(&mut self) {
        self.machine.rest();
        self.downstream.writer.rest();
        if self.awaited.is_empty() {
            self.awaited = VecDeque::new();
        }
    }

    fn poll_authority_and_log(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        match self.authority.poll(context) {
            Poll::Ready(News::Changed) => return Poll::Ready(Event::Authority),
            Poll::Ready(News::Gone) => return Poll::Ready(Event::Orphaned),
            Poll::Pending => {}
        }
        if self.log_gone {
            return Poll::Pending;
        }
        // A read's record becomes durable while the database works: nobody need be woken for that.
        let wanted = self.awaited.front().copied().filter(|_| self.machine.awaits_record());
        ready!(self.durable.poll(context, wanted));
        // What became durable before the log failed is durable.
        if self.has_news_of_records() {
            return Poll::Ready(Event::Durable);
        }
        self.log_gone = true;
        Poll::Ready(Event::LogGone)
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        if let Some(database) = &mut self.database
            && let Poll::Ready(Err(_)) = database.poll_write(context)
        {
            return Poll::Ready(Event::ServerGone);
        }
        match self.downstream.writer.poll_send(context) {
            Poll::Ready(Err(error)) => Poll::Ready(Event::ClientGone(error)),
            _ => Poll::Pending,
        }
    }

    fn poll_server(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        let wanted = self.machine.appetite().server && self.downstream.writer.has_room();
        match &mut self.database {
            Some(database) if wanted => database.poll_read(context).map(|arrived| match arrived {
                Ok(Arrived::Bytes) => Event::Server,
                Ok(Arrived::End) | Err(_) => Event::ServerGone,
            }),
            _ => Poll::Pending,
        }
    }

    /// What the machine has asked for.
    fn poll_needs(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        if let Some(dial) = &mut self.dial
            && let Poll::Ready(dialled) = dial.as_mut().poll(context)
        {
            return Poll::Ready(Event::Dialled(Box::new(dialled)));
        }
        if let Some(waiting) = &mut self.waiting
            && let Poll::Ready(news) = waiting.poll(context)
        {
            return Poll::Ready(Event::Hold(news));
        }
        if let Some(cancelling) = &mut self.cancelling
            && cancelling.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(Event::CancelOver);
        }
        if self.cancelled.poll(context).is_ready() {
            return Poll::Ready(Event::Cancelled);
        }
        // While a reading is under way only its own answer is new enough for what waits.
        if let Some(reading) = &mut self.reading {
            return reading.as_mut().poll(context).map(Event::Read);
        }
        match self.catalog.poll(context) {
            Poll::Ready(News::Changed) => Poll::Ready(Event::Catalog),
            _ => Poll::Pending,
        }
    }

    fn poll_client(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        let queued = self.database.as_ref().map_or(0, |database| database.queue.len());
        let hungry = self.machine.appetite().client && queued < MAX_UPSTREAM_QUEUED;
        // Read in any case: what the client has got is said behind its data.
        self.downstream.reader.poll_receive(context, hungry).map(Event::Client)
    }

    fn poll_alarm(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        let machine = self.machine.deadline().filter(|_| !self.lapsed).map(|(at, _)| (at, false));
        let park = self.park_deadline().map(|at| (at, true));
        let Some((at, is_park)) = machine.into_iter().chain(park).min() else {
            self.alarm = None;
            return Poll::Pending;
        };
        let alarm = match self.alarm.take() {
            Some(alarm) if alarm.0 == at => alarm,
            _ => (at, Box::pin(sleep_until(at.into()))),
        };
        let (_, sleep) = self.alarm.insert(alarm);
        ready!(sleep.as_mut().poll(context));
        self.alarm = None;
        debug_assert!(at <= Instant::now(), "an alarm rings when it is time");
        Poll::Ready(if is_park { Event::ParkOver } else { Event::Deadline })
    }
}
