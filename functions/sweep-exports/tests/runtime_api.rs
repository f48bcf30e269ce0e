//! The real binary against one loopback server that plays both Lambda's Runtime API and S3.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

const EVENT: &str = include_str!("../events/hourly.json");
const EMPTY_LISTING: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>archive</Name><Prefix>open/</Prefix><KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>"#;

/// A start takes a second at most; a loaded machine may need more.
const TIMEOUT: Duration = Duration::from_mins(1);

#[derive(Debug)]
struct Request {
    line: String,
    body: String,
}

/// A running function, killed at the end of the test.
struct Function(Child);

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_sweep_of_an_empty_archive_returns_an_empty_list() {
    let (address, requests) = serve().unwrap();

    let _function = Function(function(address).spawn().unwrap());

    let received: Vec<_> = (0..6)
        .map(|_| requests.recv_timeout(TIMEOUT).unwrap())
        .collect();
    assert_eq!(
        received[0].line,
        "GET /2018-06-01/runtime/invocation/next HTTP/1.1"
    );
    for (request, folder) in received[1..5]
        .iter()
        .zip(["open", "owed", "resumes", "live"])
    {
        assert!(request.line.starts_with("GET /archive"), "{request:?}");
        let prefix = format!("prefix={folder}%2F");
        assert!(request.line.contains(&prefix), "{request:?}");
    }
    assert_eq!(
        received[5].line,
        "POST /2018-06-01/runtime/invocation/request-1/response HTTP/1.1"
    );
    assert_eq!(received[5].body, "[]");
}

#[test]
fn a_function_with_invalid_settings_exits_and_names_them_all() {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    let mut command = function(nowhere);
    command
        .env_remove("ARCHIVE_BUCKET")
        .env("MAX_OPEN_SLICES", "many");

    let output = command.stderr(Stdio::piped()).output().unwrap();

    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "Error: ARCHIVE_BUCKET is not set\nMAX_OPEN_SLICES is `many`: a whole number from 1 to 100\n"
    );
}

fn function(server: SocketAddr) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sweep-exports"));
    command
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command.envs([
        ("AWS_LAMBDA_FUNCTION_NAME", "sweep-exports"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_S3_FORCE_PATH_STYLE", "true"),
        ("ARCHIVE_BUCKET", "archive"),
        (
            "SIGNING_KEY_ARN",
            "arn:aws:kms:eu-central-1:123456789012:key/0f8f",
        ),
        ("PAGE_QUEUE_URL", "http://127.0.0.1/pages.fifo"),
        ("COMPLETION_QUEUE_URL", "http://127.0.0.1/completion.fifo"),
        ("WEBHOOK_QUEUE_URL", "http://127.0.0.1/webhooks"),
    ]);
    command.env("AWS_LAMBDA_RUNTIME_API", server.to_string());
    command.env("AWS_ENDPOINT_URL", format!("http://{server}"));
    command
}

/// Serves one invocation; the next request for an invocation gets no response.
fn serve() -> io::Result<(SocketAddr, Receiver<Request>)> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    let (sender, receiver) = mpsc::channel();
    let invoked = Arc::new(AtomicBool::new(false));
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (sender, invoked) = (sender.clone(), Arc::clone(&invoked));
            thread::spawn(move || serve_connection(&stream, &sender, &invoked));
        }
    });
    Ok((address, receiver))
}

/// Serves the requests of one connection until the function closes it or is killed.
fn serve_connection(
    stream: &TcpStream,
    sender: &Sender<Request>,
    invoked: &AtomicBool,
) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader)? {
        let is_second_invocation =
            request.line.contains("/invocation/next") && invoked.swap(true, Ordering::SeqCst);
        if is_second_invocation {
            continue;
        }
        let reply = reply(&request.line);
        // Sent before the reply, so that requests are received in order. The test may have stopped listening already.
        let _ = sender.send(request);
        (&*stream).write_all(reply.as_bytes())?;
    }
    Ok(())
}

fn read_request(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let header = header.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    let mut body = String::new();
    reader.take(length).read_to_string(&mut body)?;
    let line = line.trim_end().to_owned();
    Ok(Some(Request { line, body }))
}

fn reply(line: &str) -> String {
    let (status, headers, body) = if line.contains("/invocation/next") {
        // A deadline in the past, as local emulators send it.
        let headers = "Lambda-Runtime-Aws-Request-Id: request-1\r\n\
                       Lambda-Runtime-Deadline-Ms: 600000\r\n\
                       Lambda-Runtime-Invoked-Function-Arn: function-arn\r\n";
        ("200 OK", headers, EVENT)
    } else if line.starts_with("GET /archive") {
        ("200 OK", "Content-Type: application/xml\r\n", EMPTY_LISTING)
    } else {
        ("202 Accepted", "", "")
    };
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
}
