//! Rows on their way to the client: as one slice where nothing in them is to be changed, else masked by the plan of
//! their description, and looked at for values that show by themselves what they are.

use bytes::BytesMut;

use super::{
    Connection, Expect,
    limits::Apart,
    respond::{Fault, violation},
    run::{RowPlan, Run, width},
};
use crate::{
    catalog::Catalog,
    mask::{self, Field, MaskKey, Watch},
    protocol::postgres::frame::{HEADER, Message},
};

/// Longest row that is masked or looked at: it must be whole to be walked.
pub(super) const MAX_MASKED_ROW: usize = 64 << 20;

/// Longest row that is held back as a whole where something must never leave.
const MAX_HELD_ROW: usize = 1 << 20;

// The header's size is part of how rows are walked here; a change there must be seen here.
const _: () = assert!(HEADER == 5);

impl Connection {
    /// Up to which length rows of the current statement must be whole; `None`: at any.
    pub(super) fn longest_whole_row(&self) -> Option<usize> {
        let run = match self.in_flight.front() {
            Some(Expect::Execute(run)) => &**run,
            Some(Expect::Query(runs)) => runs.front()?,
            _ => return None,
        };
        // One that is longer is looked at as it comes.
        let longest = if run.watch.is_some() || run.persons.is_some() { MAX_MASKED_ROW } else { self.held() };
        run.rows.passes().then_some(longest)
    }

    /// Up to which length rows are whole where something must never leave: then the client can be told why one
    /// does not.
    pub(super) const fn held(&self) -> usize {
        if self.outbox.is_guarded() { MAX_HELD_ROW } else { 0 }
    }

    /// The fast path: all whole rows that are here, as one slice.
    pub(super) fn pass_rows(&mut self) -> Result<(), Fault> {
        let Some(run) = self.current_run() else { return Ok(()) };
        let (passes, watched) = match &run.rows {
            RowPlan::Unplanned => return Ok(()),
            rows => (rows.passes(), run.watch.is_some()),
        };
        let Some(rows) = self.server.run_of(b'D') else { return Ok(()) };
        if !matches!(self.apart, Apart::No) && !self.gives(count(&rows), rows.len()) {
            return Ok(());
        }
        if !self.may_meet(&rows)? {
            return Ok(());
        }
        self.pay_rows(|| count(&rows))?;
        if passes && !(watched && Watch::may_see(&rows)) {
            self.count_bytes(rows.len());
            self.outbox.say_to_client(rows);
            return Ok(());
        }
        self.shape_rows(&rows)
    }

    /// Plans the masks of a result by the server's own word on the origin of its fields.
    pub(super) fn plan_rows(&mut self, fields: &[Field]) -> Result<(), Fault> {
        let Some(catalog) = self.setup.catalog.clone() else {
            return Err(violation("a result without a catalog"));
        };
        let protected = self.protected;
        let Some(run) = self.current_run() else { return Err(violation("a result without a statement")) };
        run.watch = Watch::new(&catalog, &run.facts.protection, &run.facts.lineage, fields);
        run.width = fields.len() as u64;
        let plan = match protected {
            true => mask::Plan::new(&catalog, &run.facts.protection, fields).map_err(Fault::Unmaskable)?,
            false => None,
        };
        run.set_plan(plan);
        self.watch_for_persons(Some(fields));
        Ok(())
    }

    /// The first row of a statement that came without a description of its own, or a row to be masked.
    pub(super) fn row(&mut self, message: &Message) -> Result<(), Fault> {
        let Some(run) = self.current_run() else { return Err(violation("a row without a statement")) };
        if matches!(run.rows, RowPlan::Unplanned) {
            match run.portal.as_ref().and_then(|(_, portal)| portal.fields.get().cloned()) {
                Some(fields) => self.plan_rows(&fields)?,
                None if super::intend::needs_description(&run.facts) => {
                    return Err(violation("the server sent rows that it did not describe"));
                }
                None => {
                    run.rows = RowPlan::Pass;
                    run.width = width(&message.bytes, 0);
                }
            }
        }
        if !self.gives(1, message.bytes.len()) || !self.may_meet(&message.bytes)? {
            return Ok(());
        }
        self.pay_rows(|| 1)?;
        match self.current_run() {
            Some(run) if run.rows.passes() && run.watch.is_none() => self.stream(message.bytes.clone()),
            _ => self.shape_rows(&message.bytes),
        }
    }

    /// Masks whole DataRow messages straight into the client's buffer.
    fn shape_rows(&mut self, rows: &[u8]) -> Result<(), Fault> {
        let run = match self.in_flight.front_mut() {
            Some(Expect::Execute(run)) => &mut **run,
            Some(Expect::Query(runs)) => {
                runs.front_mut().ok_or_else(|| violation("a row without a query"))?
            }
            _ => return Err(violation("a row without a query")),
        };
        let Some(catalog) = self.setup.catalog.as_deref() else {
            return Err(violation("a row without a catalog"));
        };
        let shape = Shape { catalog, key: &self.setup.mask_key };
        let written = self.outbox.write_to_client(|out| {
            // Once for all rows: masks are about as long as what they stand for.
            out.reserve(rows.len() + rows.len() / 8);
            let mut rest = rows;
            while let Some((header, behind)) = rest.split_first_chunk::<HEADER>() {
                let [_, length @ ..] = *header;
                let body = (u32::from_be_bytes(length) as usize).saturating_sub(4);
                let Some((row, behind)) = behind.split_at_checked(body) else {
                    return Err(violation("the server cut a row short"));
                };
                shape.row(run, row, out)?;
                rest = behind;
            }
            Ok(())
        })?;
        run.bytes += written as u64;
        Ok(())
    }
}

/// How many messages there are in a slice of whole ones.
fn count(mut messages: &[u8]) -> u64 {
    let mut count = 0;
    while let Some([_, length @ ..]) = messages.first_chunk::<HEADER>() {
        let length = u32::from_be_bytes(*length) as usize;
        messages = messages.get(length.saturating_add(1)..).unwrap_or_default();
        count += 1;
    }
    count
}

/// What masks are made with.
struct Shape<'a> {
    catalog: &'a Catalog,
    key: &'a MaskKey,
}

impl Shape<'_> {
    /// Appends the message of a row as the client may see it.
    fn row(&self, run: &mut Run, row: &[u8], out: &mut BytesMut) -> Result<(), Fault> {
        let seen = match &run.watch {
            Some(watch) => watch.sightings(row)?,
            None => Vec::new(),
        };
        run.saw(&seen, self.catalog);
        let hide = |row: &[u8], out: &mut BytesMut| match (&run.watch, seen.as_slice()) {
            (Some(watch), [_, ..]) => watch.hide(self.catalog, self.key, row, &seen, out),
            _ => {
                out.extend_from_slice(row);
                Ok(())
            }
        };
        message(b'D', out, |out| match &run.rows {
            RowPlan::Mask(plan) if seen.is_empty() => plan.apply(self.key, row, out),
            RowPlan::Mask(plan) => {
                let mut masked = BytesMut::with_capacity(row.len());
                plan.apply(self.key, row, &mut masked)?;
                hide(&masked, out)
            }
            RowPlan::Pass | RowPlan::Unplanned => hide(row, out),
        })
    }
}

/// Appends a message of a row or of data with this body. On an error `out` is as it was.
pub(super) fn message<E: std::error::Error>(
    kind: u8,
    out: &mut BytesMut,
    body: impl FnOnce(&mut BytesMut) -> Result<(), E>,
) -> Result<(), Fault> {
    let start = out.len();
    out.extend_from_slice(&[kind, 0, 0, 0, 0]);
    if let Err(error) = body(out) {
        out.truncate(start);
        return Err(error.into());
    }
    let length = u32::try_from(out.len() - start - 1).map_err(|_| violation("a masked row is too long"))?;
    if let Some(place) = out.get_mut(start + 1..start + HEADER) {
        place.copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}
