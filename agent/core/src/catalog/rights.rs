//! Roles: who has whose rights, and whom row security holds.

use std::collections::{HashMap, HashSet};

use super::{Details, Oid, Policy, code::Name};

/// `ACL_ID_PUBLIC`: everybody.
const PUBLIC: Oid = Oid(0);

/// The roles of the server. Of one that is not here nothing is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights {
    pub by_name: HashMap<Name, Oid>,
    pub roles: HashMap<Oid, RoleRights>,
}

/// What one role may.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleRights {
    pub superuser: bool,
    /// BYPASSRLS
    pub bypasses_row_security: bool,
    /// The roles whose rights it has as their direct member.
    pub inherits: Box<[Oid]>,
}

/// Whose rights count for a relation's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Security {
    pub owner: Oid,
    pub rows: RowSecurity,
    /// For a view: what it reads is read with the rights of whoever asks, in place of the owner's.
    pub invoker: bool,
}

/// Row security of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowSecurity {
    Off,
    /// For all but the owner.
    Enabled,
    /// FORCE: for the owner as well.
    Forced,
}

impl Rights {
    /// Whether a role has the rights of another one (`has_privs_of_role`); `None` if nobody knows.
    #[must_use]
    pub fn has_rights_of(&self, role: Oid, other: Oid) -> Option<bool> {
        let (mut seen, mut rest, mut known) = (HashSet::from([role]), vec![role], true);
        if self.roles.get(&role)?.superuser {
            return Some(true);
        }
        while let Some(next) = rest.pop() {
            if next == other {
                return Some(true);
            }
            match self.roles.get(&next) {
                Some(rights) => rest.extend(rights.inherits.iter().filter(|oid| seen.insert(**oid))),
                None => known = false,
            }
        }
        known.then_some(false)
    }

    /// Whether row security holds a role (`check_enable_rls`); `None` if nobody knows.
    #[must_use]
    pub fn is_held(&self, role: Oid, security: &Security) -> Option<bool> {
        if security.rows == RowSecurity::Off {
            return Some(false);
        }
        let rights = self.roles.get(&role)?;
        if rights.superuser || rights.bypasses_row_security {
            return Some(false);
        }
        Some(security.rows == RowSecurity::Forced || !self.has_rights_of(role, security.owner)?)
    }

    /// Whether a policy is for a role (`check_role_for_policy`); `None` if nobody knows.
    #[must_use]
    pub fn applies(&self, policy: &Policy, role: Oid) -> Option<bool> {
        let mut known = true;
        for to in &policy.roles {
            match if *to == PUBLIC { Some(true) } else { self.has_rights_of(role, *to) } {
                Some(true) => return Some(true),
                Some(false) => {}
                None => known = false,
            }
        }
        known.then_some(false)
    }
}

impl Details {
    /// Whether row security can hide rows.
    #[must_use]
    pub fn secures_rows(&self) -> bool {
        self.security.is_some_and(|security| security.rows != RowSecurity::Off)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Oid = Oid(20_001);
    const STAFF: Oid = Oid(20_002);
    const ANA: Oid = Oid(20_003);
    const ROOT: Oid = Oid(10);
    const STRANGER: Oid = Oid(20_009);

    /// `ana` is in `staff`, which is in `owner`, which is in a role that nobody knows.
    fn rights() -> Rights {
        let role = |inherits: &[Oid]| RoleRights { inherits: inherits.into(), ..RoleRights::default() };
        let root = RoleRights { superuser: true, ..RoleRights::default() };
        let roles = [(OWNER, role(&[])), (STAFF, role(&[OWNER])), (ANA, role(&[STAFF, ANA])), (ROOT, root)];
        Rights { roles: roles.into(), ..Rights::default() }
    }

    #[test]
    fn rights_come_down_from_role_to_role() {
        let mut rights = rights();
        assert_eq!(rights.has_rights_of(ANA, OWNER), Some(true));
        assert_eq!(rights.has_rights_of(OWNER, ANA), Some(false));
        assert_eq!(rights.has_rights_of(ROOT, ANA), Some(true));
        assert_eq!(rights.has_rights_of(STRANGER, ANA), None);
        rights.roles.get_mut(&OWNER).expect("it is there").inherits = [STRANGER].into();
        assert_eq!(rights.has_rights_of(ANA, ROOT), None, "the stranger may be in it");
        assert_eq!(rights.has_rights_of(ANA, STRANGER), Some(true));
    }

    #[test]
    fn row_security_holds_all_but_those_who_are_above_it() {
        let mut rights = rights();
        let security = |rows| Security { owner: STAFF, rows, invoker: false };
        let held = |rights: &Rights, role, rows| rights.is_held(role, &security(rows));
        assert_eq!(held(&rights, OWNER, RowSecurity::Enabled), Some(true));
        assert_eq!(held(&rights, OWNER, RowSecurity::Off), Some(false));
        assert_eq!(held(&rights, STAFF, RowSecurity::Enabled), Some(false));
        assert_eq!(held(&rights, ANA, RowSecurity::Enabled), Some(false), "she has the owner's rights");
        assert_eq!(held(&rights, ANA, RowSecurity::Forced), Some(true));
        assert_eq!(held(&rights, ROOT, RowSecurity::Forced), Some(false));
        assert_eq!(held(&rights, STRANGER, RowSecurity::Enabled), None);
        rights.roles.get_mut(&ANA).expect("it is there").bypasses_row_security = true;
        assert_eq!(held(&rights, ANA, RowSecurity::Forced), Some(false));
    }

    #[test]
    fn a_policy_is_for_its_roles_and_those_in_them() {
        let rights = rights();
        let policy = |roles: &[Oid]| Policy { roles: roles.into(), command: b'*', using: None, check: None };
        assert_eq!(rights.applies(&policy(&[STAFF]), ANA), Some(true));
        assert_eq!(rights.applies(&policy(&[STAFF]), OWNER), Some(false));
        assert_eq!(rights.applies(&policy(&[ANA, PUBLIC]), OWNER), Some(true));
        assert_eq!(rights.applies(&policy(&[PUBLIC]), STRANGER), Some(true));
        assert_eq!(rights.applies(&policy(&[STAFF]), STRANGER), None);
    }
}
