//! A disk that fills up: nothing new begins, what runs is closed in the log, and all goes on by itself when
//! there is space again. It needs a small file system of its own, which only root can mount.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use connect_tests::{
    agent::SHOP,
    leaves,
    process::{self, Finished},
    world::World,
};

/// A mounted file system; gone when dropped.
struct Small(PathBuf);

impl Small {
    /// Mounts one over a folder, with what is in it. `None`: this user may not.
    fn over(folder: &Path, megabytes: u32) -> Option<Self> {
        let kept = folder.with_extension("kept");
        process::run(Command::new("cp").arg("-a").arg(folder).arg(&kept)).good();
        let size = format!("size={megabytes}m,mode=0700");
        let mounted =
            process::run(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder));
        if mounted.code != 0 {
            return None;
        }
        let this = Self(folder.to_owned());
        process::run(Command::new("cp").arg("-a").arg(kept.join(".")).arg(folder)).good();
        Some(this)
    }

    /// Leaves so many bytes.
    fn fill(&self, but: u64) {
        let free = self.free();
        let mut file = File::options().append(true).create(true).open(self.0.join("filler")).expect("a file");
        let mut left = free.saturating_sub(but);
        while left > 0 {
            let chunk = vec![1; usize::try_from(left.min(1 << 20)).expect("small")];
            if file.write_all(&chunk).is_err() {
                return;
            }
            left -= chunk.len() as u64;
        }
    }

    fn free(&self) -> u64 {
        let out = process::run(Command::new("df").args(["--output=avail", "-B1"]).arg(&self.0)).good();
        out.lines().nth(1).and_then(|line| line.trim().parse().ok()).expect("a number")
    }

    fn empty(&self) {
        fs::remove_file(self.0.join("filler")).expect("removed");
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _gone = process::run(Command::new("umount").arg("-l").arg(&self.0));
    }
}

fn until(what: &str, mut wanted: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !wanted() {
        assert!(Instant::now() < end, "{what} did not happen");
    }
}

#[test]
fn a_full_disk_stops_statements_within_one_and_space_brings_them_back_without_a_restart() {
    let mut world = World::start();
    let ana = world.person("ana");
    world.agent.stop();
    let state = world.agent.config().with_file_name("state").join("log");
    let Some(small) = Small::over(&state, 64) else {
        eprintln!("only root can mount a small disk: not tested");
        return;
    };
    world.agent.restart();
    let select = || -> Finished { ana.runs(&["exec", SHOP, "--", "psql", "-Xc", "SELECT 1"]) };
    until("a first statement", || select().code == 0);
    let tunnel = ana.open(SHOP);
    assert_eq!(tunnel.psql("SELECT 1;").code, 0);

    // Nearly full: nobody new is let in, and who is in goes on.
    small.fill(5 << 20);
    until("a refusal of new sessions", || select().code == 125);
    assert_eq!(tunnel.psql("SELECT 2;").code, 0);

    // Full: as soon as the room that was set aside is used, nothing begins any more.
    small.fill(0);
    let many: String = (0..40_000).map(|number| format!("SELECT {number};\n")).collect();
    let stopped = tunnel.psql(&many);
    assert_ne!(stopped.code, 0, "40,000 statements fitted");
    let after = tunnel.psql("SELECT 3;");
    assert_ne!(after.code, 0, "{}", after.stdout);

    small.empty();
    until("a statement after there is space again", || tunnel.psql("SELECT 4;").code == 0);
    until("a session after there is space again", || select().code == 0);
    drop(tunnel);
    world.agent.stop();
    let log = world.agent.log();
    let verified = ana.runs(&["audit", "verify", "--log", &log.display().to_string()]);
    assert_eq!(verified.code, 0, "{}\n{}", verified.stdout, verified.stderr);
    let leaves = leaves::read(&log);
    let starts = leaves::of_kind(&leaves, "agent_started").len();
    assert_eq!(starts, 2, "it was not started again");
    let (begun, ended) =
        (leaves::of_kind(&leaves, "intent").len(), leaves::of_kind(&leaves, "outcome").len());
    assert_eq!(begun, ended, "every statement has its end");
}
