//! Texts that this connection has sent, with what was understood of them. A text is found by its bytes, or
//! by its shape where its numbers change nothing (see [`crate::understand::shape`]).

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;

use super::intend::Analysed;
use crate::{statement::Statement, understand::shape};

/// Texts and shapes that are kept, and the longest text.
const MAX_ANALYSES: usize = 512;
const MAX_CACHED_TEXT: usize = 8 * 1024;

/// What was understood under one snapshot of the catalog.
#[derive(Default)]
pub(super) struct Analyses {
    texts: HashMap<Bytes, Arc<Analysed>>,
    shapes: HashMap<Vec<u8>, Arc<Analysed>>,
}

impl Analyses {
    pub(super) fn get(&self, text: &[u8], version: u64) -> Option<Arc<Analysed>> {
        let known = self.texts.get(text).or_else(|| {
            if self.shapes.is_empty() {
                return None;
            }
            self.shapes.get(&shape(text)?.text)
        })?;
        (known.version == version).then(|| known.clone())
    }

    pub(super) fn keep(&mut self, text: &[u8], analysed: &Arc<Analysed>) {
        if analysed.by_shape
            && let Some(shape) = shape(text)
        {
            if self.shapes.len() >= MAX_ANALYSES {
                self.shapes.clear();
            }
            self.shapes.insert(shape.text, analysed.clone());
        } else if text.len() <= MAX_CACHED_TEXT {
            if self.texts.len() >= MAX_ANALYSES {
                self.texts.clear();
            }
            // A copy of its own: the text is a slice of a read buffer that it would keep alive.
            self.texts.insert(Bytes::copy_from_slice(text), analysed.clone());
        }
    }

    /// What is known, each statement as `change` has it.
    pub(super) fn change(&mut self, change: impl Fn(&Statement) -> Statement) {
        for analysed in self.texts.values_mut().chain(self.shapes.values_mut()) {
            let statements = analysed.statements.iter().map(|facts| Arc::new(change(facts))).collect();
            let Analysed { version, by_shape, ref sent, .. } = **analysed;
            *analysed = Arc::new(Analysed { statements, version, by_shape, sent: sent.clone() });
        }
    }

    /// Forgets everything: names may mean something else now.
    pub(super) fn clear(&mut self) {
        self.texts.clear();
        self.shapes.clear();
    }
}
