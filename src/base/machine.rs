//! Which machine this is, as far as the system tells: an id that outlives restarts, one that does not, and the name that people use.
//!
//! All of it is evidence, never proof: clones of virtual machines have one id, containers may have a new one each day or none at all.

use std::path::Path;

use super::digest::derive_key;
use super::disk;
use super::id::TimelineId;
use super::random::Random;

/// Bytes: more than any of the files that are read has.
const ID_FILE_BYTES_MAX: u64 = 4096;

/// A machine. Fields that the system does not tell are empty, and say nothing then.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Machine {
    /// 12 hexadecimal digits derived from the machine id (machine-id(5) asks not to hand the id itself around).
    pub id: String,
    /// Different after each start of the system (random(4), `boot_id`).
    pub boot: String,
    /// The host name.
    pub name: String,
}

impl Machine {
    /// This machine.
    pub fn here() -> Self {
        let first = |paths: &[&str]| paths.iter().find_map(|path| line(Path::new(path))).unwrap_or_default();
        let id = first(&["/etc/machine-id", "/var/lib/dbus/machine-id"]);
        Machine {
            id: if id.is_empty() { id } else { hidden(&id) },
            boot: first(&["/proc/sys/kernel/random/boot_id"]),
            name: first(&["/proc/sys/kernel/hostname", "/etc/hostname"]),
        }
    }

    /// A machine of which nothing is known: no conclusion is ever drawn from it.
    pub fn unknown() -> Self {
        Self::default()
    }
}

impl Machine {
    /// A fresh id for a line of history. Its second half, which only holders of the tenant's key see, tells who knows of this machine that the
    /// line was begun here; of an unknown machine it is as random as the first.
    pub fn new_line(&self, random: &dyn Random) -> TimelineId {
        let mut id = *TimelineId::new(random).as_bytes();
        if let Some(own) = self.bytes() {
            let mut prefix = [0; 8];
            prefix.copy_from_slice(&id[..8]);
            id[8..14].copy_from_slice(&own);
            id[14..].copy_from_slice(&check(prefix, own));
        }
        TimelineId::from_bytes(id)
    }

    /// The machine on which a line was begun, as [`Machine::id`] has it; `None` where the line does not tell.
    pub fn of_line(line: TimelineId) -> Option<String> {
        let mut own = [0; 6];
        own.copy_from_slice(&line.as_bytes()[8..14]);
        (line.as_bytes()[14..] == check(line.prefix(), own)).then(|| hex(&own))
    }

    fn bytes(&self) -> Option<[u8; 6]> {
        let mut out = [0; 6];
        for (i, byte) in out.iter_mut().enumerate() {
            *byte = u8::from_str_radix(self.id.get(2 * i..2 * i + 2)?, 16).ok()?;
        }
        (self.id.len() == 12).then_some(out)
    }
}

/// Tells a half that names a machine from a random one.
fn check(prefix: [u8; 8], own: [u8; 6]) -> [u8; 2] {
    let digest = derive_key("annals 2026-11 machine of a line v1", &[&prefix[..], &own].concat());
    [digest[0], digest[1]]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn hidden(id: &str) -> String {
    hex(&derive_key("annals 2026-11 machine id v1", id.as_bytes())[..6])
}

/// The first line of a file, where there is one.
fn line(path: &Path) -> Option<String> {
    let bytes = disk::read_file(path, ID_FILE_BYTES_MAX).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    text.lines().next().map(|l| l.trim().to_owned()).filter(|l| !l.is_empty() && l != "uninitialized")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::SeededRandom;

    #[test]
    fn a_machine_is_the_same_twice_and_does_not_tell_its_id() {
        let here = Machine::here();
        assert_eq!(here, Machine::here());
        assert!(here.id.is_empty() || here.id.len() == 12, "{here:?}");
        assert_ne!(hidden("a"), hidden("b"));
        assert_eq!(line(Path::new("/annals/no/such/file")), None);
    }

    #[test]
    fn a_line_tells_where_it_was_begun() {
        let random = SeededRandom::new(3);
        let machine = Machine { id: "0123456789ab".into(), ..Machine::unknown() };
        let line = machine.new_line(&random);
        assert_eq!(Machine::of_line(line), Some(machine.id.clone()));
        assert_ne!(machine.new_line(&random).prefix(), line.prefix());
        assert_eq!(Machine::of_line(Machine::unknown().new_line(&random)), None);
        let mut other = *line.as_bytes();
        other[0] ^= 1;
        assert_eq!(Machine::of_line(TimelineId::from_bytes(other)), None);
    }
}
