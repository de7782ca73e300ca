//! What the doctor asks a real server.

use annals::storage::source::postgres::{Address, WalStatus, checkup};

use crate::server::Server;

#[test]
fn a_server_tells_how_it_is_set_up_and_is_not_changed() {
    let Some(server) = Server::start() else { return };
    let mut db = server.database("CREATE TABLE item (id text PRIMARY KEY)");
    let address = Address { url: server.url("shop"), ..Address::default() };
    let seen = checkup(&address, "annals_shop").expect("asked");
    assert_eq!((seen.logical, seen.keeps_bytes, seen.slot), (true, None, None));
    db.batch_execute("SELECT pg_create_logical_replication_slot('annals_shop', 'pgoutput')").expect("a slot");
    db.batch_execute("ALTER SYSTEM SET max_slot_wal_keep_size = '64MB'").expect("set");
    db.batch_execute("SELECT pg_reload_conf()").expect("reloaded");
    // The postmaster tells its children a moment later.
    let seen = std::iter::repeat_with(|| checkup(&address, "annals_shop").expect("asked")).find(|seen| seen.keeps_bytes.is_some()).expect("set");
    assert_eq!((seen.keeps_bytes, seen.slot.map(|slot| slot.status)), (Some(64 << 20), Some(WalStatus::Kept)));
}
