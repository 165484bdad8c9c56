use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::names::LookingUp;
use super::*;

/// Names that lead to one address the first time and to another one later.
#[derive(Debug)]
struct Turning {
    answers: Vec<Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl Turning {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let read = |addresses: &&[&str]| addresses.iter().map(|address| address.parse().unwrap()).collect();
        Arc::new(Self { answers: answers.iter().map(read).collect(), asked: AtomicUsize::new(0) })
    }
}

impl Names for Turning {
    fn look_up(&self, _: &str) -> LookingUp {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        let answer = self.answers.get(asked).or(self.answers.last()).cloned();
        Box::pin(async move { answer.ok_or_else(|| io::Error::other("no such name")) })
    }
}

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

async fn post(outgoing: &Outgoing, address: &str) -> Result<Answer, Unanswered> {
    outgoing.post(address, |_| HeaderMap::new(), Bytes::from_static(b"{}"), NOW).await
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_when_it_is_given_and_when_it_is_used() {
    for inside in [&["10.0.0.1"][..], &["8.8.8.8", "127.0.0.1"], &["::ffff:127.0.0.1"], &["169.254.169.254"]] {
        let outgoing = Outgoing::with_names(AddressRules::default(), Turning::new(&[inside])).unwrap();
        assert_eq!(outgoing.check("https://push.example/x").await, Err(Unwelcome::NotPublic), "{inside:?}");
        let sent = post(&outgoing, "https://push.example/x").await;
        assert_eq!(sent, Err(Unanswered::Unwelcome(Unwelcome::NotPublic)), "{inside:?}");
    }
    // It led to the open Internet when it was given, and to this machine afterwards.
    let names = Turning::new(&[&["8.8.8.8"], &["127.0.0.1"]]);
    let outgoing = Outgoing::with_names(AddressRules::default(), Arc::clone(&names) as Arc<dyn Names>).unwrap();
    outgoing.check("https://push.example/x").await.unwrap();
    let sent = post(&outgoing, "https://push.example/x").await;
    assert_eq!(sent, Err(Unanswered::Unwelcome(Unwelcome::NotPublic)));
    assert_eq!(names.asked.load(Ordering::Relaxed), 2, "once each time");
}

#[tokio::test]
async fn a_name_that_nobody_knows_now_may_be_known_later() {
    let outgoing = Outgoing::with_names(AddressRules::default(), Turning::new(&[])).unwrap();
    outgoing.check("https://push.example/x").await.unwrap();
    assert_eq!(post(&outgoing, "https://push.example/x").await, Err(Unanswered::Unreachable("no connection")));
}

/// Answers everything with this; how many requests came is counted.
async fn service(answer: &'static str, keep_open: bool) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let read = socket.read(&mut request).await.unwrap();
            heard.lock().unwrap().push(String::from_utf8_lossy(&request[..read]).into_owned());
            // The other end may have had enough by then.
            let _ = socket.write_all(answer.as_bytes()).await;
            if keep_open {
                std::mem::forget(socket);
            }
        }
    });
    (address, asked)
}

fn anywhere() -> Outgoing {
    Outgoing::new(AddressRules { allow_private: true, ..AddressRules::default() }).unwrap()
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let (inside, asked_inside) = service("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", false).await;
    let redirect = format!("HTTP/1.1 307 x\r\nlocation: http://{inside}/secret\r\ncontent-length: 0\r\n\r\n");
    let (outside, asked) = service(redirect.leak(), false).await;
    let answer = post(&anywhere(), &format!("http://{outside}/x")).await.unwrap();
    assert_eq!((answer.status.as_u16(), asked.lock().unwrap().len()), (307, 1));
    assert_eq!(asked_inside.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn of_an_endless_answer_little_is_read() {
    let endless = format!("HTTP/1.1 201 x\r\ncontent-length: 1000000000\r\n\r\n{}", "x".repeat(64 << 10));
    let (address, asked) = service(endless.leak(), true).await;
    let answer = post(&anywhere(), &format!("http://{address}/x")).await.unwrap();
    assert_eq!(answer.status.as_u16(), 201);
    assert!(asked.lock().unwrap()[0].starts_with("POST /x HTTP/1.1\r\n"));
    let headers = format!("HTTP/1.1 201 x\r\nx: {}\r\n\r\n", "x".repeat(64 << 10));
    let (address, _) = service(headers.leak(), true).await;
    let answer = post(&anywhere(), &format!("http://{address}/x")).await;
    assert_eq!(answer, Err(Unanswered::Unreachable("the connection broke off")));
}

#[tokio::test]
async fn who_does_not_answer_is_not_waited_for() {
    let (address, _) = service("HTTP/1.1 201 x\r\nretry-af", true).await;
    let outgoing = anywhere().waiting(Duration::from_millis(50));
    let answer = post(&outgoing, &format!("http://{address}/x")).await;
    assert_eq!(answer, Err(Unanswered::Unreachable("no answer in time")));
}

#[tokio::test]
async fn how_long_to_wait_is_heard() {
    let (address, _) = service("HTTP/1.1 429 x\r\nretry-after: 90\r\ncontent-length: 0\r\n\r\n", false).await;
    let answer = post(&anywhere(), &format!("http://{address}/x")).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.retry_after), (429, Some(Duration::from_secs(90))));
}
