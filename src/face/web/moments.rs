//! Moments in addresses: which batch is looked at, and the addresses of other moments.

use crate::base::error::Result;
use crate::engine::history::View;
use crate::engine::store::Tenant;
use crate::face::http::Ask;
use crate::model::moment::Moment;

/// What is looked at: a tenant after one of its batches.
pub(super) struct Sight {
    pub(super) tenant: Tenant,
    /// All documents at that moment.
    pub(super) view: View,
    /// The last batch that the moment includes; 0 before the first record, where nothing existed yet.
    pub(super) seq: u64,
    /// The last batch of all.
    pub(super) end: u64,
}

impl Sight {
    pub(super) fn of(ask: &Ask) -> Result<Self> {
        let tenant = ask.tenant()?;
        let end = tenant.position()?.seq;
        let seq = match ask.moment()? {
            None => end,
            Some(when) => match tenant.resolve(&when) {
                Err(e) if e.code() == "moment.early" => 0,
                found => found?,
            },
        };
        Ok(Sight { view: tenant.at(&Moment::Seq(seq))?, tenant, seq, end })
    }

    /// Whether what is seen is how things are now.
    pub(super) fn is_now(&self) -> bool {
        self.seq == self.end
    }

    /// The address of the same page after batch `seq`.
    pub(super) fn link(&self, ask: &Ask, path: &str, fields: &[(&str, &str)], seq: u64) -> String {
        let at = format!("seq:{seq}");
        match seq >= self.end {
            true => ask.link_now(path, fields),
            false => ask.link(path, &[fields, &[("at", &at)]].concat()),
        }
    }
}
