//! The facts of one statement while they are put together, before its text is added.

use std::sync::Arc;

use connect_shared::entry::TextRef;

use super::tokens::Normal;
use crate::{
    lineage::Lineage,
    record::ReadProof,
    session::{Fingerprint, SessionChange},
    statement::{Changes, Effect, Kind, ProtectedColumn, Protection, Refusal, Shape, Statement},
};

/// What is found of a statement in a state of its session.
#[derive(Debug)]
pub(super) struct BoundIn {
    pub(super) lineage: Lineage,
    pub(super) change: SessionChange,
    pub(super) under: Fingerprint,
    pub(super) shown: Vec<ProtectedColumn>,
}

/// Everything of a [`Statement`] but its text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    pub(super) verb: String,
    pub(super) kind: Kind,
    pub(super) reads: Vec<String>,
    pub(super) writes: Vec<String>,
    pub(super) proof: ReadProof,
    pub(super) protection: Protection,
    pub(super) lookups: u32,
    pub(super) assigned: Vec<ProtectedColumn>,
    pub(super) gives_mask: bool,
    pub(super) settings: Vec<u16>,
    pub(super) changes: Changes,
    pub(super) shapes: Vec<Shape>,
    pub(super) effect: Effect,
}

impl Found {
    /// A statement of this verb and kind that touches nothing.
    pub(super) fn new(verb: &str, kind: Kind) -> Self {
        let proof = match kind {
            Kind::Read | Kind::Transaction | Kind::SessionControl => ReadProof::ReadOnly,
            _ => ReadProof::MayWrite,
        };
        Self {
            verb: verb.to_owned(),
            kind,
            reads: Vec::new(),
            writes: Vec::new(),
            proof,
            protection: Protection::Untouched,
            lookups: 0,
            assigned: Vec::new(),
            gives_mask: false,
            settings: Vec::new(),
            changes: Changes::default(),
            shapes: Vec::new(),
            effect: Effect::None,
        }
    }

    pub(super) fn effect(self, effect: Effect) -> Self {
        Self { effect, ..self }
    }

    pub(super) fn may_write(self) -> Self {
        Self { proof: ReadProof::MayWrite, ..self }
    }

    pub(super) fn shape(mut self, shape: Shape) -> Self {
        self.shapes.push(shape);
        self
    }

    /// Refused: nothing is proved of it any more.
    pub(super) fn refused(self, refusal: Refusal) -> Self {
        Self { proof: ReadProof::MayWrite, protection: Protection::Refused(refusal), ..self }
    }

    /// Takes the protection, or the refusal.
    pub(super) fn protected_by(self, protection: Result<Protection, Refusal>) -> Self {
        match protection {
            Ok(protection) => Self { protection, ..self },
            Err(refusal) => self.refused(refusal),
        }
    }

    /// With its text: by fingerprint if it has a normal form, by its length if not.
    pub(super) fn with_text(self, normal: Normal, bound: BoundIn) -> Statement {
        let (text, normalized) = match normal {
            Normal::Form { fingerprint, sql } => (TextRef::Fingerprint(fingerprint), Some(sql)),
            Normal::None { length } => (TextRef::Length(length), None),
        };
        Statement {
            verb: self.verb,
            kind: self.kind,
            text,
            normalized,
            reads: self.reads,
            writes: self.writes,
            proof: self.proof,
            protection: self.protection,
            shown: bound.shown,
            lookups: self.lookups,
            assigned: self.assigned,
            gives_mask: self.gives_mask,
            settings: self.settings,
            changes: self.changes,
            shapes: self.shapes,
            effect: self.effect,
            lineage: Arc::new(bound.lineage),
            change: Arc::new(bound.change),
            under: bound.under,
        }
    }
}
