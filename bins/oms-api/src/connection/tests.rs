//! Tests of connections over a running server. Those of one connection's state are beside it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use actix_web::{App, web};
use tokio::sync::Notify;

use super::*;

const KEEP_ALIVE: Duration = Duration::from_millis(100);

/// What keeps the only worker of the server busy.
struct Work {
    waits: Sender<()>,
    answered: Notify,
    is_busy: Sender<()>,
    ends: Mutex<Receiver<()>>,
}

/// Runs a server with one worker. `GET /work` waits until another request is answered, and then keeps the worker busy.
fn start(work: Work) -> SocketAddr {
    let listeners = listen("127.0.0.1", 0).unwrap();
    let address = listeners[0].local_addr().unwrap();
    let work = web::Data::new(work);
    let app = move || {
        App::new()
            .app_data(work.clone())
            .route("/work", web::get().to(be_busy))
            .default_service(web::to(async |work: web::Data<Work>| {
                work.answered.notify_one();
                "done"
            }))
            .wrap(actix_web::middleware::from_fn(watch))
    };
    let limits = ConnectionLimits {
        head_timeout: Duration::from_secs(60),
        keep_alive: KEEP_ALIVE,
        send_timeout: Duration::from_secs(60),
        stopping: CancellationToken::new(),
    };
    thread::spawn(move || {
        actix_web::rt::System::new().block_on(async {
            let server = ServerBuilder::default().workers(1).disable_signals();
            serve(server, listeners, app, &limits).unwrap().run().await
        })
    });
    address
}

async fn be_busy(work: web::Data<Work>) -> &'static str {
    work.waits.send(()).unwrap();
    work.answered.notified().await;
    work.is_busy.send(()).unwrap();
    work.ends.lock().unwrap().recv().unwrap();
    "done"
}

fn request(client: &mut TcpStream, path: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    client.write_all(request.as_bytes()).unwrap();
}

fn is_answered(client: &mut TcpStream) -> bool {
    let mut answer = Vec::new();
    let mut piece = [0; 1024];
    while !answer.ends_with(b"done") {
        match client.read(&mut piece) {
            Ok(read) if read > 0 => answer.extend_from_slice(&piece[..read]),
            _ => return false,
        }
    }
    answer.starts_with(b"HTTP/1.1 200 ")
}

#[test]
fn the_last_part_of_an_answer_does_not_wait_for_the_client_to_acknowledge_the_others() {
    let listeners = listen("127.0.0.1", 0).unwrap();
    let _client = TcpStream::connect(listeners[0].local_addr().unwrap()).unwrap();
    let (accepted, _) = listeners[0].accept().unwrap();
    assert!(accepted.nodelay().unwrap());
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the end of a keep-alive can be reached only by letting its time pass"
)]
fn a_request_that_arrived_while_the_worker_was_busy_is_answered_even_if_the_keep_alive_has_ended() {
    let (waits, work_waits) = mpsc::channel();
    let (is_busy, worker_is_busy) = mpsc::channel();
    let (end, ends) = mpsc::channel();
    let address = start(Work {
        waits,
        answered: Notify::new(),
        is_busy,
        ends: Mutex::new(ends),
    });
    let mut busy = TcpStream::connect(address).unwrap();
    let mut idle = TcpStream::connect(address).unwrap();
    request(&mut busy, "/work");
    work_waits.recv().unwrap();
    request(&mut idle, "/");
    worker_is_busy.recv().unwrap();
    assert!(is_answered(&mut idle));
    request(&mut idle, "/");
    // The worker is busy for longer than an idle connection is kept.
    thread::sleep(2 * KEEP_ALIVE);
    end.send(()).unwrap();
    assert!(is_answered(&mut busy));
    assert!(is_answered(&mut idle));
    // Without a request, the connection is closed.
    assert_eq!(idle.read(&mut [0]).unwrap(), 0);
}
