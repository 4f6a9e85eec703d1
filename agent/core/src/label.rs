//! Labels with zero configuration: what a column holds, by its name, type and a bounded sample.
