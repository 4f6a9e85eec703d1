//! ALTER TABLE, RENAME and SET SCHEMA.

use pg_query::{
    NodeEnum,
    protobuf::{
        AlterObjectSchemaStmt, AlterTableCmd, AlterTableStmt, AlterTableType, DropBehavior, Node, ObjectType,
        RenameStmt,
    },
};

use super::{Found, Reader, columns};
use crate::{
    catalog::{ColumnExpression, Identity, code::Name},
    lineage::{GapKind, OutputKind},
    session::{
        change::{Alteration, Cascading, Constraint, Existing, Part, Step},
        find::Named,
    },
};

impl Reader<'_> {
    pub(super) fn alteration(&mut self, node: &NodeEnum) -> Found {
        match node {
            NodeEnum::AlterTableStmt(alter) => {
                self.alter(alter);
                self.filled(alter);
            }
            NodeEnum::RenameStmt(rename) => self.rename(rename),
            NodeEnum::AlterObjectSchemaStmt(alter) => self.set_schema(alter),
            _ => return Found::Elsewhere,
        }
        Found::Here
    }

    fn alter(&mut self, alter: &AlterTableStmt) {
        match ObjectType::try_from(alter.objtype) {
            Ok(ObjectType::ObjectIndex | ObjectType::ObjectSequence) => return,
            Ok(ObjectType::ObjectType) => {
                self.push(Step::Code);
                return self.touch(alter.relation.as_ref());
            }
            _ => {}
        }
        let Some(relation) = &alter.relation else { return self.push(Step::Lost) };
        let mut parts = Vec::new();
        for node in &alter.cmds {
            match &node.node {
                Some(NodeEnum::AlterTableCmd(command)) => parts.extend(altered(command)),
                _ => parts.push(Part::Touch),
            }
        }
        // The server does them in passes, whatever their order in the text.
        parts.sort_by_key(pass);
        if !parts.is_empty() {
            let (missing_ok, only) = (alter.missing_ok, !relation.inh);
            let relation = Named::of(relation);
            self.push(Step::Alter(Box::new(Alteration { relation, missing_ok, only, parts })));
        }
    }

    /// New columns hold their defaults, and checks run code.
    fn filled(&mut self, alter: &AlterTableStmt) {
        let computes = self.lineage.outputs.iter().any(|output| matches!(output.kind, OutputKind::Table(_)))
            || self.lineage.gaps.iter().any(|gap| {
                matches!(gap.kind, GapKind::OpaqueFunction | GapKind::DynamicSql | GapKind::Ambiguous)
            });
        if let Some(relation) = alter.relation.as_ref().filter(|_| computes) {
            self.written(vec![Named::of(relation)]);
        }
        self.code_beside();
    }

    fn alter_by(&mut self, rename: &RenameStmt, part: Part) {
        let Some(relation) = &rename.relation else { return self.push(Step::Lost) };
        let (missing_ok, only) = (rename.missing_ok, !relation.inh);
        let relation = Named::of(relation);
        self.push(Step::Alter(Box::new(Alteration { relation, missing_ok, only, parts: vec![part] })));
    }

    fn rename(&mut self, rename: &RenameStmt) {
        use ObjectType as O;
        let (from, to) = (Name::from(rename.subname.as_str()), Name::from(rename.newname.as_str()));
        let kind = ObjectType::try_from(rename.rename_type).unwrap_or(O::Undefined);
        match kind {
            O::ObjectTable | O::ObjectView | O::ObjectMatview | O::ObjectSequence | O::ObjectForeignTable => {
                match &rename.relation {
                    Some(relation) => {
                        let (relation, missing_ok) = (Named::of(relation), rename.missing_ok);
                        self.push(Step::Rename { relation, missing_ok, to });
                    }
                    None => self.push(Step::Lost),
                }
            }
            // ALTER INDEX gives tables and views another name, too; an index that is not known has nobody that misses it.
            O::ObjectIndex => {
                if let Some(relation) = &rename.relation {
                    self.push(Step::Rename { relation: Named::of(relation), missing_ok: true, to });
                }
            }
            O::ObjectColumn => self.alter_by(rename, Part::RenameColumn { from, to }),
            O::ObjectTabconstraint => self.alter_by(rename, Part::RenameConstraint { from, to }),
            O::ObjectSchema => self.push(Step::RenameSchema { from, to }),
            O::ObjectRole => self.push(Step::RenameRole { from, to }),
            O::ObjectTrigger
            | O::ObjectRule
            | O::ObjectPolicy
            | O::ObjectDatabase
            | O::ObjectTablespace
            | O::ObjectPublication
            | O::ObjectSubscription
            | O::ObjectStatisticExt
            | O::ObjectEventTrigger
            | O::ObjectFdw
            | O::ObjectForeignServer
            | O::ObjectDomconstraint => {}
            O::ObjectAttribute => {
                self.push(Step::Code);
                self.touch(rename.relation.as_ref());
            }
            _ => self.push(Step::Code),
        }
    }

    fn set_schema(&mut self, alter: &AlterObjectSchemaStmt) {
        use ObjectType as O;
        let to = Name::from(alter.newschema.as_str());
        match (ObjectType::try_from(alter.object_type).unwrap_or(O::Undefined), &alter.relation) {
            (
                O::ObjectTable | O::ObjectView | O::ObjectMatview | O::ObjectSequence | O::ObjectForeignTable,
                Some(relation),
            ) => {
                let (relation, missing_ok) = (Named::of(relation), alter.missing_ok);
                self.push(Step::Move { relation, missing_ok, to });
            }
            // Its objects move with it.
            (O::ObjectExtension, _) => self.push(Step::Lost),
            (O::ObjectStatisticExt, _) => {}
            _ => self.push(Step::Code),
        }
    }
}

/// What a part of ALTER TABLE changes; nothing if names, columns and values stay what they are.
fn altered(command: &AlterTableCmd) -> Vec<Part> {
    use AlterTableType as T;
    let name = Name::from(command.name.as_str());
    let definition = command.def.as_ref().and_then(|node| node.node.as_ref());
    let part = match AlterTableType::try_from(command.subtype).unwrap_or(T::Undefined) {
        T::AtAddColumn => return added(command, definition),
        T::AtDropColumn => Part::DropColumn { name, cascade: cascade(command.behavior) },
        T::AtAlterColumnType => retyped(name, definition),
        T::AtColumnDefault => {
            let text = command.def.as_deref().and_then(columns::text_of);
            Part::Expression { name, expression: text.map(ColumnExpression::Default) }
        }
        T::AtAddIdentity => match definition {
            Some(NodeEnum::Constraint(written)) => {
                let identity = columns::identity(&written.generated_when);
                Part::Identity { name, identity, makes_sequence: true }
            }
            _ => Part::Touch,
        },
        T::AtSetIdentity => match definition {
            Some(NodeEnum::List(options)) => match generated(&options.items) {
                Some(identity) => Part::Identity { name, identity: Some(identity), makes_sequence: false },
                // Options of the sequence only.
                None => return Vec::new(),
            },
            _ => Part::Touch,
        },
        T::AtDropIdentity => Part::Identity { name, identity: None, makes_sequence: false },
        T::AtSetExpression | T::AtDropExpression => Part::Touch,
        T::AtSetRelOptions | T::AtResetRelOptions | T::AtReplaceRelOptions => Part::Options,
        T::AtSetNotNull => Part::NotNull { name, not_null: true },
        T::AtDropNotNull => Part::NotNull { name, not_null: false },
        T::AtAddConstraint => match definition {
            Some(NodeEnum::Constraint(written)) => match columns::constraint(written, None) {
                Some(constraint) => Part::Constraint(constraint),
                None => return Vec::new(),
            },
            _ => Part::Touch,
        },
        T::AtDropConstraint => Part::DropConstraint { name },
        T::AtAddInherit | T::AtDropInherit => match definition {
            Some(NodeEnum::RangeVar(other)) => Part::Link { other: Named::of(other) },
            _ => Part::Touch,
        },
        T::AtAttachPartition | T::AtDetachPartition | T::AtDetachPartitionFinalize => match definition {
            Some(NodeEnum::PartitionCmd(partition)) => match &partition.name {
                Some(other) => Part::Link { other: Named::of(other) },
                None => Part::Touch,
            },
            _ => Part::Touch,
        },
        T::AtSetStatistics
        | T::AtSetOptions
        | T::AtResetOptions
        | T::AtSetStorage
        | T::AtSetCompression
        | T::AtAlterConstraint
        | T::AtValidateConstraint
        | T::AtAddIndexConstraint
        | T::AtClusterOn
        | T::AtDropCluster
        | T::AtSetLogged
        | T::AtSetUnLogged
        | T::AtSetAccessMethod
        | T::AtSetTableSpace
        | T::AtReplicaIdentity
        | T::AtAddOf
        | T::AtDropOf => return Vec::new(),
        _ => Part::Touch,
    };
    vec![part]
}

/// SET GENERATED among the options of SET IDENTITY.
fn generated(options: &[Node]) -> Option<Identity> {
    options.iter().find_map(|node| match &node.node {
        Some(NodeEnum::DefElem(option)) if option.defname == "generated" => {
            match option.arg.as_ref()?.node.as_ref()? {
                NodeEnum::Integer(letter) => Identity::from_catalog(u8::try_from(letter.ival).ok()?),
                _ => None,
            }
        }
        _ => None,
    })
}

fn added(command: &AlterTableCmd, definition: Option<&NodeEnum>) -> Vec<Part> {
    let Some(NodeEnum::ColumnDef(definition)) = definition else { return vec![Part::Touch] };
    let (column, constraints) = columns::column(definition);
    if column.kind.is_none() {
        return vec![Part::Touch];
    }
    let existing = if command.missing_ok { Existing::Keep } else { Existing::Fail };
    let constraints = constraints.into_iter().map(Part::Constraint);
    std::iter::once(Part::AddColumn { column, existing }).chain(constraints).collect()
}

fn retyped(name: Name, definition: Option<&NodeEnum>) -> Part {
    let Some(NodeEnum::ColumnDef(definition)) = definition else { return Part::Touch };
    let computed_from = definition.raw_default.as_deref().map(columns::columns_in).unwrap_or_default();
    match definition.type_name.as_ref().and_then(columns::type_spec) {
        Some(kind) => Part::Type { name, kind, computed_from },
        None => Part::Touch,
    }
}

pub(super) fn cascade(behavior: i32) -> Cascading {
    match DropBehavior::try_from(behavior) {
        Ok(DropBehavior::DropCascade) => Cascading::Dependents,
        _ => Cascading::Nothing,
    }
}

/// `AlterTablePass`
const fn pass(part: &Part) -> u8 {
    match part {
        Part::DropColumn { .. } | Part::DropConstraint { .. } => 0,
        Part::Type { .. } => 1,
        Part::AddColumn { .. } => 2,
        Part::Constraint(Constraint::Unique { .. } | Constraint::Cascade { .. }) => 4,
        _ => 3,
    }
}
