//! Texts that this connection has sent, with what was understood of them. A text is found by its bytes, or
//! by its shape where its numbers change nothing (see [`crate::understand::shape`]).

use std::{collections::HashMap, hash::Hash, sync::Arc};

use bytes::Bytes;

use super::intend::Analysed;
use crate::{statement::Statement, understand::shape};

/// Texts and shapes that are kept, and the longest text.
const MAX_ANALYSES: usize = 512;
const MAX_CACHED_TEXT: usize = 8 * 1024;

/// Forgets every other one if there are too many. Which ones is chance (a map's order is).
fn make_room<Text: Eq + Hash>(known: &mut HashMap<Text, Arc<Analysed>>) {
    if known.len() >= MAX_ANALYSES {
        let mut keep = false;
        known.retain(|_, _| {
            keep = !keep;
            keep
        });
    }
}

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
            make_room(&mut self.shapes);
            self.shapes.insert(shape.text, analysed.clone());
        } else if text.len() <= MAX_CACHED_TEXT {
            make_room(&mut self.texts);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_again_and_again_stays_known_however_much_was_asked_before() {
        let analysed = Arc::new(Analysed { statements: Vec::new(), version: 1, by_shape: false, sent: None });
        let mut analyses = Analyses::default();
        for number in 0..5_000 {
            analyses.keep(format!("SELECT '{number}'").as_bytes(), &analysed);
        }
        assert!(analyses.texts.len() <= MAX_ANALYSES);
        let texts = ["SELECT 'a'", "SELECT 'b'"];
        let mut missed = 0;
        for round in 0..2_000 {
            let text = texts[round % 2].as_bytes();
            if analyses.get(text, analysed.version).is_none() {
                missed += 1;
                analyses.keep(text, &analysed);
            }
        }
        assert!(missed <= 4, "{missed} times");
    }
}
