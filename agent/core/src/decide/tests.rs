//! The default policy, rule by rule.
