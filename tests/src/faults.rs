//! A bad network between a client and an agent: a relay for UDP and TCP on one port, which loses, delays,
//! reorders, swallows, cuts after so many bytes, and changes its own address towards the agent.

use std::{
    collections::{BinaryHeap, HashMap},
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crate::{generate::dice::Dice, process::PATIENCE};

/// Longest datagram.
const DATAGRAM: usize = 65_536;
/// How often a thread looks whether the relay still is.
const GLANCE: Duration = Duration::from_millis(50);

/// What happens to datagrams.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    /// Of 1,000 datagrams, so many are lost.
    pub loss: u32,
    /// Of 1,000, so many come after those that follow.
    pub reorder: u32,
    pub delay: Duration,
}

/// A relay; it ends with this value.
pub struct Faults {
    port: u16,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    agent: SocketAddr,
    front: UdpSocket,
    over: AtomicBool,
    state: Mutex<State>,
    news: Condvar,
}

struct State {
    weather: Weather,
    dice: Dice,
    udp: Way,
    tcp: Way,
    /// Datagrams are swallowed when so many more bytes have passed.
    cut_after: Option<usize>,
    /// Sockets towards the agent, by client.
    flows: HashMap<SocketAddr, Arc<UdpSocket>>,
    /// Every TCP connection that was accepted.
    streams: Vec<TcpStream>,
    /// Clients that were seen: each is another address of a client.
    addresses: usize,
    waiting: BinaryHeap<Waiting>,
    count: u64,
}

/// Whether anything gets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Open,
    /// Nothing arrives, and nobody says so.
    Swallow,
}

struct Waiting {
    at: Instant,
    number: u64,
    socket: Arc<UdpSocket>,
    to: Option<SocketAddr>,
    bytes: Vec<u8>,
}

impl Faults {
    /// A relay in front of `agent` (`127.0.0.1:PORT`), in good weather.
    ///
    /// # Panics
    /// No port can be had.
    #[must_use]
    pub fn before(agent: &str) -> Self {
        let agent = agent.parse().expect("an address");
        let (front, listener, port) = bind();
        front.set_read_timeout(Some(GLANCE)).expect("a timeout");
        let state = State {
            weather: Weather::default(),
            dice: Dice::new(0x0DDB_A115),
            udp: Way::Open,
            tcp: Way::Open,
            cut_after: None,
            flows: HashMap::new(),
            streams: Vec::new(),
            addresses: 0,
            waiting: BinaryHeap::new(),
            count: 0,
        };
        let over = AtomicBool::new(false);
        let shared = Arc::new(Shared { agent, front, over, state: Mutex::new(state), news: Condvar::new() });
        let run = |work: fn(&Arc<Shared>)| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || work(&shared))
        };
        let mut threads = vec![run(carry_up), run(deliver_late)];
        let accepting = Arc::clone(&shared);
        threads.push(std::thread::spawn(move || accept(&accepting, &listener)));
        Self { port, shared, threads }
    }

    /// What a client takes for the agent's.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    pub fn weather(&self, weather: Weather) {
        self.shared.lock().weather = weather;
    }

    /// What happens to UDP from now on.
    pub fn udp(&self, way: Way) {
        let mut state = self.shared.lock();
        state.udp = way;
        state.cut_after = None;
        self.shared.news.notify_all();
    }

    /// What happens to TCP from now on. Connections that were open are swallowed with the rest, and cut when
    /// the way opens again.
    pub fn tcp(&self, way: Way) {
        let mut state = self.shared.lock();
        state.tcp = way;
        for stream in state.streams.drain(..) {
            let _gone = stream.shutdown(std::net::Shutdown::Both);
        }
    }

    /// Nothing gets through, by UDP or TCP.
    pub fn blackhole(&self) {
        self.udp(Way::Swallow);
        self.tcp(Way::Swallow);
    }

    /// Everything gets through again.
    pub fn heal(&self) {
        self.tcp(Way::Open);
        self.udp(Way::Open);
    }

    /// When so many more bytes have passed, either way, UDP is swallowed.
    pub fn cut_after(&self, bytes: usize) {
        self.shared.lock().cut_after = Some(bytes);
    }

    /// Waits until it is cut.
    ///
    /// # Panics
    /// So many bytes do not come.
    pub fn wait_until_cut(&self) {
        let waited =
            self.shared.news.wait_timeout_while(self.shared.lock(), PATIENCE, |state| state.udp == Way::Open);
        let (_state, time) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!time.timed_out(), "too little passed to be cut");
    }

    /// Towards the agent, every client has another address from now on, as when a router forgets; what is on
    /// its way to the old one is lost.
    pub fn forget(&self) {
        self.shared.lock().flows.clear();
    }

    /// From how many addresses clients have sent datagrams.
    #[must_use]
    pub fn addresses(&self) -> usize {
        self.shared.lock().addresses
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        self.shared.news.notify_all();
        self.tcp(Way::Swallow);
        for thread in self.threads.drain(..) {
            let _ended = thread.join();
        }
    }
}

/// UDP and TCP on one free port.
fn bind() -> (UdpSocket, TcpListener, u16) {
    for _ in 0..16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let address = listener.local_addr().expect("bound");
        if let Ok(front) = UdpSocket::bind(address) {
            listener.set_nonblocking(true).expect("it can");
            return (front, listener, address.port());
        }
    }
    panic!("no port is free for both UDP and TCP");
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Sends a datagram as the weather is.
    fn send(&self, socket: &Arc<UdpSocket>, to: Option<SocketAddr>, bytes: &[u8]) {
        let mut state = self.lock();
        if let Some(left) = state.cut_after {
            state.cut_after = left.checked_sub(bytes.len());
            if state.cut_after.is_none() {
                state.udp = Way::Swallow;
                self.news.notify_all();
            }
        }
        if state.udp == Way::Swallow || state.dice.below(1_000) < state.weather.loss as usize {
            return;
        }
        let late = state.dice.below(1_000) < state.weather.reorder as usize;
        let delay = state.weather.delay + if late { Duration::from_millis(20) } else { Duration::ZERO };
        if delay.is_zero() {
            drop(state);
            let _lost = transmit(socket, to, bytes);
            return;
        }
        state.count += 1;
        let (number, at) = (state.count, Instant::now() + delay);
        state.waiting.push(Waiting { at, number, socket: Arc::clone(socket), to, bytes: bytes.to_vec() });
        self.news.notify_all();
    }
}

fn transmit(socket: &UdpSocket, to: Option<SocketAddr>, bytes: &[u8]) -> io::Result<usize> {
    match to {
        Some(to) => socket.send_to(bytes, to),
        None => socket.send(bytes),
    }
}

/// Datagrams of clients, each client through a socket of its own.
fn carry_up(shared: &Arc<Shared>) {
    let mut bytes = vec![0; DATAGRAM];
    let mut seen = std::collections::HashSet::new();
    while !shared.is_over() {
        let Ok((length, client)) = shared.front.recv_from(&mut bytes) else { continue };
        let mut state = shared.lock();
        if seen.insert(client) {
            state.addresses += 1;
        }
        let flow = state.flows.entry(client).or_insert_with(|| {
            let socket = UdpSocket::bind(("127.0.0.1", 0)).expect("a port");
            socket.connect(shared.agent).expect("an address");
            socket.set_read_timeout(Some(GLANCE)).expect("a timeout");
            let socket = Arc::new(socket);
            let (shared, back) = (Arc::clone(shared), Arc::clone(&socket));
            std::thread::spawn(move || carry_down(&shared, &back, client));
            socket
        });
        let flow = Arc::clone(flow);
        drop(state);
        shared.send(&flow, None, &bytes[..length]);
    }
}

/// Datagrams for one client, until the flow is forgotten.
fn carry_down(shared: &Arc<Shared>, flow: &Arc<UdpSocket>, client: SocketAddr) {
    let front = Arc::new(shared.front.try_clone().expect("a descriptor"));
    let mut bytes = vec![0; DATAGRAM];
    while !shared.is_over() {
        let received = flow.recv(&mut bytes);
        let state = shared.lock();
        if !state.flows.get(&client).is_some_and(|current| Arc::ptr_eq(current, flow)) {
            return;
        }
        let Ok(length) = received else { continue };
        drop(state);
        shared.send(&front, Some(client), &bytes[..length]);
    }
}

/// Datagrams that wait for their time.
fn deliver_late(shared: &Arc<Shared>) {
    let mut state = shared.lock();
    while !shared.is_over() {
        let now = Instant::now();
        if state.waiting.peek().is_some_and(|first| first.at <= now) {
            if let Some(due) = state.waiting.pop()
                && state.udp == Way::Open
            {
                let _lost = transmit(&due.socket, due.to, &due.bytes);
            }
            continue;
        }
        let wait = state.waiting.peek().map_or(GLANCE, |first| first.at.saturating_duration_since(now));
        state = shared.news.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
    }
}

fn accept(shared: &Arc<Shared>, listener: &TcpListener) {
    while !shared.is_over() {
        let Ok((client, _)) = listener.accept() else {
            std::thread::sleep(GLANCE);
            continue;
        };
        let _same = client.set_nonblocking(false);
        let mut state = shared.lock();
        if let Ok(kept) = client.try_clone() {
            state.streams.push(kept);
        }
        if state.tcp == Way::Swallow {
            // Accepted, because the system did so, and never answered.
            continue;
        }
        let Ok(agent) = TcpStream::connect(shared.agent) else { continue };
        let _fast = (client.set_nodelay(true), agent.set_nodelay(true));
        state.streams.extend(agent.try_clone());
        drop(state);
        let (Ok(client_too), Ok(agent_too)) = (client.try_clone(), agent.try_clone()) else { continue };
        std::thread::spawn(move || pipe(client, agent));
        std::thread::spawn(move || pipe(agent_too, client_too));
    }
}

fn pipe(mut from: TcpStream, mut to: TcpStream) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(length) = from.read(&mut bytes) {
        if length == 0 || to.write_all(&bytes[..length]).is_err() {
            break;
        }
    }
    let _ended = (to.shutdown(std::net::Shutdown::Both), from.shutdown(std::net::Shutdown::Both));
}

/// The earliest is the greatest, as the heap wants it.
impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Waiting {}
