//! Which formats this program writes, and the refusal of newer ones (promise I12).

use crate::base::error::{Error, Kind, Result};

/// The store layout that this program writes: directory, catalogue, chunk store.
pub const STORE: u32 = 1;
/// The segment format that this program writes.
pub const SEGMENT: u8 = 1;

/// Refuses `found` when it is newer than `known`; `what` names the thing.
pub fn check(what: &str, found: u32, known: u32) -> Result<()> {
    if found > known {
        return Err(Error::new(Kind::Newer, "format.newer", format!("{what} has format {found}, this program knows up to {known}"))
            .hint("use a newer annals; nothing was changed"));
    }
    if found == 0 {
        return Err(Error::damaged(format_args!("{what} names format 0")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_is_refused_with_its_own_exit_code() {
        assert_eq!(check("the store", STORE + 1, STORE).expect_err("newer").kind().exit(), 16);
        assert!(check("the store", STORE, STORE).is_ok());
        assert!(check("the store", 0, STORE).is_err());
    }
}
