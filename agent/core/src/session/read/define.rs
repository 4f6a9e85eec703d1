//! Schemas, code, and who may do what.

use pg_query::{
    NodeEnum,
    protobuf::{AlterOwnerStmt, CreateSchemaStmt, GrantStmt, ObjectType, RangeVar, RoleSpec, RoleSpecType},
};

use super::{Found, Reader, change_of, texts};
use crate::{
    catalog::code::Name,
    session::change::{Owner, Step},
};

impl Reader<'_> {
    pub(super) fn definition(&mut self, node: &NodeEnum) -> Found {
        match node {
            NodeEnum::CreateSchemaStmt(create) => self.schema(create),
            NodeEnum::GrantStmt(grant) => self.grant(grant),
            NodeEnum::GrantRoleStmt(_) | NodeEnum::AlterRoleStmt(_) | NodeEnum::ReassignOwnedStmt(_) => {
                self.push(Step::RoleRights);
            }
            NodeEnum::AlterOwnerStmt(alter) => self.owner(alter),
            NodeEnum::RuleStmt(rule) => self.touch(rule.relation.as_ref()),
            NodeEnum::CreateTrigStmt(trigger) => self.touch(trigger.relation.as_ref()),
            NodeEnum::CreatePolicyStmt(policy) => self.touch(policy.table.as_ref()),
            NodeEnum::AlterPolicyStmt(policy) => self.touch(policy.table.as_ref()),
            NodeEnum::CreateExtensionStmt(_)
            | NodeEnum::AlterExtensionStmt(_)
            | NodeEnum::AlterExtensionContentsStmt(_)
            | NodeEnum::ImportForeignSchemaStmt(_) => {
                self.push(Step::Lost);
                self.push(Step::Code);
            }
            other => return self.code_made(other),
        }
        Found::Here
    }

    /// Commands that make or change what a name in an expression may stand for.
    fn code_made(&mut self, node: &NodeEnum) -> Found {
        match node {
            NodeEnum::AlterDomainStmt(_)
            | NodeEnum::AlterEnumStmt(_)
            | NodeEnum::AlterEventTrigStmt(_)
            | NodeEnum::AlterFdwStmt(_)
            | NodeEnum::AlterForeignServerStmt(_)
            | NodeEnum::AlterFunctionStmt(_)
            | NodeEnum::AlterOpFamilyStmt(_)
            | NodeEnum::AlterOperatorStmt(_)
            | NodeEnum::AlterTypeStmt(_)
            | NodeEnum::CreateAmStmt(_)
            | NodeEnum::CreateCastStmt(_)
            | NodeEnum::CreateConversionStmt(_)
            | NodeEnum::CreateDomainStmt(_)
            | NodeEnum::CreateEnumStmt(_)
            | NodeEnum::CreateEventTrigStmt(_)
            | NodeEnum::CreateFdwStmt(_)
            | NodeEnum::CreateForeignServerStmt(_)
            | NodeEnum::CreateFunctionStmt(_)
            | NodeEnum::CreateOpClassStmt(_)
            | NodeEnum::CreateOpFamilyStmt(_)
            | NodeEnum::CreatePlangStmt(_)
            | NodeEnum::CreateRangeStmt(_)
            | NodeEnum::CreateTransformStmt(_)
            | NodeEnum::DefineStmt(_)
            | NodeEnum::LoadStmt(_) => self.push(Step::Code),
            NodeEnum::CompositeTypeStmt(create) => {
                self.push(Step::Code);
                self.touch(create.typevar.as_ref());
            }
            _ => return Found::Elsewhere,
        }
        Found::Here
    }

    fn schema(&mut self, create: &CreateSchemaStmt) {
        let name = Some(create.schemaname.as_str()).filter(|name| !name.is_empty()).map(Name::from);
        let owner = create.authrole.as_ref().map_or(Owner::Current, owner);
        let inside = name.clone().or_else(|| match &owner {
            Owner::Named(role) => Some(role.clone()),
            Owner::Current => None,
        });
        self.push(Step::CreateSchema { name, owner });
        for node in &create.schema_elts {
            match (&inside, &node.node) {
                (Some(schema), Some(element)) => {
                    let element = within(element, schema);
                    self.steps.extend(change_of(&element, self.lineage, self.catalog).steps);
                }
                _ => self.push(Step::Lost),
            }
        }
    }

    fn grant(&mut self, grant: &GrantStmt) {
        if ObjectType::try_from(grant.objtype) == Ok(ObjectType::ObjectSchema) {
            let names = texts(&grant.objects).into();
            self.push(Step::SchemaRights { names });
        }
    }

    fn owner(&mut self, alter: &AlterOwnerStmt) {
        match ObjectType::try_from(alter.object_type) {
            Ok(ObjectType::ObjectSchema) => {
                let names = alter.object.as_deref().map(std::slice::from_ref).map(texts);
                self.push(Step::SchemaRights { names: names.unwrap_or_default().into() });
            }
            // Rights of a function's owner count where it is SECURITY DEFINER.
            Ok(ObjectType::ObjectFunction | ObjectType::ObjectProcedure | ObjectType::ObjectRoutine) => {
                self.push(Step::Code);
            }
            _ => {}
        }
    }
}

fn owner(role: &RoleSpec) -> Owner {
    match RoleSpecType::try_from(role.roletype) {
        Ok(RoleSpecType::RolespecCstring) => Owner::Named(role.rolename.as_str().into()),
        _ => Owner::Current,
    }
}

/// An element of CREATE SCHEMA, which is made in that schema.
fn within(element: &NodeEnum, schema: &Name) -> NodeEnum {
    let mut element = element.clone();
    let relation: Option<&mut RangeVar> = match &mut element {
        NodeEnum::CreateStmt(create) => create.relation.as_mut(),
        NodeEnum::ViewStmt(view) => view.view.as_mut(),
        NodeEnum::CreateSeqStmt(create) => create.sequence.as_mut(),
        NodeEnum::CreateTrigStmt(trigger) => trigger.relation.as_mut(),
        _ => None,
    };
    if let Some(relation) = relation
        && relation.schemaname.is_empty()
    {
        relation.schemaname = schema.to_string();
    }
    element
}
