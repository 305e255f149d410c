//! A stranger between the command and a sandbox: notes every request, answers some by itself, passes
//! the rest on.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Long enough for any answer of a sandbox, and short enough that no test hangs.
const LIMIT: Duration = Duration::from_secs(30);

/// An answer of the stranger's own.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Further headers, each a line without its end.
    pub headers: Vec<String>,
    /// The body, as it goes over the wire.
    pub body: String,
}

/// What the stranger says to a request; `None`: it is passed on.
type Says = dyn Fn(&str) -> Option<Answer> + Send + Sync;

/// A listening relay, until it is dropped.
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    /// `HOST:PORT` of the sandbox.
    behind: String,
    says: Box<Says>,
    seen: Mutex<Vec<String>>,
    is_over: AtomicBool,
}

impl Relay {
    /// Stands before the sandbox at `http://HOST:PORT`. `says` is given each request whole, head and body.
    ///
    /// # Panics
    /// When this machine has no port left.
    pub fn before(url: &str, says: impl Fn(&str) -> Option<Answer> + Send + Sync + 'static) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let behind = url.trim_start_matches("http://").to_owned();
        let shared =
            Arc::new(Shared { behind, says: Box::new(says), seen: Mutex::default(), is_over: AtomicBool::new(false) });
        let serving = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if serving.is_over.load(Ordering::SeqCst) {
                    break;
                }
                let (Ok(stream), serving) = (stream, Arc::clone(&serving)) else { continue };
                std::thread::spawn(move || serving.answer(&stream, address));
            }
        });
        Relay { address, shared, thread: Some(thread) }
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far, head and body.
    pub fn seen(&self) -> Vec<String> {
        self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // Whatever comes next wakes the listener up to find that out.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// One request a connection. A client that goes away in the middle is none of the relay's business.
    fn answer(&self, stream: &TcpStream, own: SocketAddr) {
        let Ok(request) = read_request(stream) else { return };
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
        match (self.says)(&request) {
            Some(answer) => send(stream, &answer),
            None => pass_on(&request, stream, &self.behind, own),
        }
    }
}

fn read_request(stream: &TcpStream) -> std::io::Result<String> {
    stream.set_read_timeout(Some(LIMIT))?;
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(head + &String::from_utf8_lossy(&body))
}

fn send(mut stream: &TcpStream, answer: &Answer) {
    let Answer { status, headers, body } = answer;
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let _ = write!(
        stream,
        "HTTP/1.1 {status} Said\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.shutdown(Shutdown::Write);
}

/// Passes a request on and its answer back as it comes. An API server's address is made the relay's,
/// so that calls to it come this way as well: both ports have five digits.
fn pass_on(request: &str, mut client: &TcpStream, behind: &str, own: SocketAddr) {
    let Ok(mut server) = TcpStream::connect(behind) else { return };
    let _ = server.set_read_timeout(Some(LIMIT));
    if server.write_all(request.replacen("\r\n", "\r\nconnection: close\r\n", 1).as_bytes()).is_err() {
        return;
    }
    if request.starts_with("GET /clusters/") {
        let mut answer = String::new();
        let _ = server.read_to_string(&mut answer);
        let _ = client.write_all(answer.replace(behind, &own.to_string()).as_bytes());
    } else {
        let _ = std::io::copy(&mut server, &mut client);
    }
    let _ = client.shutdown(Shutdown::Write);
}
