//! Where tunnels run: a few threads, each with a scheduler of its own. A tunnel and all of its database
//! connections stay on one of them, so that a byte on its way through the agent wakes no second thread.
//!
//! What takes long and does not wait (reading a statement of a megabyte) must not hold up the other tunnels
//! of its thread: it goes through [`away`].

mod turns;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::runtime::{Builder, Handle, Runtime};

use self::turns::Turns;

/// Most threads; beyond that the databases are the limit.
const MAX_SHARDS: usize = 16;
/// How long what still runs at the end may take to notice.
const STOP_TIME: Duration = Duration::from_secs(1);

/// Most that is done [`away`] at once.
const MOST_AWAY: usize = 8;

static TURNS: Turns = Turns::new();

/// The threads. They end with this value.
pub struct Shards {
    shards: Vec<Shard>,
}

struct Shard {
    /// `None` while it is dropped.
    runtime: Option<Runtime>,
    tunnels: Arc<AtomicUsize>,
}

/// A place on one of the threads; given back when this is dropped.
#[derive(Debug)]
pub struct ShardPlace {
    handle: Handle,
    tunnels: Arc<AtomicUsize>,
}

impl Shards {
    /// One thread for each core.
    ///
    /// # Errors
    /// The system gives no threads.
    pub fn start() -> io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let shards = (0..cores.min(MAX_SHARDS)).map(|_| {
            let runtime =
                Builder::new_multi_thread().worker_threads(1).thread_name("tunnels").enable_all().build()?;
            Ok(Shard { runtime: Some(runtime), tunnels: Arc::default() })
        });
        Ok(Self { shards: shards.collect::<io::Result<_>>()? })
    }

    /// The thread that also reads the socket: a tunnel there needs no second one.
    pub fn first(&self) -> Option<Handle> {
        self.shards.first()?.handle()
    }

    /// A place on the thread with the fewest tunnels, the first of them if there are several.
    pub fn place(&self) -> Option<ShardPlace> {
        let shard = self.shards.iter().min_by_key(|shard| shard.tunnels.load(Ordering::Relaxed))?;
        shard.tunnels.fetch_add(1, Ordering::Relaxed);
        Some(ShardPlace { handle: shard.handle()?, tunnels: Arc::clone(&shard.tunnels) })
    }
}

impl Shard {
    fn handle(&self) -> Option<Handle> {
        Some(self.runtime.as_ref()?.handle().clone())
    }
}

impl Drop for Shard {
    fn drop(&mut self) {
        // A runtime may be dropped by a task of another one, which must not wait.
        if let Some(runtime) = self.runtime.take() {
            std::thread::spawn(move || runtime.shutdown_timeout(STOP_TIME));
        }
    }
}

impl ShardPlace {
    /// For spawning there.
    pub const fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for ShardPlace {
    fn drop(&mut self) {
        self.tunnels.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Does what may take long while others of this thread go on, on a thread of its own. What it takes of memory
/// (half a gibibyte for the worst text of a mebibyte) is bounded by how many go on at once, and can be given back:
/// the allocator keeps an arena for each thread that was ever busy at the same time.
pub fn away<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    tokio::task::block_in_place(|| {
        let _turn = TURNS.take();
        std::thread::scope(|scope| match scope.spawn(work).join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tunnels_spread_over_the_threads_and_give_their_places_back() {
        let shards = Shards::start().expect("threads");
        let count = shards.shards.len();
        let places: Vec<_> = (0..2 * count).map(|_| shards.place().expect("a place")).collect();
        assert!(shards.shards.iter().all(|shard| shard.tunnels.load(Ordering::Relaxed) == 2));
        drop(places);
        assert!(shards.shards.iter().all(|shard| shard.tunnels.load(Ordering::Relaxed) == 0));
    }

    #[test]
    fn work_that_takes_long_holds_up_nobody_on_the_same_thread() {
        let shards = Shards::start().expect("threads");
        let handle = shards.first().expect("a thread");
        let (told, heard) = std::sync::mpsc::channel();
        let busy = handle.spawn(async move { away(|| heard.recv().expect("told")) });
        // If it were held up, nobody would ever tell the first one.
        let other = handle.spawn(async move { told.send(7).expect("heard") });
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(other).expect("no panic");
        assert_eq!(runtime.block_on(busy).expect("no panic"), 7);
    }
}
