//! Large documents pass through in bounded memory, both ways, and others are served meanwhile.

use std::io::{Read, Write};

use super::client::{Client, connect};
use super::site::{Site, site};

/// Bytes of the large document.
const LARGE: u64 = 256 << 20;
/// Bytes that the agent may take for it beside what it had: groups of chunks that wait to be written, the store's block cache (32 MiB), and what
/// the allocator keeps for the two or three threads that took part (about 30 MiB each). Far less than the document, however often it is read.
const MORE: u64 = 144 << 20;

/// Bytes that do not compress, the same again from the same seed (xorshift).
struct Noise {
    state: u64,
    left: u64,
}

impl Noise {
    fn new(len: u64) -> Self {
        Noise { state: 0x9e37_79b9_7f4a_7c15, left: len }
    }
}

impl Read for Noise {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let n = into.len().min(usize::try_from(self.left).unwrap_or(usize::MAX)) / 8 * 8;
        for word in into[..n].chunks_exact_mut(8) {
            self.state ^= self.state << 13;
            self.state ^= self.state >> 7;
            self.state ^= self.state << 17;
            word.copy_from_slice(&self.state.to_le_bytes());
        }
        self.left -= n as u64;
        Ok(n)
    }
}

/// The most memory that the agent ever had, in bytes.
fn peak(site: &Site) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", site.agent_id())).expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("a number") * 1024
}

#[test]
fn a_quarter_of_a_gigabyte_passes_both_ways_in_bounded_memory() {
    let (site, program) = site().program_of();
    program.put("/api/v1/document?key=small", b"x").is(201);
    let before = peak(&site);
    let put = program.send("PUT", "/api/v1/document?key=large", ureq::SendBody::from_reader(&mut Noise::new(LARGE))).is(201).json();
    assert_eq!(put["size"], LARGE);
    let stored = peak(&site);
    download(&program);
    let read = peak(&site);
    download(&program);
    let again = peak(&site);
    println!("agent: {} MiB, {} after the upload, {} after a download, {} after another", before >> 20, stored >> 20, read >> 20, again >> 20);
    assert!(again < before + MORE, "{} MiB became {} MiB", before >> 20, again >> 20);
}

fn download(program: &Client) {
    let (status, headers, mut body) = program.open("GET", "/api/v1/document?key=large", ureq::SendBody::none());
    assert_eq!(status, 200);
    let length = headers.iter().find(|(name, _)| name == "content-length").map(|(_, value)| value.clone());
    assert_eq!(length, Some(LARGE.to_string()));
    let (mut theirs, mut ours, mut total) = (vec![0; 1 << 16], vec![0; 1 << 16], 0u64);
    let mut noise = Noise::new(LARGE);
    while total < LARGE {
        let n = usize::try_from(LARGE - total).unwrap_or(usize::MAX).min(theirs.len());
        body.read_exact(&mut theirs[..n]).expect("the body");
        noise.read_exact(&mut ours[..n]).expect("noise");
        assert!(theirs[..n] == ours[..n], "after {total} bytes");
        total += n as u64;
    }
    assert_eq!(body.read(&mut theirs).expect("the end"), 0);
}

#[test]
fn downloads_that_nobody_takes_keep_nobody_waiting() {
    let (site, program) = site().program_of();
    let len = 8 << 20;
    program.send("PUT", "/api/v1/document?key=large", ureq::SendBody::from_reader(&mut Noise::new(len))).is(201);
    let host = site.base().strip_prefix("http://").expect("a host").to_owned();
    let stalled: Vec<_> = (0..40)
        .map(|_| {
            let mut stream = connect(&site.base());
            let ask = format!("GET /api/v1/document?key=large HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\n\r\n", site.token());
            stream.write_all(ask.as_bytes()).expect("sent");
            stream
        })
        .collect();
    for _ in 0..5 {
        program.get("/api/v1/status").is(200);
        program.get("/api/v1/document/about?key=large").is(200);
    }
    drop(stalled);
    // Whoever comes after them gets all of it.
    assert_eq!(program.get("/api/v1/document?key=large").is(200).body.len() as u64, len);
}

#[test]
fn an_upload_that_the_end_of_the_agent_cuts_off_is_no_shorter_document() {
    let (mut site, program) = site().program_of();
    program.put("/api/v1/document?key=a", b"whole").is(201);
    let host = site.base().strip_prefix("http://").expect("a host").to_owned();
    let mut uploads: Vec<_> = ["Content-Length: 8000000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n400000\r\n"]
        .into_iter()
        .map(|lines| {
            let mut stream = connect(&site.base());
            let head = format!(
                "PUT /api/v1/document?key=a HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\nExpect: 100-continue\r\n{lines}",
                site.token()
            );
            stream.write_all(head.as_bytes()).expect("sent");
            // Somebody reads the body: the agent says that it may come.
            let mut go = [0; 25];
            stream.read_exact(&mut go).expect("an answer");
            assert!(go.starts_with(b"HTTP/1.1 100 "), "{}", String::from_utf8_lossy(&go));
            stream.write_all(&vec![b'x'; 1 << 20]).expect("sent");
            stream
        })
        .collect();
    assert_eq!(site.stop(), Some(0));
    for stream in &mut uploads {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(!rest.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&rest));
    }
    assert_eq!(site.run(&["get", "a"]).exits(0).out, "whole");
    assert_eq!(site.json(&["log", "a"])["rows"].as_array().expect("rows").len(), 1);
}
