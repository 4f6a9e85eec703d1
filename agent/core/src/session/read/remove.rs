//! DROP and TRUNCATE.

use pg_query::{
    NodeEnum,
    protobuf::{DropStmt, Node, ObjectType},
};

use super::{Found, Reader, qualified, table::cascade, texts};
use crate::{
    catalog::code::Name,
    session::{
        change::{Cascading, Step},
        find::Named,
    },
};

impl Reader<'_> {
    pub(super) fn removal(&mut self, node: &NodeEnum) -> Found {
        match node {
            NodeEnum::DropStmt(drop) => self.drop(drop),
            NodeEnum::TruncateStmt(truncate) => {
                for node in &truncate.relations {
                    if let Some(NodeEnum::RangeVar(relation)) = &node.node {
                        self.push(Step::Truncate { relation: Named::of(relation) });
                    }
                }
                self.code_beside();
            }
            NodeEnum::DropOwnedStmt(_) => {
                self.push(Step::Lost);
                self.push(Step::Code);
            }
            _ => return Found::Elsewhere,
        }
        Found::Here
    }

    fn drop(&mut self, drop: &DropStmt) {
        use ObjectType as O;
        let cascade = cascade(drop.behavior);
        match ObjectType::try_from(drop.remove_type).unwrap_or(O::Undefined) {
            O::ObjectTable | O::ObjectView | O::ObjectMatview | O::ObjectSequence | O::ObjectForeignTable => {
                self.each(drop, |relation| Step::Drop { relation, cascade });
            }
            O::ObjectSchema => {
                for name in drop.objects.iter().filter_map(text) {
                    self.push(Step::DropSchema { name });
                }
            }
            // The last part is the trigger's own name.
            O::ObjectTrigger | O::ObjectRule | O::ObjectPolicy => {
                for node in &drop.objects {
                    let names = list(node);
                    let relation = names.split_last().and_then(|(_, relation)| qualified(relation));
                    self.push(relation.map_or(Step::Lost, |relation| Step::Touch { relation }));
                }
            }
            O::ObjectIndex
            | O::ObjectStatisticExt
            | O::ObjectPublication
            | O::ObjectEventTrigger
            | O::ObjectAccessMethod
            | O::ObjectTsconfiguration
            | O::ObjectTsdictionary
            | O::ObjectTsparser
            | O::ObjectTstemplate => {}
            // Its objects go with it.
            O::ObjectExtension | O::ObjectForeignServer | O::ObjectFdw => {
                self.push(Step::Lost);
                self.push(Step::Code);
            }
            _ => {
                self.push(Step::Code);
                if cascade == Cascading::Dependents {
                    // Columns, views and defaults that use it.
                    self.push(Step::Lost);
                }
            }
        }
    }

    fn each(&mut self, drop: &DropStmt, step: impl Fn(Named) -> Step) {
        for node in &drop.objects {
            let relation = qualified(&list(node));
            self.push(relation.map_or(Step::Lost, &step));
        }
    }
}

fn list(node: &Node) -> Vec<Name> {
    match &node.node {
        Some(NodeEnum::List(list)) => texts(&list.items),
        _ => Vec::new(),
    }
}

fn text(node: &Node) -> Option<Name> {
    match &node.node {
        Some(NodeEnum::String(text)) => Some(text.sval.as_str().into()),
        _ => None,
    }
}
