//! A server that speaks as much of Redis's protocol as to note what it is asked, and to give one answer to each command.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

/// What the server was asked, without what clients say at the beginning.
pub(crate) type Asked = Arc<Mutex<Vec<String>>>;

/// Starts the server: its URL, and what it is asked from then on.
pub(crate) async fn start(answer: fn(&str) -> &'static str) -> (String, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("redis://user:hunter2@{}/3", listener.local_addr().expect("a port"));
    let asked = Asked::default();
    let noted = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&noted), answer));
        }
    });
    (url, asked)
}

async fn serve(stream: TcpStream, asked: Asked, answer: fn(&str) -> &'static str) {
    let mut stream = BufReader::new(stream);
    while let Some(words) = command(&mut stream).await {
        let answer = match words[0].as_str() {
            "CLIENT" | "AUTH" | "SELECT" | "PING" => "+OK\r\n",
            name => {
                let answer = answer(name);
                asked.lock().expect("not poisoned").push(words.join(" "));
                answer
            }
        };
        stream.get_mut().write_all(answer.as_bytes()).await.expect("the client listens");
    }
}

/// The words of the next command; `None` when the client is gone.
async fn command(stream: &mut BufReader<TcpStream>) -> Option<Vec<String>> {
    let words = number(stream, '*').await?;
    let mut command = Vec::new();
    for _ in 0..words {
        let size = number(stream, '$').await?;
        let mut word = vec![0; size + 2];
        stream.read_exact(&mut word).await.ok()?;
        word.truncate(size);
        command.push(String::from_utf8(word).expect("text"));
    }
    Some(command)
}

async fn number(stream: &mut BufReader<TcpStream>, mark: char) -> Option<usize> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    line.trim_end().strip_prefix(mark)?.parse().ok()
}
