//! Places offsite in the configuration: added, taken out, asked.

use std::io::Read;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::json;

use crate::agent::health::note_answer;
use crate::base::disk;
use crate::base::error::Result;
use crate::base::monitor::Silent;
use crate::face::http::{Ask, Reply};
use crate::face::view;
use crate::model::moment::parse_duration;
use crate::storage::config::Remote as Place;
use crate::storage::remote::{Options, RemoteUrl};

use super::question::{JSON_BYTES_MAX, body, object, text};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    name: String,
    url: String,
    rclone_config: Option<PathBuf>,
    region: Option<String>,
    operator_country: Option<String>,
    expected: Option<String>,
}

pub(super) fn add(ask: &Ask, sent: &mut dyn Read) -> Result<Reply> {
    let wanted: Wanted = body(sent, JSON_BYTES_MAX)?;
    let store = ask.store()?;
    let place = Place {
        rclone_config: wanted.rclone_config,
        region: wanted.region,
        operator_country: wanted.operator_country,
        expected_secs: wanted.expected.as_deref().map(parse_duration).transpose().map_err(|e| e.at_field("expected"))?,
        ..Place::new(&wanted.name, &wanted.url).map_err(|e| {
            let field = if e.code() == "remote.bad_name" { "name" } else { "url" };
            e.at_field(field)
        })?
    };
    store.add_remote(&place)?;
    // Only where its parent is there, or a disk that is not mounted would be made up.
    if let RemoteUrl::Directory(path) = RemoteUrl::parse(&place.url)?
        && !path.exists()
        && path.parent().is_some_and(|parent| parent.is_dir())
    {
        disk::create_dirs(&path)?;
    }
    ask.agent()?.poke();
    let value = json!({ "name": place.name, "url": view::remote_url(&place), "region": place.region, "operator_country": place.operator_country });
    Ok(Reply::json(201, text("annals.remote.add/1", &value)?))
}

pub(super) fn remove(ask: &Ask, _: &mut dyn Read) -> Result<Reply> {
    let name = ask.named("remote");
    ask.store()?.remove_remote(name)?;
    ask.agent()?.poke();
    object("annals.remote.rm/1", &json!({ "name": name }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Check {
    #[serde(default)]
    write: bool,
}

pub(super) fn check(ask: &Ask, sent: &mut dyn Read) -> Result<Reply> {
    let wanted: Check = body(sent, JSON_BYTES_MAX)?;
    let (store, name) = (ask.store()?, ask.named("remote"));
    store.config().remote(name)?;
    let done = store.check_remote(name, wanted.write, Options::default(), &Silent);
    note_answer(&store, name, done.as_ref().err())?;
    object("annals.remote.check/1", &view::remote_check(name, &done?))
}
