//! A log that an agent serves. Its tiles are for auditors, so a sign-in is needed.

use std::sync::Mutex;

use connect_shared::{
    error::ErrorReport,
    proof::verify::{LogReader, ReadError},
};
use tokio::runtime::Handle;

use super::Source;
use crate::{
    api::{Caller, ControlApi, Limit},
    identity::Holder,
};

pub(super) struct Remote {
    api: ControlApi,
    holder: Holder,
    runtime: Handle,
    problem: Mutex<Option<ErrorReport>>,
}

impl Remote {
    pub(super) fn new(api: ControlApi, holder: Holder) -> Self {
        Self { api, holder, runtime: Handle::current(), problem: Mutex::default() }
    }
}

impl LogReader for Remote {
    /// Blocks: it is called on a thread that may.
    fn read(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, ReadError> {
        let fetched = self.runtime.block_on(async {
            let sign_in = self.holder.fresh().await?;
            let caller = Caller::Principal(sign_in.id_token.reveal());
            self.api.fetch(&format!("/log/{path}"), caller, Limit::Bytes(limit)).await
        });
        fetched.map_err(|report| {
            let words = ReadError(report.message.clone());
            if let Ok(mut problem) = self.problem.lock() {
                *problem = Some(report);
            }
            words
        })
    }
}

impl Source for Remote {
    fn problem(&self) -> Option<ErrorReport> {
        self.problem.lock().ok().and_then(|mut problem| problem.take())
    }
}
