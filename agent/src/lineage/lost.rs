//! Which resources a run had lost before its end: it had no session there any more, and the last one that ended did so
//! not because its client was done with it.

use std::collections::{BTreeMap, HashSet};

use connect_shared::{
    attest::LostResource,
    entry::{Entry, PrincipalRef},
    ids::{GrantId, RunId, SessionId},
};

use super::leaves::has;

/// Ends of sessions that are no loss: their client, or the end of the run.
const IN_ORDER: [&str; 2] = [GOODBYE, "run_ended"];
const GOODBYE: &str = "tunnel_closed";
/// The agent itself was gone, and every session with it.
const AGENT_GONE: &str = "agent_gone";
/// By the word of the client.
const CLOSED: &str = "closed";

/// The sessions of a run, as the log tells of them.
#[derive(Debug, Default)]
pub(super) struct Lost {
    grants: HashSet<GrantId>,
    /// By resource.
    known: BTreeMap<String, Sessions>,
}

#[derive(Debug, Default)]
struct Sessions {
    open: HashSet<SessionId>,
    /// How the one ended that ended last.
    end: Option<String>,
}

impl Lost {
    /// Whether a leaf may matter.
    pub(super) fn wants(leaf: &[u8]) -> bool {
        has(leaf, b"\"kind\":\"session_") || has(leaf, b"\"kind\":\"agent_started\"")
    }

    pub(super) fn visit(&mut self, run: RunId, owner: &PrincipalRef, entry: &Entry) {
        match entry {
            Entry::GrantIssued { grant, principal, run: identity, parent, .. } => {
                let of_run = identity.as_ref().is_some_and(|identity| identity.id == run);
                // What one of its AI agents hands on to another one is the run's as well.
                let handed_on = parent.is_some_and(|parent| self.grants.contains(&parent));
                if (of_run || handed_on) && principal.is_same_person(owner) {
                    self.grants.insert(*grant);
                }
            }
            Entry::SessionOpened { session, grant, resource, .. } if self.grants.contains(grant) => {
                self.known.entry(resource.clone()).or_default().open.insert(*session);
            }
            Entry::SessionClosed { session, code, .. } => {
                let mut known = self.known.values_mut();
                if let Some(sessions) = known.find_map(|known| known.open.remove(session).then_some(known)) {
                    sessions.end = Some(code.clone());
                }
            }
            Entry::AgentStarted { .. } => {
                for sessions in self.known.values_mut().filter(|known| !known.open.is_empty()) {
                    sessions.open.clear();
                    sessions.end = Some(AGENT_GONE.to_owned());
                }
            }
            _ => {}
        }
    }

    pub(super) fn into_list(self) -> Vec<LostResource> {
        let without = self.known.into_iter().filter(|(_, sessions)| sessions.open.is_empty());
        let ended = without.filter_map(|(resource, sessions)| Some((resource, sessions.end?)));
        let lost = ended.filter(|(_, code)| !is_in_order(code));
        lost.map(|(resource, code)| LostResource { resource, code }).collect()
    }
}

/// Whether a session with this code ended because its client closed it, who may have something to do before the run ends.
pub(super) fn is_goodbye(code: &str) -> bool {
    code == GOODBYE
}

/// Whether the end of a session with this code is no loss.
fn is_in_order(code: &str) -> bool {
    IN_ORDER.contains(&code)
}

/// Adds those that the client says it had left before, if they are resources of the run and the log tells nothing
/// worse.
pub(super) fn closed(lost: &mut Vec<LostResource>, left: &[String], resources: &[String]) {
    for resource in resources.iter().filter(|resource| left.contains(resource)) {
        if !lost.iter().any(|known| known.resource == *resource) {
            lost.push(LostResource { resource: resource.clone(), code: CLOSED.to_owned() });
        }
    }
}

#[cfg(test)]
mod tests {
    use connect_shared::{grant::RunIdentity, ids::TunnelId};

    use super::*;

    const RUN: RunId = RunId::from_random([7; 16]);

    fn person(sub: &str) -> PrincipalRef {
        PrincipalRef { sub: sub.into(), idp: "https://id.test".into(), actor: None }
    }

    fn granted(number: u8, run: RunId, sub: &str) -> Entry {
        Entry::GrantIssued {
            grant: GrantId::from_random([number; 16]),
            principal: person(sub),
            name: sub.into(),
            groups: Vec::new(),
            resource: "shop".into(),
            actions: Vec::new(),
            reason: None,
            expires_at: 1,
            certificate: String::new(),
            run: Some(RunIdentity {
                id: run,
                job: "j".into(),
                key: String::new(),
                parent: None,
                resources: Vec::new(),
            }),
            task: None,
            parent: None,
            tables: Vec::new(),
            budget: None,
            approvals: BTreeMap::new(),
        }
    }

    fn opened(session: u8, grant: u8, resource: &str) -> Entry {
        Entry::SessionOpened {
            session: SessionId::from_random([session; 16]),
            tunnel: TunnelId::from_random([1; 16]),
            grant: GrantId::from_random([grant; 16]),
            principal: person("ana"),
            resource: resource.into(),
            client: String::new(),
            address: String::new(),
        }
    }

    fn ended(session: u8, code: &str) -> Entry {
        Entry::SessionClosed {
            session: SessionId::from_random([session; 16]),
            code: code.into(),
            micros: None,
        }
    }

    fn lost(entries: &[Entry]) -> Vec<(String, String)> {
        let mut lost = Lost::default();
        entries.iter().for_each(|entry| lost.visit(RUN, &person("ana"), entry));
        lost.into_list().into_iter().map(|one| (one.resource, one.code)).collect()
    }

    #[test]
    fn a_resource_is_lost_whose_last_session_nobody_closed_in_order() {
        let of = |resource: &str, code: &str| vec![(resource.to_owned(), code.to_owned())];
        let begun =
            [granted(1, RUN, "ana"), granted(2, RUN, "ana"), opened(1, 1, "shop"), opened(2, 2, "stock")];
        let after = |more: &[Entry]| lost(&[&begun[..], more].concat());
        assert_eq!(after(&[ended(1, "tunnel_closed"), ended(2, "run_ended")]), []);
        assert_eq!(after(&[ended(1, "tunnel_closed")]), [], "it goes on");
        for code in ["tunnel_lost", "grant_expired", "revoked", "agent_stopping"] {
            assert_eq!(after(&[ended(2, code), ended(1, "tunnel_closed")]), of("stock", code));
            // Somebody came back.
            assert_eq!(after(&[ended(2, code), granted(3, RUN, "ana"), opened(3, 3, "stock")]), []);
            let again = [ended(2, code), granted(3, RUN, "ana"), opened(3, 3, "stock"), ended(3, "revoked")];
            assert_eq!(after(&again), of("stock", "revoked"));
        }
        // A second session there hides no loss of the first, and loses nothing while the first goes on.
        let two = |ends: &[Entry]| after(&[&[opened(3, 1, "shop")], ends].concat());
        assert_eq!(two(&[ended(3, "tunnel_closed"), ended(1, "revoked")]), of("shop", "revoked"));
        assert_eq!(two(&[ended(3, "revoked")]), []);
        assert_eq!(two(&[ended(3, "revoked"), ended(1, "tunnel_closed")]), []);
        // Nor does one of a sub-agent.
        let handed = |number, giver: u8| {
            let mut entry = granted(number, RUN, "ana");
            if let Entry::GrantIssued { run, parent, .. } = &mut entry {
                (*run, *parent) = (None, Some(GrantId::from_random([giver; 16])));
            }
            entry
        };
        let part = [ended(1, "tunnel_closed"), handed(4, 1), opened(4, 4, "shop"), ended(4, "revoked")];
        assert_eq!(after(&part), of("shop", "revoked"));
        let strangers = [ended(1, "tunnel_closed"), handed(4, 9), opened(4, 4, "shop"), ended(4, "revoked")];
        assert_eq!(after(&strangers), []);
        // The agent was killed, and only one of the two came back.
        let started = Entry::AgentStarted {
            version: String::new(),
            config_digest: String::new(),
            policy_digest: String::new(),
            mode: String::new(),
        };
        assert_eq!(after(&[started, opened(3, 1, "shop")]), of("stock", AGENT_GONE));
    }

    #[test]
    fn sessions_of_other_runs_and_persons_say_nothing_and_a_client_only_of_its_own_resources() {
        let other = RunId::from_random([8; 16]);
        let entries = [
            granted(1, other, "ana"),
            granted(2, RUN, "eve"),
            opened(1, 1, "shop"),
            opened(2, 2, "shop"),
            ended(1, "revoked"),
            ended(2, "revoked"),
        ];
        assert_eq!(lost(&entries), []);
        let mut known = vec![LostResource { resource: "shop".into(), code: "revoked".into() }];
        let name = |name: &str| name.to_owned();
        closed(&mut known, &[name("shop"), name("stock"), name("else")], &[name("shop"), name("stock")]);
        let told: Vec<_> = known.iter().map(|one| (one.resource.as_str(), one.code.as_str())).collect();
        assert_eq!(told, [("shop", "revoked"), ("stock", "closed")]);
    }
}
