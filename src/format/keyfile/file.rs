//! The key file: a few lines of text that lead to the site secret.

use zeroize::Zeroizing;

use super::identity::{Identity, Recipient};
use super::secret::SiteSecret;
use super::slots::{Cost, Slot};
use super::text::{hex, put_hex};
use crate::base::digest::Digest;
use crate::base::error::{Error, Kind, Result};
use crate::base::id::SiteId;
use crate::base::limits::{KEY_FILE_BYTES_MAX, KEY_LINE_BYTES_MAX, KEY_SLOTS_MAX};
use crate::base::random::Random;

const TITLE: &str = "annals key file v";
const VERSION: u32 = 1;
const CHECK_DIGITS: usize = 16;

/// What the person or the service at hand can show. Give what there is; the cheapest that fits is used.
#[derive(Clone, Copy, Default)]
pub struct Unlock<'a> {
    /// The passphrase, byte for byte.
    pub passphrase: Option<&'a str>,
    /// The secret half of a recipient.
    pub identity: Option<&'a Identity>,
}

impl std::fmt::Debug for Unlock<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unlock").field("passphrase", &self.passphrase.map(|_| "..")).field("identity", &self.identity).finish()
    }
}

/// A key file in memory: the site and the slots. Written with mode 0600 by the caller.
pub struct KeyFile {
    site: SiteId,
    fingerprint: [u8; 8],
    slots: Vec<Slot>,
}

impl KeyFile {
    /// A new site secret, and a file that holds it openly: whoever has the file has the key.
    pub fn create(site: SiteId, random: &dyn Random) -> (Self, SiteSecret) {
        let secret = SiteSecret::new(random);
        (Self::holding(site, &secret), secret)
    }

    /// A file that holds a secret which is known already, for instance from a recovery sheet, openly.
    pub fn holding(site: SiteId, secret: &SiteSecret) -> Self {
        KeyFile { site, fingerprint: secret.fingerprint(site), slots: vec![Slot::Plain(secret.clone())] }
    }

    /// The site whose secret this is.
    pub fn site(&self) -> SiteId {
        self.site
    }

    /// See [`SiteSecret::fingerprint`].
    pub fn fingerprint(&self) -> [u8; 8] {
        self.fingerprint
    }

    /// Whether the file itself is the key, so that its protection is that of the disk it lies on.
    pub fn is_plain(&self) -> bool {
        self.slots.iter().any(|s| matches!(s, Slot::Plain(_)))
    }

    /// Whether a passphrase opens it: ask for one where none was given and the file is not plain.
    pub fn has_passphrase(&self) -> bool {
        self.slots.iter().any(|s| matches!(s, Slot::Passphrase { .. }))
    }

    /// Those whose identity opens it.
    pub fn recipients(&self) -> Vec<Recipient> {
        self.slots.iter().filter_map(|s| if let Slot::Recipient { to, .. } = s { Some(*to) } else { None }).collect()
    }

    /// The site secret: from the plain slot, else through the identity, else through the passphrase.
    ///
    /// # Errors
    /// [`Kind::Denied`] where what was given does not open it; [`Kind::Newer`] where only slots of a later program could.
    pub fn open(&self, unlock: &Unlock<'_>) -> Result<SiteSecret> {
        let plain = self.slots.iter().find_map(|s| if let Slot::Plain(secret) = s { Some(secret.clone()) } else { None });
        let by_identity = || unlock.identity.and_then(|identity| self.slots.iter().find_map(|s| s.open_with_identity(self.site, identity)));
        let mut found = plain.or_else(by_identity);
        if let (None, Some(passphrase)) = (&found, unlock.passphrase) {
            for slot in &self.slots {
                found = slot.open_with_passphrase(self.site, passphrase)?.or(found);
            }
        }
        let secret = found.ok_or_else(|| self.closed(unlock))?;
        if secret.fingerprint(self.site) != self.fingerprint {
            return Err(damaged("the secret in the key file is not the one its fingerprint names"));
        }
        Ok(secret)
    }

    /// Why it did not open, and what would help.
    fn closed(&self, unlock: &Unlock<'_>) -> Error {
        let denied = |code, message: &str| Error::new(Kind::Denied, code, message);
        let site = self.site;
        if self.has_passphrase() {
            return if unlock.passphrase.is_some() {
                denied("key.passphrase-wrong", "the passphrase does not open the key file")
                    .hint("look at capital letters and keyboard layout; if it is lost, use the recovery sheet (--sheet FILE)")
            } else if unlock.identity.is_some() {
                denied("key.identity-wrong", "the key file is not wrapped for this identity").hint("set ANNALS_PASSPHRASE, or give another identity")
            } else {
                denied("key.passphrase-needed", "the key file is closed with a passphrase")
                    .hint("set ANNALS_PASSPHRASE, or use the recovery sheet (--sheet FILE)")
            };
        }
        if self.slots.iter().all(|s| matches!(s, Slot::Unknown(_))) {
            return Error::new(Kind::Newer, "key.slots-newer", format!("every slot of this key file was made by a newer program; site {site}"))
                .hint("upgrade annals, or use the recovery sheet (--sheet FILE)");
        }
        let message =
            if unlock.identity.is_some() { "the key file is not wrapped for this identity" } else { "the key file opens with an identity only" };
        denied("key.identity-wrong", message).hint("give the identity of one of its recipients, or use the recovery sheet (--sheet FILE)")
    }

    /// Closes the file with a passphrase, or with `None` leaves it open. Replaces the plain or passphrase slot; other slots stay.
    /// Takes about 150 ms and 64 MiB of memory for a passphrase.
    ///
    /// # Errors
    /// [`Kind::Denied`] where `secret` is another site's; [`Kind::Usage`] for an empty or overlong passphrase. The file is unchanged then.
    pub fn set_passphrase(&mut self, secret: &SiteSecret, passphrase: Option<&str>, random: &dyn Random) -> Result<()> {
        self.set_passphrase_at(secret, passphrase, Cost::DEFAULT, random)
    }

    fn set_passphrase_at(&mut self, secret: &SiteSecret, passphrase: Option<&str>, cost: Cost, random: &dyn Random) -> Result<()> {
        self.check_secret(secret)?;
        let slot = match passphrase {
            Some(passphrase) => Slot::for_passphrase(self.site, secret, passphrase, cost, random)?,
            None => Slot::Plain(secret.clone()),
        };
        if !self.is_plain() && !self.has_passphrase() {
            self.check_room()?;
        }
        self.slots.retain(|s| !matches!(s, Slot::Plain(_) | Slot::Passphrase { .. }));
        self.slots.insert(0, slot);
        Ok(())
    }

    /// Lets the holder of `to`'s identity open the file. Doing it twice is doing it once.
    ///
    /// # Errors
    /// [`Kind::Denied`] where `secret` is another site's; [`Kind::Usage`] for an unusable recipient; [`Kind::Refused`] past 48 slots.
    pub fn add_recipient(&mut self, secret: &SiteSecret, to: Recipient, random: &dyn Random) -> Result<()> {
        self.check_secret(secret)?;
        if self.recipients().contains(&to) {
            return Ok(());
        }
        self.check_room()?;
        self.slots.push(Slot::for_recipient(self.site, secret, to, random)?);
        Ok(())
    }

    /// Takes the slot of `to` out. Older copies of the file still open with that identity: only a new site secret would change that.
    ///
    /// # Errors
    /// [`Kind::Missing`] where there is no such slot; [`Kind::Refused`] where nothing else would open the file.
    pub fn remove_recipient(&mut self, to: &Recipient) -> Result<()> {
        let is_theirs = |s: &Slot| matches!(s, Slot::Recipient { to: theirs, .. } if theirs == to);
        if !self.slots.iter().any(is_theirs) {
            return Err(
                Error::missing("key.no-recipient", format!("the key file is not wrapped for {to}")).hint("annals key show lists its recipients")
            );
        }
        if !self.slots.iter().any(|s| !is_theirs(s) && !matches!(s, Slot::Unknown(_))) {
            return Err(Error::new(Kind::Refused, "key.last-slot", format!("without this recipient nothing would open the key file: {to}"))
                .hint("set a passphrase or add another recipient first"));
        }
        self.slots.retain(|s| !is_theirs(s));
        Ok(())
    }

    fn check_secret(&self, secret: &SiteSecret) -> Result<()> {
        if secret.fingerprint(self.site) == self.fingerprint {
            return Ok(());
        }
        Err(Error::new(Kind::Denied, "key.other-secret", format!("this secret does not belong to the key file of site {}", self.site))
            .hint("open this key file and use the secret it gives"))
    }

    fn check_room(&self) -> Result<()> {
        if self.slots.len() < KEY_SLOTS_MAX {
            return Ok(());
        }
        Err(Error::new(Kind::Refused, "key.slots-full", format!("the key file has {} slots, the most is {KEY_SLOTS_MAX}", self.slots.len()))
            .hint("remove a recipient that is no longer needed first"))
    }

    /// The file's text. Holds the secret openly where the file is plain.
    pub fn to_text(&self) -> Zeroizing<String> {
        // Room for every line at once: a string that grows leaves copies of the secret behind.
        let known = self.slots.iter().map(|s| if let Slot::Unknown(line) = s { line.len() + 8 } else { 384 }).sum::<usize>();
        let mut text = Zeroizing::new(String::with_capacity(256 + known));
        text.push_str(&format!("{TITLE}{VERSION}\nsite {}\nfingerprint ", self.site));
        put_hex(&mut text, &self.fingerprint);
        text.push('\n');
        for slot in &self.slots {
            text.push_str("slot ");
            slot.write(&mut text);
            text.push('\n');
        }
        let check = Digest::of(text.as_bytes()).short(CHECK_DIGITS);
        text.push_str(&format!("check {check}\n"));
        text
    }

    /// Reads [`KeyFile::to_text`]. Line ends may be those of Windows and the last may be missing; all else is taken strictly.
    ///
    /// # Errors
    /// [`Kind::Newer`] for a later version of the format, [`Kind::Failed`] for damage.
    pub fn from_text(text: &str) -> Result<Self> {
        if text.len() as u64 > KEY_FILE_BYTES_MAX {
            return Err(damaged("the key file is too long"));
        }
        let text = Zeroizing::new(text.replace("\r\n", "\n"));
        let mut lines = text.strip_suffix('\n').unwrap_or(&text).split('\n');
        check_version(lines.next().unwrap_or_default())?;
        let (body, check) = split_check(&text)?;
        if Digest::of(body.as_bytes()).short(CHECK_DIGITS) != check {
            return Err(damaged("the key file was changed: its check line does not fit"));
        }
        let mut field = |name: &str| lines.next().and_then(|l| l.strip_prefix(name));
        let site = field("site ").and_then(hex).map(SiteId::from_bytes).ok_or_else(|| damaged("the site line of the key file"))?;
        let fingerprint = field("fingerprint ").and_then(hex).ok_or_else(|| damaged("the fingerprint line of the key file"))?;
        let mut slots = Vec::new();
        for line in body.split_terminator('\n').skip(3) {
            let is_text = line.len() <= KEY_LINE_BYTES_MAX && line.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
            let slot = line.strip_prefix("slot ").filter(|_| is_text && slots.len() < KEY_SLOTS_MAX).and_then(Slot::parse);
            slots.push(slot.ok_or_else(|| damaged("a slot line of the key file"))?);
        }
        let file = KeyFile { site, fingerprint, slots };
        if !file.has_sensible_slots() {
            return Err(damaged("the key file has no slot, or one too many"));
        }
        Ok(file)
    }

    /// At most one slot is plain or for a passphrase, which bounds the work of a wrong guess; and there is a slot at all.
    fn has_sensible_slots(&self) -> bool {
        let own = self.slots.iter().filter(|s| matches!(s, Slot::Plain(_) | Slot::Passphrase { .. })).count();
        let recipients = self.recipients();
        let repeated = recipients.iter().enumerate().any(|(i, r)| recipients[..i].contains(r));
        own <= 1 && !repeated && !self.slots.is_empty()
    }
}

impl std::fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyFile").field("site", &self.site).field("slots", &self.slots.len()).finish_non_exhaustive()
    }
}

fn damaged(what: &str) -> Error {
    Error::damaged(what).hint("take another copy of the key file, or use the recovery sheet (--sheet FILE)")
}

fn check_version(line: &str) -> Result<()> {
    let version = line.strip_prefix(TITLE).filter(|v| v.len() < 10 && v.bytes().all(|b| b.is_ascii_digit())).and_then(|v| v.parse::<u32>().ok());
    match version {
        Some(VERSION) => Ok(()),
        Some(newer) if newer > VERSION => {
            Err(Error::new(Kind::Newer, "key.newer", format!("this key file has version {newer}, this program knows {VERSION}"))
                .hint("upgrade annals"))
        }
        _ => Err(Error::damaged("this is not a key file of annals")
            .hint("a recovery sheet is given with --sheet FILE; a key file starts with: annals key file v1")),
    }
}

/// The lines above the check line, and the check itself.
fn split_check(text: &str) -> Result<(&str, &str)> {
    let end = text.rfind("\ncheck ").map(|i| i + 1).ok_or_else(|| damaged("the key file has no check line: its end is missing"))?;
    let (body, last) = text.split_at(end);
    let check = last.strip_prefix("check ").unwrap_or(last);
    Ok((body, check.strip_suffix('\n').unwrap_or(check)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::SeededRandom;
    use proptest::prelude::*;

    const SMALL: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };

    fn with_passphrase(passphrase: &'static str) -> Unlock<'static> {
        Unlock { passphrase: Some(passphrase), identity: None }
    }

    /// A file with a passphrase and a recipient, its secret, and the recipient's identity.
    fn closed_file(seed: u64) -> (KeyFile, SiteSecret, Identity) {
        let random = SeededRandom::new(seed);
        let (mut file, secret) = KeyFile::create(SiteId::new(&random), &random);
        let identity = Identity::generate(&random);
        file.set_passphrase_at(&secret, Some("blå bær"), SMALL, &random).expect("passphrase");
        file.add_recipient(&secret, identity.recipient(), &random).expect("recipient");
        (file, secret, identity)
    }

    /// The same lines with a check line that fits, as somebody who changes the file on purpose would write it.
    fn with_new_check(text: &str) -> String {
        let body = split_check(text).map_or(text, |(body, _)| body);
        format!("{body}check {}\n", Digest::of(body.as_bytes()).short(CHECK_DIGITS))
    }

    #[test]
    fn every_slot_gives_the_secret_after_a_round_trip() {
        let random = SeededRandom::new(1);
        let (plain, secret) = KeyFile::create(SiteId::new(&random), &random);
        let back = KeyFile::from_text(&plain.to_text()).expect("plain");
        assert!(back.is_plain() && !back.has_passphrase());
        assert_eq!((back.site(), back.open(&Unlock::default()).expect("opens")), (plain.site(), secret));
        let (file, secret, identity) = closed_file(2);
        let back = KeyFile::from_text(&file.to_text()).expect("closed");
        assert!(!back.is_plain() && back.has_passphrase());
        assert_eq!(back.recipients(), [identity.recipient()]);
        assert_eq!(back.open(&with_passphrase("blå bær")).expect("passphrase"), secret);
        assert_eq!(back.open(&Unlock { passphrase: None, identity: Some(&identity) }).expect("identity"), secret);
        assert_eq!(back.open(&Unlock { passphrase: Some("no"), identity: Some(&identity) }).expect("either"), secret);
        let mut hex = String::new();
        put_hex(&mut hex, secret.expose());
        assert!(!back.to_text().contains(&hex) && !format!("{back:?}").contains(&hex));
        assert!(!format!("{:?}", with_passphrase("blå bær")).contains("bær"));
    }

    #[test]
    fn the_real_costs_work_and_are_written_down() {
        let random = SeededRandom::new(3);
        let (mut file, secret) = KeyFile::create(SiteId::new(&random), &random);
        file.set_passphrase(&secret, Some("real"), &random).expect("passphrase");
        let text = file.to_text();
        assert!(text.contains("slot passphrase m=65536 t=3 p=1 salt="));
        assert_eq!(KeyFile::from_text(&text).expect("parse").open(&with_passphrase("real")).expect("opens"), secret);
        file.set_passphrase(&secret, None, &random).expect("open again");
        assert!(file.is_plain() && !file.has_passphrase());
    }

    #[test]
    fn refusals_say_what_to_do() {
        let (mut file, secret, identity) = closed_file(4);
        let random = SeededRandom::new(5);
        let stranger = Identity::generate(&random);
        let code = |unlock: Unlock<'_>| {
            let e = file.open(&unlock).expect_err("closed");
            assert_eq!(e.kind(), Kind::Denied);
            assert!(e.what_next().is_some());
            e.code()
        };
        assert_eq!(code(Unlock::default()), "key.passphrase-needed");
        assert_eq!(code(with_passphrase("blå  bær")), "key.passphrase-wrong");
        assert_eq!(code(Unlock { passphrase: None, identity: Some(&stranger) }), "key.identity-wrong");
        assert!(file.open(&Unlock::default()).expect_err("closed").what_next().expect("hint").contains("ANNALS_PASSPHRASE"));
        assert_eq!(file.set_passphrase(&secret, Some(""), &random).expect_err("empty").kind(), Kind::Usage);
        assert_eq!(file.set_passphrase(&SiteSecret::new(&random), None, &random).expect_err("other").code(), "key.other-secret");
        assert_eq!(file.remove_recipient(&stranger.recipient()).expect_err("none").kind(), Kind::Missing);
        file.remove_recipient(&identity.recipient()).expect("remove");
        assert!(file.recipients().is_empty() && file.has_passphrase());
    }

    #[test]
    fn the_last_way_in_is_kept_and_slots_are_bounded() {
        let (mut file, secret, identity) = closed_file(6);
        let random = SeededRandom::new(7);
        file.slots.remove(0);
        assert_eq!(file.remove_recipient(&identity.recipient()).expect_err("last").code(), "key.last-slot");
        assert_eq!(file.open(&Unlock::default()).expect_err("identity").code(), "key.identity-wrong");
        file.add_recipient(&secret, identity.recipient(), &random).expect("again");
        assert_eq!(file.recipients().len(), 1);
        while file.slots.len() < KEY_SLOTS_MAX {
            file.add_recipient(&secret, Identity::generate(&random).recipient(), &random).expect("room");
        }
        assert_eq!(file.add_recipient(&secret, Identity::generate(&random).recipient(), &random).expect_err("full").code(), "key.slots-full");
        assert_eq!(KeyFile::from_text(&file.to_text()).expect("largest file").recipients().len(), KEY_SLOTS_MAX);
    }

    #[test]
    fn slots_of_a_later_program_are_kept_and_later_versions_refused() {
        let (file, secret, _) = closed_file(8);
        let later = "slot tpm-2 policy=00ff blob=abc";
        let text = with_new_check(&file.to_text().replace("check ", &format!("{later}\ncheck ")));
        let mut file = KeyFile::from_text(&text).expect("unknown slot");
        file.set_passphrase_at(&secret, Some("new"), SMALL, &SeededRandom::new(9)).expect("rewrite");
        assert!(file.to_text().contains(&format!("\n{later}\n")));
        file.slots.retain(|s| matches!(s, Slot::Unknown(_)));
        assert_eq!(file.open(&with_passphrase("new")).expect_err("unknown only").kind(), Kind::Newer);
        let newer = text.replacen("v1", "v2", 1);
        assert_eq!(KeyFile::from_text(&newer).expect_err("v2").kind(), Kind::Newer);
        assert!(KeyFile::from_text("ANNALS RECOVERY SHEET\n").expect_err("sheet").what_next().expect("hint").contains("--sheet"));
    }

    #[test]
    fn a_flipped_byte_anywhere_never_opens() {
        let random = SeededRandom::new(10);
        let (plain, _) = KeyFile::create(SiteId::new(&random), &random);
        let (closed, _, identity) = closed_file(11);
        let unlock = Unlock { passphrase: Some("blå bær"), identity: Some(&identity) };
        for file in [plain, closed] {
            let text = file.to_text();
            for (i, bit) in (0..text.len()).flat_map(|i| (0..7).map(move |bit| (i, bit))) {
                let mut bytes = text.as_bytes().to_vec();
                bytes[i] ^= 1 << bit;
                let changed = String::from_utf8(bytes).expect("ascii stays ascii");
                let opened = KeyFile::from_text(&changed).and_then(|f| f.open(&unlock));
                assert!(opened.is_err(), "byte {i} bit {bit}");
            }
        }
    }

    #[test]
    fn a_change_on_purpose_with_a_check_line_that_fits_never_opens() {
        let random = SeededRandom::new(12);
        let (plain, _) = KeyFile::create(SiteId::new(&random), &random);
        let (mut closed, _, identity) = closed_file(13);
        closed.remove_recipient(&identity.recipient()).expect("passphrase only");
        for file in [plain, closed] {
            let text = file.to_text();
            for i in 0..split_check(&text).expect("check").0.len() - 1 {
                let mut bytes = text.as_bytes().to_vec();
                bytes[i] ^= 1;
                let changed = with_new_check(std::str::from_utf8(&bytes).expect("ascii"));
                let opened = KeyFile::from_text(&changed).and_then(|f| f.open(&with_passphrase("blå bær")));
                assert!(opened.is_err(), "byte {i}");
            }
        }
    }

    #[test]
    fn other_line_ends_and_a_lost_last_one_are_the_same_file() {
        let (file, _, _) = closed_file(14);
        let text = file.to_text();
        for same in [text.replace('\n', "\r\n"), text.trim_end().to_owned()] {
            assert_eq!(KeyFile::from_text(&same).expect("same file").to_text(), text);
        }
        for end in 0..text.len() - 1 {
            assert!(KeyFile::from_text(&text[..end]).is_err(), "cut at {end}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "\\PC{0,300}", cut in 0usize..900, insert in "[ -~\\n\\r]{0,20}") {
            let _ = KeyFile::from_text(&text);
            let (file, _, _) = closed_file(15);
            let mut changed = file.to_text().to_string();
            changed.insert_str(cut.min(changed.len()), &insert);
            let read = KeyFile::from_text(&changed);
            prop_assert!(insert.is_empty() || read.is_err() || read.is_ok_and(|f| f.to_text() == file.to_text()));
            let _ = KeyFile::from_text(&with_new_check(&changed));
        }
    }
}
