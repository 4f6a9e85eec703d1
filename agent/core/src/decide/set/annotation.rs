//! Annotations: what a policy obliges to beside permitting or forbidding. The list is closed, since one that
//! is misspelt would be passed over in silence.

use std::time::Duration;

use cedar_policy::{Effect, Policy};

use super::{PolicyProblem, Rule};
use crate::{principal::Resource, usage::persons::MOST_PERSONS};

/// Longest text of an annotation for people.
const MAX_TEXT: usize = 300;
/// Most persons who must approve one thing.
const MAX_COUNT: u32 = 5;
/// Longest time in which what was approved can be run.
const MAX_WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

const KNOWN: &str = "@id, @approval, @approvals, @approval_window, @approval_template, @mask, @unmask, @limit_rows, \
    @limit_change, @limit_time, @limit_rows_hour, @limit_bytes_hour, @limit_persons_hour, @limit_persons_day, \
    @shadow, @message and @hint";

/// Who must approve what a forbid is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// `group:X`, `principal:X`; empty: the approvers of the resource.
    pub who: Vec<String>,
    /// How many different persons.
    pub count: u32,
    /// How long it can be run once they have; `None`: as the agent is configured.
    pub window: Option<Duration>,
    /// Whether its form may be approved with any values.
    pub template: bool,
}

impl Approval {
    /// Whether there is anybody who could approve.
    pub fn asks_anybody(&self, resource: &Resource) -> bool {
        !self.who.is_empty() || !resource.approvers.is_empty()
    }
}

/// What a permit wants of protected columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MaskWish {
    /// Shown as they are.
    Clear,
    /// A mask from which nothing can be told, not even which values are equal.
    Neutral,
}

/// What a permit lets a statement take, or a principal within an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RuleLimits {
    pub rows: Option<u64>,
    pub change: Option<u64>,
    /// Milliseconds.
    pub time: Option<u64>,
    pub rows_hour: Option<u64>,
    pub bytes_hour: Option<u64>,
    pub persons_hour: Option<u64>,
    pub persons_day: Option<u64>,
}

impl RuleLimits {
    fn take(&mut self, name: &str, value: &str) -> Result<(), String> {
        let (place, number, example) = match name {
            "limit_rows" => (&mut self.rows, amount(value, ROWS), "10_000"),
            "limit_change" => (&mut self.change, amount(value, ROWS), "1_000"),
            "limit_time" => (&mut self.time, amount(value, TIMES), "30s"),
            "limit_rows_hour" => (&mut self.rows_hour, amount(value, ROWS), "100_000"),
            "limit_persons_hour" => (&mut self.persons_hour, persons(value), "1_000"),
            "limit_persons_day" => (&mut self.persons_day, persons(value), "5_000"),
            _ => (&mut self.bytes_hour, amount(value, SIZES), "1GiB"),
        };
        let bad = || format!("@{name}(\"{value}\"): write for example \"{example}\"");
        *place = Some(number.ok_or_else(bad)?);
        Ok(())
    }
}

impl Rule {
    /// Reads the annotations of a policy.
    pub(super) fn read(policy: &Policy, place: usize) -> Result<Self, Vec<PolicyProblem>> {
        let id = policy.annotation("id").map(str::to_owned);
        let named = |message: String| PolicyProblem::new(id.as_deref(), message);
        let mut problems = Vec::new();
        let Some(id) = id.clone().filter(|id| is_id(id)) else {
            let message =
                format!("policy {} needs an @id(\"…\") of letters, digits, `-`, `_`, `.` and `/`", place + 1);
            return Err(vec![PolicyProblem::new(None, message)]);
        };
        let mut rule = Self {
            id: id.clone(),
            place,
            effect: policy.effect(),
            approval: None,
            mask: None,
            limits: RuleLimits::default(),
            shadow: false,
            message: None,
            hint: None,
        };
        let mut counts = Counts::default();
        for (name, value) in policy.annotations() {
            if let Err(message) = rule.take(name, value, &mut counts) {
                problems.push(named(message));
            }
        }
        if rule.shadow && rule.limits != RuleLimits::default() {
            problems.push(named("a limit cannot be tried out by @shadow; give it a high number".to_owned()));
        }
        match &mut rule.approval {
            Some(approval) => {
                approval.count = counts.count.unwrap_or(1);
                approval.window = counts.window;
                approval.template = counts.template;
            }
            None if counts.is_some() => {
                let names = "@approvals, @approval_window and @approval_template";
                problems.push(named(format!("{names} need @approval beside them")));
            }
            None => {}
        }
        if problems.is_empty() { Ok(rule) } else { Err(problems) }
    }

    fn take(&mut self, name: &str, value: &str, counts: &mut Counts) -> Result<(), String> {
        let only = |effect: Effect, word: &str| {
            if self.effect == effect { Ok(()) } else { Err(format!("@{name} is for a {word}")) }
        };
        match name {
            "id" => {}
            "approval" => {
                only(Effect::Forbid, "forbid: what it is about waits for an approval")?;
                self.approval = Some(Approval { who: who(value)?, count: 1, window: None, template: false });
            }
            "approvals" => counts.count = Some(count(value)?),
            "approval_window" => counts.window = Some(window(value)?),
            "approval_template" => match value {
                "" => counts.template = true,
                _ => return Err(format!("@approval_template(\"{value}\"): it has no value")),
            },
            "mask" => {
                only(Effect::Permit, "permit")?;
                if value != "neutral" {
                    return Err(format!("@mask(\"{value}\") is not known; write @mask(\"neutral\")"));
                }
                self.mask = self.mask.max(Some(MaskWish::Neutral));
            }
            "unmask" => {
                only(Effect::Permit, "permit")?;
                self.mask = self.mask.max(Some(MaskWish::Clear));
            }
            "limit_rows" | "limit_change" | "limit_time" | "limit_rows_hour" | "limit_bytes_hour"
            | "limit_persons_hour" | "limit_persons_day" => {
                only(Effect::Permit, "permit")?;
                self.limits.take(name, value)?;
            }
            "shadow" => self.shadow = true,
            "message" => self.message = Some(words(value)?),
            "hint" => self.hint = Some(words(value)?),
            _ => return Err(format!("@{name} is not known; there are {KNOWN}")),
        }
        Ok(())
    }
}

#[derive(Default)]
struct Counts {
    count: Option<u32>,
    window: Option<Duration>,
    template: bool,
}

impl Counts {
    const fn is_some(&self) -> bool {
        self.count.is_some() || self.window.is_some() || self.template
    }
}

fn is_id(id: &str) -> bool {
    let good = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.' | '/');
    (1..=100).contains(&id.len()) && id.chars().all(good)
}

/// `approvers`, or a list of groups and principals.
fn who(value: &str) -> Result<Vec<String>, String> {
    if value == "approvers" || value.is_empty() {
        return Ok(Vec::new());
    }
    value
        .split(',')
        .map(|one| {
            let one = one.trim();
            match one.split_once(':') {
                Some(("group" | "principal", name)) if !name.is_empty() && name.trim() == name => {
                    Ok(one.to_owned())
                }
                _ => Err(format!(
                    "@approval(\"{value}\"): write \"approvers\", or \"group:NAME\" and \"principal:NAME\" \
                     with commas between"
                )),
            }
        })
        .collect()
}

/// Units, the longest first.
type Units = &'static [(&'static str, u64)];
const ROWS: Units = &[("", 1)];
const TIMES: Units = &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
const SIZES: Units = &[("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("", 1)];
/// Nothing that is limited is as large, and sums stay far from where numbers end.
const MAX_AMOUNT: u64 = 1 << 50;

/// Each of them is kept apart.
fn persons(value: &str) -> Option<u64> {
    amount(value, ROWS).filter(|most| *most <= MOST_PERSONS)
}

/// A number from 1 on, with `_` between its digits and one of the units behind it.
fn amount(value: &str, units: Units) -> Option<u64> {
    let (digits, unit) = units.iter().find_map(|(name, unit)| Some((value.strip_suffix(name)?, *unit)))?;
    let well_formed = digits.starts_with(|digit: char| digit.is_ascii_digit())
        && digits.chars().all(|digit| digit.is_ascii_digit() || digit == '_');
    let number: u64 = well_formed.then(|| digits.replace('_', "").parse().ok())??;
    number.checked_mul(unit).filter(|amount| (1..=MAX_AMOUNT).contains(amount))
}

fn count(value: &str) -> Result<u32, String> {
    let count = value.parse().ok().filter(|count| (1..=MAX_COUNT).contains(count));
    count.ok_or_else(|| format!("@approvals(\"{value}\"): write a number from 1 to {MAX_COUNT}"))
}

fn window(value: &str) -> Result<Duration, String> {
    let bad = || format!("@approval_window(\"{value}\"): write for example \"15m\", up to 24h");
    let (number, unit) = value.split_at_checked(value.len().saturating_sub(1)).ok_or_else(bad)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(bad()),
    };
    let number: u64 = number.parse().map_err(|_| bad())?;
    let window = Duration::from_secs(number.saturating_mul(seconds));
    if window.is_zero() || window > MAX_WINDOW { Err(bad()) } else { Ok(window) }
}

/// It goes onto screens and into the log.
fn words(value: &str) -> Result<String, String> {
    if value.is_empty() || value.chars().count() > MAX_TEXT || value.chars().any(char::is_control) {
        return Err(format!("a text for people is one line of up to {MAX_TEXT} characters"));
    }
    Ok(value.to_owned())
}
