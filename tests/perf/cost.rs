//! What our processes cost: processor time, and memory.

use std::fs;

/// Ticks of processor time a second, as Linux tells them to everybody.
const TICKS: f64 = 100.0;

/// Seconds of processor time that a process has used.
pub(crate) fn processor(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs");
    // Behind the name, which may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(") ").expect("a name").1.split(' ').collect();
    let ticks = |index: usize| fields[index].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) / TICKS
}

/// KiB of memory that a process holds.
pub(crate) fn memory(process: u32) -> f64 {
    size(process, "VmRSS:")
}

/// KiB of memory that a process has held at most.
pub(crate) fn most_memory(process: u32) -> f64 {
    size(process, "VmHWM:")
}

fn size(process: u32, name: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a size");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
