//! rclone's words for what went wrong, turned into ours: a kind, a stable code, and what to do next. The words differ between versions and
//! protocols; they were collected by making each failure happen with 1.60.1 and 1.75.2 on sftp, WebDAV and S3.

use crate::base::error::{Error, Kind};

/// Characters kept of rclone's own words.
const WORDS_KEPT: usize = 240;
/// Parts of a name that say that its value is a secret.
const SECRET_NAMES: [&str; 8] = ["pass", "secret", "token", "key", "auth", "sig", "cred", "sas"];

struct Rule {
    any: &'static [&'static str],
    kind: Kind,
    code: &'static str,
    says: &'static str,
    hint: &'static str,
}

/// Tried from the top; the first rule of which any phrase occurs decides. Phrases are lowercase.
const RULES: &[Rule] = &[
    Rule {
        any: &["didn't find section in config file", "didn't find backend called", "unknown type of remote", "config file not found"],
        kind: Kind::Remote,
        code: "remote.config",
        says: "rclone's configuration has no such remote",
        hint: "list the remotes with: rclone listremotes; name the file with: annals remote add ... --rclone-config FILE",
    },
    Rule {
        any: &["unable to decrypt configuration", "not allowed to ask for password", "couldn't decrypt configuration"],
        kind: Kind::Denied,
        code: "remote.config_locked",
        says: "rclone's configuration is encrypted",
        hint: "give its password, or name an unencrypted file with --rclone-config FILE",
    },
    Rule {
        any: &["requesttimetooskewed", "request time too skewed", "certificate has expired or is not yet valid"],
        kind: Kind::Denied,
        code: "remote.clock",
        says: "the clocks of this machine and of the remote differ",
        hint: "set the clock of this machine (timedatectl set-ntp true)",
    },
    Rule {
        any: &["key mismatch", "knownhosts:", "host key"],
        kind: Kind::Denied,
        code: "remote.host_key",
        says: "the server is not the one it was before",
        hint: "ask its operator whether its key was changed before accepting the new one in known_hosts",
    },
    Rule {
        any: &[
            "no space left",
            "insufficient storage",
            "quotaexceeded",
            "quota exceeded",
            "storage quota",
            "disk quota",
            "status code: 507",
            "not enough space",
        ],
        kind: Kind::Space,
        code: "remote.full",
        says: "no space left on the remote",
        hint: "get more space there, or let old objects go: annals compact",
    },
    Rule {
        any: &["nosuchbucket", "bucket does not exist", "container not found", "containernotfound"],
        kind: Kind::Remote,
        code: "remote.absent",
        says: "the bucket of the remote is not there",
        hint: "create the bucket, or correct its name in the address of the remote",
    },
    Rule {
        any: &[
            "slowdown",
            "slow down",
            "too many requests",
            "toomanyrequests",
            "requestlimitexceeded",
            "rate limit",
            "ratelimit",
            "error 429",
            "429 too",
            "503 service",
            "service unavailable",
            "serviceunavailable",
            "503 slow",
            "statuscode: 503",
            "status code: 503",
        ],
        kind: Kind::Remote,
        code: "remote.busy",
        says: "the remote is busy",
        hint: "it will be tried again later by itself",
    },
    Rule {
        any: &[
            "unable to authenticate",
            "signaturedoesnotmatch",
            "invalidaccesskeyid",
            "accessdenied",
            "access denied",
            "invalid_grant",
            "401 unauthorized",
            "403 forbidden",
            "forbidden",
            "unauthorized",
            "permission denied",
            "expiredtoken",
            "expired token",
            "couldn't fetch token",
            "empty token",
            "authentication failed",
            "login incorrect",
            "530 ",
            "operation not permitted",
            "read-only file system",
        ],
        kind: Kind::Denied,
        code: "remote.denied",
        says: "the remote refuses us",
        hint: "check user, key or token of this remote with: rclone config, and its rights with: rclone lsd REMOTE:",
    },
    Rule {
        any: &["no such host", "server misbehaving", "temporary failure in name resolution", "lookup "],
        kind: Kind::Remote,
        code: "remote.name_lookup",
        says: "the name of the remote cannot be looked up",
        hint: "check the line and the DNS of this machine, then the host name in rclone's configuration",
    },
    Rule {
        any: &["x509:", "tls:", "certificate"],
        kind: Kind::Remote,
        code: "remote.certificate",
        says: "the remote cannot prove who it is",
        hint: "check its address and certificate; a private authority belongs into the system's trust store",
    },
    Rule {
        any: &["i/o timeout", "timeout awaiting", "timed out", "deadline exceeded", "handshake timeout", "request timeout", "requesttimeout"],
        kind: Kind::Remote,
        code: "remote.timeout",
        says: "the remote does not answer in time",
        hint: "check the line; it will be tried again",
    },
    Rule {
        any: &["connection refused", "no route to host", "network is unreachable", "host is down", "couldn't connect", "dial tcp"],
        kind: Kind::Remote,
        code: "remote.unreachable",
        says: "the remote cannot be reached",
        hint: "check the line, and that the server at the other end runs",
    },
    Rule {
        any: &[
            "connection reset",
            "broken pipe",
            "unexpected eof",
            "connection lost",
            "use of closed network connection",
            "connection closed",
            ": eof",
        ],
        kind: Kind::Remote,
        code: "remote.cut",
        says: "the line to the remote dropped",
        hint: "check the line; it will be tried again",
    },
    Rule {
        any: &["corrupted on transfer"],
        kind: Kind::Remote,
        code: "remote.cut",
        says: "an upload left an object of another size on the remote",
        hint: "it will be tried again; if this repeats, the remote loses what it is given",
    },
    Rule {
        any: &["directory not found"],
        kind: Kind::Remote,
        code: "remote.absent",
        says: "the folder of the remote is not there",
        hint: "mount or create it; for a new remote: rclone mkdir REMOTE:PATH",
    },
];

/// The error that rclone's `words` about `remote` stand for. `secrets` are blotted out wherever they occur.
pub fn translate(remote: &str, words: &str, secrets: &[String]) -> Error {
    let lower = words.to_lowercase();
    let told = scrub(words, secrets);
    let rule = RULES.iter().find(|rule| rule.any.iter().any(|phrase| lower.contains(phrase)));
    match rule {
        Some(rule) => Error::new(rule.kind, rule.code, format!("{}: {remote} ({told})", rule.says)).hint(rule.hint),
        None => Error::new(Kind::Remote, "remote.failed", format!("rclone failed on {remote} ({told})"))
            .hint("try the same with rclone by hand, for instance: rclone lsd REMOTE:"),
    }
}

/// Whether rclone's words say that one object is not there.
pub fn says_missing(words: &str) -> bool {
    let lower = words.to_lowercase();
    lower.contains("object not found") && !lower.contains("nosuchbucket")
}

/// One short line of `words` without credentials: without what stands between `//` and `@` in addresses, their queries, the values of
/// parameters with telling names, and the given secrets.
pub fn scrub(words: &str, secrets: &[String]) -> String {
    let mut text = words.to_owned();
    for secret in secrets.iter().filter(|secret| secret.len() >= 4) {
        text = text.replace(secret.as_str(), "...");
    }
    let clean: Vec<String> = text.split_whitespace().map(|word| without_values(&without_login(word))).collect();
    let mut line: String = clean.join(" ").chars().filter(|c| !c.is_control()).take(WORDS_KEPT).collect();
    if line.len() < clean.iter().map(String::len).sum() {
        line.push_str("...");
    }
    line
}

fn without_login(word: &str) -> String {
    let Some(scheme) = word.find("://") else { return word.to_owned() };
    let (head, rest) = word.split_at(scheme + 3);
    let authority = rest.find(['/', '?', '"']).unwrap_or(rest.len());
    let host = rest[..authority].rfind('@').map_or(0, |at| at + 1);
    let rest = &rest[host..];
    match rest.find('?') {
        // What comes after the query within the same word is the end of a quotation.
        Some(query) => format!("{head}{}?...{}", &rest[..query], rest[query..].find('"').map_or("", |end| &rest[query + end..])),
        None => format!("{head}{rest}"),
    }
}

fn without_values(word: &str) -> String {
    let mut out = String::new();
    let mut rest = word;
    while let Some(equals) = rest.find('=') {
        let (before, after) = (&rest[..equals], &rest[equals + 1..]);
        let name = before.rsplit([',', '&', ';', '?', ':', '"', '{', '(']).next().unwrap_or(before).to_lowercase();
        out.push_str(before);
        out.push('=');
        rest = after;
        if SECRET_NAMES.iter().any(|part| name.contains(part)) {
            out.push_str("...");
            rest = &after[after.find([',', '&', ';', '"', ')']).unwrap_or(after.len())..];
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::remote::retry::worth_retrying;
    use proptest::prelude::*;

    #[test]
    fn what_rclone_says_becomes_what_we_say() {
        let cases = [
            ("read metadata failed: 401 Unauthorized: 401 Unauthorized", Kind::Denied, "remote.denied"),
            (
                "SignatureDoesNotMatch: The request signature we calculated does not match. Check your key and signing method.\n\tstatus code: 403",
                Kind::Denied,
                "remote.denied",
            ),
            (
                "operation error S3: HeadObject, https response error StatusCode: 403, RequestID: , api error Forbidden: Forbidden",
                Kind::Denied,
                "remote.denied",
            ),
            (
                "NewFs: couldn't connect SSH: ssh: handshake failed: ssh: unable to authenticate, attempted methods [none publickey]",
                Kind::Denied,
                "remote.denied",
            ),
            ("NewFs: couldn't connect SSH: ssh: handshake failed: knownhosts: key mismatch", Kind::Denied, "remote.host_key"),
            ("Propfind \"http://127.0.0.1:9/y\": dial tcp 127.0.0.1:9: connect: connection refused", Kind::Remote, "remote.unreachable"),
            ("NewFs: couldn't connect SSH: dial tcp 127.0.0.1:9: connect: connection refused", Kind::Remote, "remote.unreachable"),
            ("Put \"http://nowhere.invalid/y\": dial tcp: lookup nowhere.invalid on 10.0.0.1:53: no such host", Kind::Remote, "remote.name_lookup"),
            ("Put \"http://h/y\": dial tcp 10.0.0.1:443: i/o timeout", Kind::Remote, "remote.timeout"),
            ("didn't find section in config file (\"nosuch\")", Kind::Remote, "remote.config"),
            (
                "operation error S3: PutObject, StatusCode: 404, api error NoSuchBucket: The specified bucket does not exist",
                Kind::Remote,
                "remote.absent",
            ),
            ("error in ListJSON: directory not found", Kind::Remote, "remote.absent"),
            ("write /mnt/x: no space left on device", Kind::Space, "remote.full"),
            ("Insufficient Storage: 507 Insufficient Storage", Kind::Space, "remote.full"),
            ("SlowDown: Please reduce your request rate.\n\tstatus code: 503", Kind::Remote, "remote.busy"),
            ("Put \"https://h/y\": x509: certificate signed by unknown authority", Kind::Remote, "remote.certificate"),
            ("read tcp 1.2.3.4:5->6.7.8.9:22: read: connection reset by peer", Kind::Remote, "remote.cut"),
            ("something new", Kind::Remote, "remote.failed"),
        ];
        for (words, kind, code) in cases {
            let e = translate("rclone:x:y", words, &[]);
            assert_eq!((e.kind(), e.code()), (kind, code), "{words}");
            assert!(e.what_next().is_some() && e.to_string().contains("rclone:x:y"));
            let stays = ["remote.denied", "remote.host_key", "remote.config", "remote.absent", "remote.full", "remote.certificate"];
            assert_eq!(worth_retrying(&e), !stays.contains(&code), "{code}");
        }
    }

    #[test]
    fn credentials_do_not_get_through() {
        let secrets = ["s3cr3t-value".to_owned(), "a".to_owned()];
        for words in [
            "Put \"http://user:hunter2@host/x?X-Amz-Signature=hunter2&y=1\": EOF",
            "bad remote :s3,access_key_id=hunter2,secret_access_key=hunter2:bucket",
            "token=hunter2 password=hunter2;x pass=hunter2",
            "sftp://hunter2@host",
            "said s3cr3t-value and s3cr3t-value",
        ] {
            let text = translate("r", words, &secrets).to_string();
            assert!(!text.contains("hunter2") && !text.contains("s3cr3t"), "{text}");
        }
        assert_eq!(scrub("Get \"http://u:p@h/x?a=b\": EOF,\n\tagain", &secrets), "Get \"http://h/x?...\": EOF, again");
        assert!(scrub(&"long ".repeat(1000), &[]).len() <= WORDS_KEPT + 3);
    }

    proptest! {
        #[test]
        fn any_words_are_scrubbed_without_panic(words in "(http://|[a-zå=?&@:/,;\"( ]){0,60}") {
            let line = scrub(&words, &[]);
            prop_assert!(!line.contains('\n'));
        }
    }
}
