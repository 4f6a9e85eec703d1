//! Approvals in the log: which requests somebody approved, and which access of which grant stands on them.

use std::collections::{BTreeMap, HashMap};

use connect_shared::{
    attest::{Approval, ApprovedAccess, Approver, StatementRecord},
    entry::{Entry, PrincipalRef, RequestEntry},
    ids::{GrantId, RequestId},
    request::{RequestKind, RequestStep},
};

/// What the log says of the approvals of one principal, as it is gone through.
#[derive(Default)]
pub(super) struct Approvals {
    given: HashMap<RequestId, Approval>,
    access: HashMap<GrantId, ApprovedAccess>,
}

impl Approvals {
    /// Takes an entry, if it is about the approvals of `owner` or of an AI agent that acts for it.
    pub(super) fn visit(&mut self, owner: &PrincipalRef, (index, time): (u64, u64), entry: &Entry) {
        let own = |principal: &PrincipalRef| principal.is_same_person(owner);
        match entry {
            Entry::Request(request) if counts(request) && own(&request.principal) => {
                let approval = self.given.entry(request.request).or_insert_with(|| Approval {
                    request: request.request,
                    of: request.of,
                    resource: request.resource.clone(),
                    by: Vec::new(),
                });
                // Nobody approved a broken glass before it was one.
                if request.of != RequestKind::BreakGlass {
                    approval.by.extend(approver(request, (index, time)));
                }
            }
            Entry::GrantIssued { grant, principal, parent, approvals, .. } if own(principal) => {
                // What was handed on stands on what its giver's access stands on.
                let given = parent.and_then(|parent| self.access.get(&parent)).cloned().unwrap_or_default();
                let access: ApprovedAccess = given.into_iter().chain(approvals.clone()).collect();
                if !access.is_empty() {
                    self.access.insert(*grant, access);
                }
            }
            _ => {}
        }
    }

    pub(super) fn of_grant(&self, grant: GrantId) -> Option<&ApprovedAccess> {
        self.access.get(&grant)
    }

    /// Those behind some statements, by id; `only` is the resource of statements that do not say theirs. Of one
    /// that the log no longer has nobody knows who gave it.
    pub(super) fn behind(&self, statements: &[StatementRecord], only: &str) -> Vec<Approval> {
        let mut behind = BTreeMap::new();
        for record in statements {
            for request in &record.approvals {
                behind.entry(*request).or_insert_with(|| {
                    self.given.get(request).cloned().unwrap_or_else(|| self.pruned(*request, record, only))
                });
            }
        }
        behind.into_values().collect()
    }

    fn pruned(&self, request: RequestId, record: &StatementRecord, only: &str) -> Approval {
        let is_access = self.access.values().any(|access| access.values().any(|one| *one == request));
        Approval {
            request,
            of: if is_access { RequestKind::Access } else { RequestKind::Statement },
            resource: record.resource.clone().unwrap_or_else(|| only.to_owned()),
            by: Vec::new(),
        }
    }
}

/// Whether statements may stand on it from here on.
fn counts(request: &RequestEntry) -> bool {
    match request.of {
        RequestKind::BreakGlass => request.step == RequestStep::BrokenGlass,
        _ => request.step == RequestStep::Approved,
    }
}

/// Who took the step of an entry; `None` where it does not say, which no approval does.
pub(super) fn approver(request: &RequestEntry, (index, time): (u64, u64)) -> Option<Approver> {
    let by = request.by.as_ref()?;
    Some(Approver {
        name: request.name.clone(),
        sub: by.sub.clone(),
        idp: by.idp.clone(),
        reason: request.reason.clone(),
        time,
        index,
    })
}

#[cfg(test)]
mod tests {
    use connect_shared::{entry::TextRef, grant::Action, ids::StatementId};

    use super::*;

    const REQUEST: RequestId = RequestId::from_random([4; 16]);

    fn person(sub: &str) -> PrincipalRef {
        PrincipalRef { sub: sub.into(), idp: "idp".into(), actor: None }
    }

    fn granted(number: u8, sub: &str, parent: Option<u8>, approved: bool) -> Entry {
        let id = |number: u8| GrantId::from_random([number; 16]);
        Entry::GrantIssued {
            grant: id(number),
            principal: person(sub),
            name: sub.into(),
            groups: Vec::new(),
            resource: "shop".into(),
            actions: vec![Action::Read],
            reason: None,
            expires_at: 1,
            certificate: String::new(),
            run: None,
            task: None,
            parent: parent.map(id),
            tables: Vec::new(),
            budget: None,
            approvals: approved.then_some((Action::Read, REQUEST)).into_iter().collect(),
        }
    }

    #[test]
    fn what_was_handed_on_stands_on_its_givers_approval_and_one_that_was_pruned_is_named_still() {
        let mut approvals = Approvals::default();
        let all = [
            granted(1, "ana", None, true),
            granted(2, "ana", Some(1), false),
            granted(3, "ana", Some(2), false),
            granted(4, "ana", None, false),
            granted(5, "eve", None, true),
        ];
        for (entry, index) in all.iter().zip(1..) {
            approvals.visit(&person("ana"), (index, index), entry);
        }
        let of = |number: u8| approvals.of_grant(GrantId::from_random([number; 16])).is_some();
        assert_eq!([1, 2, 3, 4, 5].map(of), [true, true, true, false, false]);
        let statement = StatementRecord {
            approvals: vec![REQUEST],
            ..StatementRecord::new(StatementId::from_random([1; 16]), 9, TextRef::Length(1))
        };
        let behind = approvals.behind(&[statement], "shop");
        assert_eq!((behind.len(), behind[0].of, behind[0].by.len()), (1, RequestKind::Access, 0));
        assert_eq!((behind[0].request, behind[0].resource.as_str()), (REQUEST, "shop"));
    }
}
