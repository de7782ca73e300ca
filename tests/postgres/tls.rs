//! Connections that are encrypted, and servers that are not what they say.

use std::path::Path;
use std::process::{Command, Stdio};

use annals::{By, Kind, Silent};

use crate::server::{Server, Site};

fn openssl(dir: &Path, words: &str) {
    let done = Command::new("openssl").args(words.split_whitespace()).current_dir(dir).stdout(Stdio::null()).output().expect("openssl runs");
    assert!(done.status.success(), "{words}: {}", String::from_utf8_lossy(&done.stderr));
}

/// An authority, `ca.crt`, and the certificate that it signed for localhost.
fn signed(dir: &Path) {
    authority(dir, "ca");
    openssl(dir, "req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost");
    std::fs::write(dir.join("names"), "subjectAltName = DNS:localhost\nbasicConstraints = CA:FALSE\n").expect("names");
    openssl(dir, "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile names -out server.crt");
}

fn authority(dir: &Path, name: &str) {
    openssl(dir, &format!("req -x509 -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.crt -days 30 -subj /CN={name}"));
}

/// What people do at first: the certificate is its own authority.
fn signed_by_itself(dir: &Path) {
    openssl(
        dir,
        "req -x509 -newkey rsa:2048 -nodes -keyout server.key -out server.crt -days 30 -subj /CN=localhost -addext subjectAltName=DNS:localhost",
    );
}

const TABLE: &str = "CREATE TABLE item (id int PRIMARY KEY, n int); INSERT INTO item VALUES (1, 1)";

fn address(server: &Server, host: &str, more: &str) -> String {
    format!("postgresql://postgres@{host}:{}/shop{more}", server.port.expect("a port"))
}

#[test]
fn connections_are_encrypted_and_servers_proven_as_the_address_says() {
    let Some(server) = Server::start_encrypting(signed) else { return };
    let mut db = server.database(TABLE);
    authority(server.dir.path(), "other");
    let mut site = Site::new(&server);
    let file = |name: &str| server.dir.path().join(name).display().to_string();
    let roots = |mode: &str, name: &str| format!("?sslmode={mode}&sslrootcert={}", file(name));
    // The server lets nobody in without.
    site.what.url = address(&server, "localhost", "?sslmode=disable");
    assert_eq!(site.try_capture().expect_err("not encrypted").code(), "source.denied");
    let mut n = 1;
    for (host, more) in [
        ("localhost", String::new()),
        ("localhost", "?sslmode=prefer".into()),
        ("127.0.0.1", "?sslmode=require".into()),
        ("127.0.0.1", roots("require", "ca.crt")),
        ("127.0.0.1", roots("verify-ca", "ca.crt")),
        ("localhost", roots("verify-full", "ca.crt")),
        ("localhost", roots("verify-full", "server.crt")),
    ] {
        site.what.url = address(&server, host, &more);
        n += 1;
        db.batch_execute(&format!("UPDATE item SET n = {n}")).expect("update");
        assert_eq!(site.capture().rows, 1, "{host} {more}");
        assert_eq!(site.text("shop/item/1"), format!(r#"{{"id":1,"n":{n}}}"#));
        // What the server sends of itself is protected the same way.
        let by = By::default();
        let mut follower = site.store.follow_postgres(&site.what, &by, &Silent).expect("a follower");
        for _ in 0..2 {
            n += 1;
            db.batch_execute(&format!("UPDATE item SET n = {n}")).expect("update");
            assert_eq!(follower.look().expect("a look").rows, 1, "{host} {more}");
        }
        let sent = "SELECT count(*) FROM pg_stat_replication JOIN pg_stat_ssl USING (pid) WHERE ssl";
        assert_eq!(db.query_one(sent, &[]).expect("asked").get::<_, i64>(0), 1, "{host} {more}");
    }
    for (host, more, why) in [
        ("localhost", "?sslmode=verify-full".to_owned(), "UnknownIssuer"),
        ("localhost", roots("verify-full", "other.crt"), "UnknownIssuer"),
        ("localhost", roots("verify-ca", "other.crt"), "UnknownIssuer"),
        ("localhost", roots("require", "other.crt"), "UnknownIssuer"),
        ("127.0.0.1", roots("verify-full", "ca.crt"), "not valid for name"),
        ("127.0.0.1", roots("verify-full", "server.crt"), "not valid for name"),
    ] {
        site.what.url = address(&server, host, &more);
        let refused = site.try_capture().expect_err(&more);
        assert_eq!((refused.kind(), refused.code()), (Kind::Denied, "source.tls"), "{host} {more}: {refused}");
        assert!(refused.to_string().contains(why) && refused.what_next().is_some_and(|hint| hint.contains("sslrootcert")), "{refused}");
    }
    site.what.url = address(&server, "localhost", &roots("verify-full", "server.key"));
    assert!(site.try_capture().expect_err("no certificate").to_string().contains("no certificates in"));
    site.what.url = address(&server, "localhost", &roots("verify-full", "absent.crt"));
    assert!(site.try_capture().expect_err("no file").to_string().contains("absent.crt"));
    // What was captured is given back over a connection that is protected in the same way.
    site.what.url = address(&server, "localhost", &roots("verify-full", "ca.crt"));
    site.capture();
    let plan = site.store.restore_at("shop/item/1", &annals::Moment::Seq(1)).expect("plan");
    let given = site.store.apply_to_source(&plan, annals::OnConflict::Skip, &Default::default(), &annals::Silent).expect("given");
    assert_eq!((given.done, db.query_one("SELECT n FROM item", &[]).expect("row").get::<_, i32>(0)), (1, 2));
}

#[test]
fn a_certificate_that_signed_itself_is_proven_by_itself() {
    let Some(server) = Server::start_encrypting(signed_by_itself) else { return };
    server.database(TABLE);
    let mut site = Site::new(&server);
    let roots = server.dir.path().join("server.crt");
    site.what.url = format!(
        "host=localhost port={} user=postgres dbname=shop sslmode=verify-full sslrootcert='{}'",
        server.port.expect("a port"),
        roots.display()
    );
    assert_eq!(site.capture().added, 1);
}

#[test]
fn a_server_that_does_not_encrypt_is_told_apart() {
    let Some(server) = Server::start() else { return };
    server.database(TABLE);
    let mut site = Site::new(&server);
    site.what.url += " sslmode=require";
    let refused = site.try_capture().expect_err("not encrypted");
    assert_eq!((refused.kind(), refused.code()), (Kind::Denied, "source.tls"));
    assert!(refused.to_string().contains("does not support TLS"), "{refused}");
    site.what.url = site.what.url.replace("require", "prefer");
    assert_eq!(site.capture().added, 1);
}

#[test]
fn encryption_that_is_only_preferred_may_fail() {
    let Some(mut server) = Server::start_encrypting(signed) else { return };
    let mut db = server.database(TABLE);
    // Nobody is made to encrypt, and what the server would do is what nobody does any more.
    let rules = "local all all trust\nhost all all 127.0.0.1/32 trust\nhost all all ::1/128 trust\n";
    std::fs::write(server.dir.path().join("data/pg_hba.conf"), rules).expect("rules");
    for sql in ["ALTER SYSTEM SET ssl_max_protocol_version = 'TLSv1.2'", "ALTER SYSTEM SET ssl_ciphers = 'AES128-SHA'"] {
        db.batch_execute(sql).expect("set");
    }
    drop(db);
    server.stop();
    server.run();
    let mut site = Site::new(&server);
    site.what.url = address(&server, "localhost", "?sslmode=require");
    assert_eq!(site.try_capture().expect_err("no cipher in common").code(), "source.tls");
    site.what.url = address(&server, "localhost", "");
    assert_eq!(site.capture().added, 1);
}
